"""What is read from a header, and what is refused by it."""

import io
import struct
from collections.abc import Callable

import hostile_pictures as hostile
import numpy as np
import pytest
from PIL import Image

from detectlab.vision.headers.base import ImageError
from detectlab.vision.images import check_header, decode_image

NOISE = np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)


def saved(format: str, **options: object) -> bytes:
    mode = str(options.pop("mode", "RGB"))
    picture = Image.fromarray(NOISE).convert(mode)
    if mode == "RGBA":
        picture.putalpha(90)
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "is_plain"),
    [
        pytest.param(saved("JPEG"), True, id="JPEG"),
        pytest.param(saved("JPEG", mode="L"), True, id="grey JPEG"),
        pytest.param(saved("JPEG", mode="CMYK"), True, id="CMYK JPEG"),
        pytest.param(saved("JPEG", subsampling=2), True, id="JPEG 4:2:0"),
        pytest.param(saved("JPEG", progressive=True), False, id="progressive JPEG"),
        pytest.param(saved("PNG"), True, id="PNG"),
        pytest.param(saved("PNG", mode="P"), True, id="palette PNG"),
        pytest.param(
            saved("PNG", save_all=True, append_images=[Image.new("RGB", (70, 90))]),
            False,
            id="APNG",
        ),
        pytest.param(saved("WEBP"), True, id="WebP"),
        pytest.param(saved("WEBP", lossless=True), False, id="lossless WebP"),
        pytest.param(saved("WEBP", mode="RGBA"), False, id="WebP with alpha"),
        pytest.param(
            saved("WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"), False, id="WebP with EXIF"
        ),
        pytest.param(saved("GIF"), False, id="GIF"),
        pytest.param(saved("BMP"), False, id="BMP"),
        pytest.param(saved("BMP", mode="P"), False, id="palette BMP"),
        pytest.param(saved("TIFF"), False, id="TIFF"),
        pytest.param(saved("TIFF", compression="tiff_lzw"), False, id="LZW TIFF"),
        pytest.param(saved("TIFF", compression="jpeg"), False, id="JPEG in TIFF"),
        pytest.param(saved("TIFF", big_tiff=True), False, id="BigTIFF"),
        pytest.param(saved("TIFF", tiffinfo={278: 7}), False, id="TIFF of strips"),
    ],
)
def test_ordinary_picture_has_the_size_that_it_decodes_to(data: bytes, is_plain: bool) -> None:
    header = check_header(data)

    assert (header.width, header.height) == (70, 90)
    assert header.is_plain == is_plain
    assert decode_image(data).pixels.shape == (90, 70, 3)


def test_several_pictures_in_one_file_are_one_jpeg_and_not_complete_when_the_first_is_cut() -> None:
    data = hostile.mpo(3, (320, 200))
    first_end = data.index(b"\xff\xd9") + 2

    assert decode_image(data).format == "JPEG"
    assert decode_image(data[:first_end]).pixels.shape == (200, 320, 3)
    with pytest.raises(ImageError, match="The JPEG file ends too early"):
        decode_image(data[: first_end - 20])


def test_compressed_texts_of_a_png_are_not_unpacked() -> None:
    data = hostile.png_text(3)
    header = check_header(data)

    assert len(header.skipped) == 3
    assert decode_image(data).pixels.shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(
            lambda: hostile.jpeg_scans((200, 200), 101), r"too many scans \(at most 100", id="scans"
        ),
        pytest.param(
            lambda: hostile.jpeg_scans((200, 200), 101, 3, False),
            "too many scans",
            id="baseline scans",
        ),
        pytest.param(
            lambda: hostile.jpeg_scans((6000, 6000), 40),
            "too many for a picture of its size",
            id="work",
        ),
        pytest.param(lambda: hostile.jpeg_segments(3000), "too many segments", id="segments"),
        pytest.param(
            lambda: hostile.jpeg_scans((6500, 6000), 3, 3), "takes too much memory", id="memory"
        ),
        pytest.param(
            lambda: hostile.tiff_shared_tiles((160, 160)),
            "strips or tiles that share bytes",
            id="shared tiles",
        ),
        pytest.param(
            lambda: hostile.tiff_shared_tiles((16, 1_000_000)),
            "62,500 strips or tiles",
            id="many tiles",
        ),
        pytest.param(
            lambda: hostile.tiff((16, 16), [bytes(9)], tile=(16384, 16368)),
            "tiles of 16384 x 16368 pixels",
            id="huge tile",
        ),
        pytest.param(
            lambda: hostile.tiff_jpeg((200, 200), 90), "too many JPEG scans", id="scans in TIFF"
        ),
        pytest.param(
            lambda: hostile.png((16, 16), idat=1, surplus=1 << 24), "too many chunks", id="chunks"
        ),
        pytest.param(
            lambda: hostile.gif((16, 16)).replace(b"\x2c", b"\x21\xfe" + b"\1a" * 20_000 + b"\0,"),
            "too many blocks",
            id="blocks",
        ),
    ],
)
def test_picture_that_costs_more_than_its_size_is_refused_by_its_header(
    make: Callable[[], bytes], message: str
) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        check_header(make())
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize("compression", [6, 34712, 50000])
def test_tiff_with_an_unknown_compression_is_not_read(compression: int) -> None:
    data = hostile.tiff((16, 16), [bytes(256)], compression=compression)
    with pytest.raises(ImageError, match=f"compressed in a way that is not read .{compression}"):
        check_header(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            hostile.tiff((16, 16), [b"a"] * 2, rows=8, offsets=[8, 9**9]), "ends too early"
        ),
        pytest.param(hostile.tiff((16, 16), [b"a"], counts=[9**9]), "ends too early"),
        pytest.param(hostile.tiff((16, 16), [b"a"], rows=8), "ends too early"),
        pytest.param(hostile.tiff((16, 16), [b"a"], extra={278: 0}), "header of the TIFF"),
        pytest.param(hostile.tiff((16, 16), [b"a"], extra={324: 8}), "header of the TIFF"),
        pytest.param(b"II*\0" + struct.pack("<I", 9**9), "header of the TIFF"),
        pytest.param(b"\xff\xd8\xff" * 1000, "header of the JPEG"),
        pytest.param(b"\xff\xd8" + b"\xff" * 100_000, "header of the JPEG"),
        pytest.param(hostile.bmp((16, 16), bytes(10)), "ends too early"),
        pytest.param(hostile.gif((16, 16), frame=(17, 16)), "header of the GIF"),
    ],
)
def test_header_that_contradicts_the_file_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        check_header(data)
    assert caught.value.reason == "not_an_image"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(hostile.jpeg_scans((64, 64), 20, 3), id="JPEG"),
        pytest.param(hostile.tiff((64, 64), [bytes(64)] * 64, rows=1), id="TIFF"),
        pytest.param(hostile.gif((64, 64), 3), id="GIF"),
        pytest.param(hostile.apng((64, 64), 3), id="PNG"),
        pytest.param(hostile.webp((64, 64), 3), id="WebP"),
        pytest.param(hostile.bmp((64, 64)), id="BMP"),
    ],
)
def test_header_with_any_byte_wrong_or_anything_cut_off_is_read_or_refused(data: bytes) -> None:
    damaged = [data[:end] for end in range(len(data))]
    for place in range(len(data)):
        damaged += [data[:place] + bytes((byte,)) + data[place + 1 :] for byte in (0, 1, 128, 255)]
    refusals = []
    for variant in damaged:
        try:
            assert check_header(variant).width > 0
        except ImageError as error:
            refusals.append(error.reason)
    assert "not_an_image" in refusals
