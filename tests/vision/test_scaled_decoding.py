"""Decoding at a fraction of the size: which fraction, which way up, and where boxes land."""

import cv2
import numpy as np
import pytest

from detectlab.vision.detections import Detections
from detectlab.vision.headers.base import Header
from detectlab.vision.images import check_header, decode_checked, shrink_for

NANO = (416, 416)


@pytest.fixture
def jpeg() -> bytes:
    """A white square on black, in the left upper part of a picture of 1600 x 1200."""
    pixels = np.zeros((1200, 1600, 3), np.uint8)
    pixels[100:300, 200:600] = 255
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def turned(jpeg: bytes, orientation: int) -> bytes:
    """The file with an EXIF entry that says how to turn it."""
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + bytes([0, orientation, 0, 0])
    exif = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01" + entry + b"\x00\x00\x00\x00"
    return jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]


@pytest.mark.parametrize(
    ("size_wh", "input_size_wh", "expected"),
    [
        pytest.param((4032, 3024), NANO, 2, id="phone"),
        pytest.param((3024, 4032), NANO, 2, id="upright"),
        pytest.param((8064, 6048), NANO, 4, id="huge"),
        pytest.param((3200, 2400), NANO, 1, id="less than four times the input at half the size"),
        pytest.param((4032, 3024), (208, 208), 4, id="smaller input"),
        pytest.param((640, 480), NANO, 1, id="small"),
        pytest.param((16000, 2000), NANO, 1, id="narrow"),
        pytest.param((4032, 3024), (640, 640), 1, id="larger input"),
    ],
)
def test_fraction_leaves_four_times_the_input(
    size_wh: tuple[int, int], input_size_wh: tuple[int, int], expected: int
) -> None:
    header = Header("JPEG", *size_wh, memory_bytes=0, is_plain=True)

    assert shrink_for(header, input_size_wh) == expected


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_formats_are_decoded_whole(kind: str) -> None:
    assert shrink_for(Header(kind, 4032, 3024, memory_bytes=0, is_plain=True), NANO) == 1


def test_jpeg_of_unbounded_cost_is_decoded_whole() -> None:
    assert shrink_for(Header("JPEG", 4032, 3024, memory_bytes=0), NANO) == 1


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_fraction_is_turned_as_the_whole_picture_is(jpeg: bytes, orientation: int) -> None:
    data = turned(jpeg, orientation)
    header = check_header(data)

    whole, half = decode_checked(data, header), decode_checked(data, header, 2)

    assert half.size_wh == whole.size_wh == whole.pixels.shape[1::-1]
    assert half.pixels.shape[1::-1] == tuple(side // 2 for side in half.size_wh)
    small = cv2.resize(whole.pixels, half.pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - half.pixels).mean() < 1


def test_boxes_are_scaled_to_the_whole_picture() -> None:
    found = Detections(
        np.array([[10, 20, 30, 40]], np.float32), np.array([0.9]), np.array([0]), ("apple",)
    )

    assert found.scaled(x=4, y=2).xyxy.tolist() == [[40, 40, 120, 80]]
