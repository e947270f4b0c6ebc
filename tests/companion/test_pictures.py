"""Picture files as they are shown."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pictures import NotAPicture, Picture, distinct, samples, view

Make = Callable[..., bytes]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_view_of_each_format_is_rgb(make_picture: Make, format: str) -> None:
    shown = view(make_picture(format))

    assert (shown.image.mode, shown.size_wh) == ("RGB", (160, 120))


@pytest.mark.parametrize(
    ("size_wh", "shown_wh"),
    [
        pytest.param((16, 8), (800, 400), id="tiny-grows"),
        pytest.param((1000, 500), (1000, 500), id="fits"),
        pytest.param((2800, 700), (1400, 350), id="large-shrinks"),
        pytest.param((2000, 1), (1400, 1), id="line"),
    ],
)
def test_view_has_a_size_for_screens(
    make_picture: Make, size_wh: tuple[int, int], shown_wh: tuple[int, int]
) -> None:
    shown = view(make_picture("PNG", size_wh))

    assert (shown.image.size, shown.size_wh) == (shown_wh, size_wh)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_view_of_a_turned_photograph_is_upright(orientation: int) -> None:
    upright = Image.new("RGB", (40, 20), "red")
    upright.paste("blue", (0, 0, 20, 10))  # the upper left quarter
    stored = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    stored.save(file, "JPEG", exif=exif, quality=95)

    shown = view(file.getvalue())

    assert (shown.size_wh, shown.image.size) == ((40, 20), (800, 400))
    red, _, blue = np.asarray(shown.image)[100, 100]
    assert blue > 200 > 60 > red


def test_view_of_16_bit_keeps_the_greys() -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((20, 20), 128 * 256, np.uint16)).save(file, "PNG")

    assert view(file.getvalue()).image.getpixel((10, 10)) == (128, 128, 128)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "not a picture that can be read", id="empty"),
        pytest.param(b"%PDF-1.7 ...", "not a picture that can be read", id="pdf"),
        pytest.param(b"\x89PNG\r\n\x1a\n cut off", "not a picture|is damaged", id="header-only"),
    ],
)
def test_view_of_another_file_says_what_to_choose(data: bytes, message: str) -> None:
    with pytest.raises(NotAPicture, match=message):
        view(data)


def test_view_of_half_a_file_says_that_it_is_damaged(make_picture: Make) -> None:
    data = make_picture("PNG", (400, 400))

    with pytest.raises(NotAPicture, match="is damaged or incomplete"):
        view(data[: len(data) // 2])


def test_view_of_a_giant_says_so_before_it_is_unpacked() -> None:
    file = io.BytesIO()
    Image.new("1", (10_000, 8_500)).save(file, "PNG")

    with pytest.raises(NotAPicture, match="10000 x 8500 pixels, too many to show"):
        view(file.getvalue())


def test_distinct_pictures_keep_their_order() -> None:
    pictures = [Picture("a", b"1"), Picture("b", b"2"), Picture("again a", b"1")]

    assert distinct(pictures) == pictures[:2]


def test_samples_are_the_pictures_of_the_folder(tmp_path: Path, make_picture: Make) -> None:
    (tmp_path / "b.JPG").write_bytes(make_picture())
    (tmp_path / "a.png").write_bytes(make_picture("PNG"))
    (tmp_path / "CREDITS.md").write_text("ours")

    assert samples(tmp_path) == {"a": tmp_path / "a.png", "b": tmp_path / "b.JPG"}
    assert samples(tmp_path / "nowhere") == {}
