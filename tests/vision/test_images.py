"""Pictures of every kind in, clear errors for everything else."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from detectlab.vision.images import ImageError, decode_image, encode_image, read_image

# Left half red, right half blue: turning and channel order show.
RED_BLUE = np.zeros((20, 40, 3), np.uint8)
RED_BLUE[:, :20] = (0, 0, 255)
RED_BLUE[:, 20:] = (255, 0, 0)


def saved(picture: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def red_blue(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(RED_BLUE[..., ::-1]).convert(mode)


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header says it is large."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(1000))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def bgr_at(pixels: np.ndarray, row: int, column: int) -> tuple[int, ...]:
    return tuple(pixels[row, column].tolist())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved(red_blue(), "JPEG", quality=95), id="JPEG"),
        pytest.param(saved(red_blue(), "JPEG", quality=95, progressive=True), id="progressive"),
        pytest.param(saved(red_blue("CMYK"), "JPEG", quality=95), id="CMYK JPEG"),
        pytest.param(saved(red_blue(), "PNG"), id="PNG"),
        pytest.param(saved(red_blue("RGBA"), "PNG"), id="RGBA PNG"),
        pytest.param(saved(red_blue("P"), "PNG"), id="palette PNG"),
        pytest.param(
            cv2.imencode(".png", RED_BLUE.astype(np.uint16) * 257)[1].tobytes(), id="16 bit"
        ),
        pytest.param(saved(red_blue(), "WEBP", quality=95), id="WebP"),
        pytest.param(saved(red_blue(), "BMP"), id="BMP"),
        pytest.param(saved(red_blue("P"), "GIF"), id="GIF"),
        pytest.param(saved(red_blue(), "TIFF"), id="TIFF"),
    ],
)
def test_decode_image_of_each_kind_gives_bgr(data: bytes) -> None:
    pixels = decode_image(data).pixels
    assert (pixels.shape, pixels.dtype) == ((20, 40, 3), np.uint8)
    assert bgr_at(pixels, 10, 5) == pytest.approx((0, 0, 255), abs=40)
    assert bgr_at(pixels, 10, 35) == pytest.approx((255, 0, 0), abs=40)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_decode_image_of_grey_gives_three_channels(mode: str) -> None:
    pixels = decode_image(saved(red_blue(mode), "PNG")).pixels
    assert pixels.shape == (20, 40, 3)
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_decode_image_of_one_pixel_works() -> None:
    assert decode_image(saved(Image.new("RGB", (1, 1)), "PNG")).pixels.shape == (1, 1, 3)


def test_decode_image_with_exif_turn_comes_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees to the right to see it upright"
    pixels = decode_image(saved(red_blue(), "JPEG", quality=95, exif=exif)).pixels
    assert pixels.shape == (40, 20, 3)
    assert bgr_at(pixels, 5, 10) == pytest.approx((0, 0, 255), abs=40)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_decode_image_of_an_animation_gives_the_first_frame(format: str) -> None:
    others = [Image.new("RGB", (40, 20), "lime"), Image.new("RGB", (40, 20), "white")]
    data = saved(red_blue(), format, save_all=True, append_images=others, duration=100)
    pixels = decode_image(data).pixels
    assert bgr_at(pixels, 10, 5) == pytest.approx((0, 0, 255), abs=40)


def test_decode_image_reports_the_format_that_came() -> None:
    assert decode_image(saved(red_blue(), "PNG")).format == "PNG"
    assert decode_image(saved(red_blue(), "JPEG")).format == "JPEG"


@pytest.mark.parametrize(
    ("data", "reason", "message"),
    [
        pytest.param(b"", "not_an_image", "empty", id="nothing"),
        pytest.param(b"hello, I am text", "unrecognised", "not a picture", id="text"),
        pytest.param(bytes(1000), "unrecognised", "not a picture", id="zeros"),
        pytest.param(b"%PDF-1.7 ...", "unsupported", "a PDF document", id="PDF"),
        pytest.param(b"<svg xmlns='...'/>", "unsupported", "an SVG drawing", id="SVG"),
        pytest.param(b"\n<!doctype html><p>", "unsupported", "a web page", id="HTML"),
        pytest.param(saved(red_blue(), "ICO"), "unsupported", "an icon", id="ICO"),
        pytest.param(saved(red_blue(), "PPM"), "unrecognised", "not a picture", id="PPM"),
        pytest.param(png_that_claims(30_000, 30_000), "too_large", "pixels", id="bomb"),
        pytest.param(png_that_claims(7_000, 7_000), "too_large", "7000 x 7000", id="49 megapixel"),
    ],
)
def test_decode_image_of_anything_else_says_what_is_wrong(
    data: bytes, reason: str, message: str
) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        decode_image(data)
    assert caught.value.reason == reason


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_decode_image_cut_short_is_refused(format: str, part: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    data = saved(Image.fromarray(noise), format)
    with pytest.raises(ImageError) as caught:
        decode_image(data[: int(len(data) * part)])
    assert caught.value.reason == "not_an_image"


def test_decode_image_with_a_thumbnail_cut_short_is_refused() -> None:
    thumbnail = saved(red_blue().resize((10, 10)), "JPEG")
    data = saved(red_blue(), "JPEG")
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    with pytest.raises(ImageError, match="ends too early"):
        decode_image(data[:2] + segment + data[2:-30])


def test_read_image_gives_what_opencv_reads(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    cv2.imwrite(str(file), RED_BLUE)
    assert (read_image(file) == RED_BLUE).all()


def test_read_image_without_a_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no picture at .*missing\.jpg"):
        read_image(tmp_path / "missing.jpg")


def test_read_image_of_a_text_file_names_it(tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("no picture")
    with pytest.raises(ImageError, match=r"notes\.jpg: This is not a picture"):
        read_image(tmp_path / "notes.jpg")


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_encode_image_can_be_decoded_again(format: str) -> None:
    picture = decode_image(encode_image(RED_BLUE, format))
    assert picture.format == format
    assert bgr_at(picture.pixels, 10, 5) == pytest.approx((0, 0, 255), abs=20)


def test_encode_image_to_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match='must be "JPEG" or "PNG"'):
        encode_image(RED_BLUE, "GIF")
