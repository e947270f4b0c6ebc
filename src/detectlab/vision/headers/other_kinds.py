"""Files that people send by mistake, told apart from damaged pictures by their first bytes."""

_STARTS = {
    b"%PDF": "a PDF document",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML or SVG file",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
    b"PK\x03\x04": "a ZIP archive",
    b"\x00\x00\x01\x00": "an icon",
    b"\x00\x00\x00\x0cjP  ": "a JPEG 2000 picture",
    b"\x00\x00\x00\x0cJXL ": "a JPEG XL picture",
    b"\xff\x0a": "a JPEG XL picture",
}
# Brands of the ISO base media file format (ISO/IEC 14496-12), as they stand behind `ftyp`.
_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def name_other_kind(data: bytes) -> str:
    """What a file is, with an article; empty when its content does not say."""
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in _AVIF:
            return "an AVIF picture"
        return "a HEIC picture" if brand in _HEIC else "a film"
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return next((kind for begin, kind in _STARTS.items() if start.startswith(begin.lower())), "")
