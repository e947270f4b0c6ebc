"""Mutations that know where a format keeps its sizes, counts and offsets."""

import io
import random
import struct
import zlib
from collections.abc import Callable

import hostile_pictures as hostile
import numpy as np
from PIL import Image

Mutation = Callable[[bytes, random.Random], bytes]

_NUMBERS = (
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    63,
    64,
    100,
    255,
    256,
    1000,
    4000,
    5000,
    8000,
    16_384,
    32_767,
    32_768,
    65_535,
    1_000_000,
    2**31 - 1,
    2**31,
    2**32 - 1,
)


def seeds(format: str) -> list[bytes]:
    """Small inputs of a format: ordinary ones, and those that once cost too much."""
    if format == "form":
        return [form(hostile.jpeg_scans((64, 64), 5)), form(b"x" * 5000), form(b"", fields=5)]
    rng = np.random.default_rng(5)
    picture = Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8))
    found = [_saved(picture, format, **options) for options in _OPTIONS[format]]
    return found + [make() for make in _HOSTILE[format]]


_OPTIONS: dict[str, list[dict[str, object]]] = {
    "JPEG": [{}, {"progressive": True}, {"subsampling": 2, "restart_marker_blocks": 1}],
    "PNG": [{}, {"compress_level": 0}],
    "WEBP": [{}, {"lossless": True}],
    "BMP": [{}],
    "GIF": [{}],
    "TIFF": [
        {"compression": kind}
        for kind in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    ],
}
_HOSTILE: dict[str, list[Callable[[], bytes]]] = {
    "JPEG": [
        lambda: hostile.jpeg_scans((4000, 3000), 20, 3),
        lambda: hostile.jpeg_scans((6000, 6000), 20),
        lambda: hostile.jpeg_scans((3000, 3000), 90, 3, False),
        lambda: hostile.mpo(2, (64, 64)),
    ],
    "PNG": [
        lambda: hostile.png((4000, 3000)),
        lambda: hostile.png((64, 48), surplus=1 << 24),
        lambda: hostile.apng((500, 400), 5),
        lambda: hostile.png_text(3),
    ],
    "WEBP": [lambda: hostile.webp((4000, 3000)), lambda: hostile.webp((200, 100), 5)],
    "BMP": [lambda: hostile.bmp((4000, 3000), bits=8, compression=1, data=b"\0\1")],
    "GIF": [
        lambda: hostile.gif((3000, 2000), data=b"\x24\x49\x92" * 20_000),
        lambda: hostile.gif_full((3000, 2000)),
        lambda: hostile.gif_full((64, 48), 5),
    ],
    "TIFF": [
        lambda: hostile.tiff((64, 4800), [bytes(256)] * 1200, tile=(16, 16)),
        lambda: hostile.tiff_shared_tiles((64, 48)),
        lambda: hostile.tiff_jpeg((2000, 2000), 15),
        lambda: hostile.tiff((500, 400), [hostile.zeros(200_000)], compression=8),
    ],
}


def mutate(format: str, data: bytes, rng: random.Random) -> bytes:
    """One to four mutations, most of them of the format's own kind."""
    for _ in range(rng.randint(1, 4)):
        choices = (*_OWN[format], set_number, repeat, leave_out)
        data = rng.choice(choices)(data, rng)
    return data


def set_number(data: bytes, rng: random.Random) -> bytes:
    """A number of two or four bytes among the first, where sizes are."""
    place = rng.randrange(max(1, min(len(data), rng.choice((64, 700)))))
    form = rng.choice(("<H", ">H", "<I", ">I"))
    number = rng.choice(_NUMBERS) % (1 << 8 * struct.calcsize(form))
    return data[:place] + struct.pack(form, number) + data[place + struct.calcsize(form) :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(max(1, len(data)))
    piece = data[start : start + rng.choice((1, 4, 12, 64, 500))]
    return data[:start] + piece * rng.choice((2, 10, 100, 1000)) + data[start:]


def leave_out(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(max(1, len(data)))
    return data[:start] + data[start + rng.choice((1, 4, 64)) :]


def jpeg_segments(data: bytes, rng: random.Random) -> bytes:
    """Segments in other numbers, or another size of the picture."""
    starts = [n for n in range(len(data) - 1) if data[n] == 255 and data[n + 1] not in (0, 255)]
    if len(starts) < 3:
        return data
    index = rng.randrange(1, len(starts) - 1)
    start, end = starts[index], starts[index + 1]
    if data[start + 1] in (0xC0, 0xC2) and rng.random() < 0.7:
        size = struct.pack(">HH", rng.choice((64, 1000, 5000, 6000)), rng.choice((64, 4000, 8000)))
        return data[: start + 5] + size + data[start + 9 :]
    return data[:start] + data[start:end] * rng.choice((0, 2, 10, 90)) + data[end:]


def png_chunks(data: bytes, rng: random.Random) -> bytes:
    """Chunks in other numbers or with other content, their checksums right."""
    chunks: list[tuple[bytes, bytes]] = []
    place = 8
    while place + 12 <= len(data) and len(chunks) < 500:
        length = int.from_bytes(data[place : place + 4], "big")
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    if not chunks:
        return data
    index = rng.randrange(len(chunks))
    kind, body = chunks[index]
    if kind == b"IHDR":
        body = struct.pack(">II", rng.choice((1, 64, 8000)), rng.choice((1, 48, 5000)))
        body += bytes((rng.choice((1, 8, 16)), rng.choice((0, 2, 3, 6)), 0, 0, rng.randint(0, 1)))
        chunks[index] = kind, body
    elif kind in (b"IDAT", b"fdAT"):
        chunks[index] = kind, hostile.zeros(rng.choice((1000, 1_000_000, 100_000_000)))
    else:
        chunks[index:index] = [(kind, body)] * rng.choice((1, 10, 100))
    return data[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def tiff_entry(data: bytes, rng: random.Random) -> bytes:
    """One field of the directory."""
    if len(data) < 8:
        return data
    start = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[start : start + 2], "little")
    if not 0 < count < 100:
        return data
    place = start + 2 + 12 * rng.randrange(count)
    number = rng.choice((*_NUMBERS, len(data), start, len(data) // 2))
    if rng.random() < 0.2:
        tags = (256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325)
        return data[:place] + struct.pack("<H", rng.choice(tags)) + data[place + 2 :]
    where = place + rng.choice((4, 8, 8, 8))
    return data[:where] + struct.pack("<I", number) + data[where + 4 :]


def gif_codes(data: bytes, rng: random.Random) -> bytes:
    """Other codes in the first frame, as many as a small file has."""
    start = data.find(b"\x2c")
    if start < 0:
        return data
    bits = rng.randint(2, 8)
    codes = bytes(rng.choice((0x24, 0x49, 0x92, 0, 0xFF, bits)) for _ in range(3)) * 20_000
    blocks = b"".join(b"\xff" + codes[n : n + 255] for n in range(0, len(codes) - 255, 255))
    return data[: start + 10] + bytes((bits,)) + blocks + b"\0\x3b"


def riff_sizes(data: bytes, rng: random.Random) -> bytes:
    """Sizes of the whole file and of the picture."""
    size = struct.pack("<I", max(0, len(data) - 8))
    bits = rng.choice((0, 0x3FFF, 0x0FFFFFFF, 8000 | 5000 << 14))
    return data[:4] + size + data[8:21] + struct.pack("<I", bits) + data[25:]


def form_parts(data: bytes, rng: random.Random) -> bytes:
    """Boundaries, headers and line ends in other numbers."""
    pieces = (
        *(b"\r\n--b", b"--b\r\n", b"\r\n", b"a: b\r\n", b"--", b"\r", b'filename="x"; '),
        *(b"; x=y" * 100, b'"\\' * 100, b"Content-Disposition: form-data; name=x\r\n\r\n"),
    )
    place = rng.randrange(max(1, len(data)))
    return data[:place] + rng.choice(pieces) * rng.choice((1, 10, 1000, 10_000)) + data[place:]


def form(file: bytes, fields: int = 1) -> bytes:
    field = b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\nvalue\r\n'
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    return field * fields + head + file + b"\r\n--b--\r\n"


_OWN: dict[str, tuple[Mutation, ...]] = {
    "JPEG": (jpeg_segments, jpeg_segments, jpeg_segments),
    "PNG": (png_chunks, png_chunks, png_chunks),
    "WEBP": (riff_sizes,),
    "BMP": (set_number,),
    "GIF": (gif_codes,),
    "TIFF": (tiff_entry, tiff_entry, tiff_entry),
    "form": (form_parts, form_parts),
}
FORMATS = tuple(_OWN)


def _saved(picture: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()
