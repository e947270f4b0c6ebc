"""Chosen files become pictures that the server takes."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from asking import Answer
from detectlab.client import Detection
from fitting import fit
from pictures import Picture

Make = Callable[..., bytes]


def opened(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.data))


def test_small_picture_in_a_known_format_stays_as_it_is(make_picture: Make) -> None:
    picture = Picture("a.png", make_picture("PNG"))

    assert fit(picture) is picture


def test_picture_of_54_megapixels_is_shrunk_and_said_to_be(make_picture: Make) -> None:
    shrunk = fit(Picture("a.jpg", make_picture(size_wh=(9000, 6000))))

    assert opened(shrunk).size == (4000, 2667)
    assert shrunk.factor == 2.25
    assert shrunk.note == (
        "It has 9000 × 6000 pixels: the server gets a JPEG of 4000 × 2667 pixels."
    )


def test_file_of_more_than_10_mb_is_shrunk() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2000, 2000, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")

    shrunk = fit(Picture("a.png", file.getvalue()))

    assert len(shrunk.data) < 10 << 20
    assert "has 12 MB" in shrunk.note


def test_avif_becomes_a_jpeg(make_picture: Make) -> None:
    rewritten = fit(Picture("a.avif", make_picture("AVIF")))

    assert (opened(rewritten).format, opened(rewritten).size) == ("JPEG", (160, 120))
    assert rewritten.note.startswith("It is AVIF")


def test_turned_photograph_is_sent_upright(make_picture: Make) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    shrunk = fit(Picture("a.jpg", make_picture(size_wh=(9000, 6000), exif=exif)))

    assert opened(shrunk).size == (2667, 4000)
    assert shrunk.factor == pytest.approx(2.25, abs=0.01)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n cut off"])
def test_file_that_is_no_picture_is_left_for_the_server_to_refuse(data: bytes) -> None:
    picture = Picture("a.jpg", data)

    assert fit(picture) is picture


def test_answer_about_a_shrunk_picture_is_scaled_to_the_chosen_one() -> None:
    found = Detection(x_min=1, y_min=2, x_max=3, y_max=5, class_name="car", confidence=0.5)

    (scaled,) = Answer("nano", (found,), 0.1, 0.2).scaled(2.25).detections

    corners = [scaled["x_min"], scaled["y_min"], scaled["x_max"], scaled["y_max"]]
    assert corners == [2, 4, 7, 11]
