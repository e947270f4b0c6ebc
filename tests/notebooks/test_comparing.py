"""A wrong result in a notebook is noticed; another processor's rounding is not."""

import base64
import re

import cv2
import nbformat
import numpy as np
import pytest

from detectlab import Detections, draw_bbox

TEXT = "apple 0.917 at [62, 40, 241, 220]\n"
PRINT = f"print({TEXT.strip()!r})"
SHOW = "from IPython.display import Image\n\nImage('picture.jpg')"


def drawn(xyxy=(60, 50, 180, 170), confidence=0.5, quality=80, shape=(240, 320, 3)):
    """A picture with a box and a label, as base64."""
    rng = np.random.default_rng(42)  # the same background each time
    picture = cv2.GaussianBlur(rng.integers(0, 255, shape).astype(np.uint8), (0, 0), 4)
    found = Detections(np.array([xyxy]), np.array([confidence]), np.array([0]), ("apple",))
    data = cv2.imencode(".jpg", draw_bbox(picture, found), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return base64.b64encode(data.tobytes()).decode()


def text_output(text):
    return nbformat.v4.new_output("stream", name="stdout", text=text)


def picture_output(jpeg):
    data = {"image/jpeg": jpeg, "text/plain": "<IPython.core.display.Image object>"}
    return nbformat.v4.new_output("execute_result", data, execution_count=1)


@pytest.mark.slow
def test_nbval_with_tampered_outputs_fails_those_cells(nbval, tmp_path):
    (tmp_path / "picture.jpg").write_bytes(base64.b64decode(drawn()))
    stored = [
        (PRINT, [text_output(TEXT)]),
        (SHOW, [picture_output(drawn())]),
        (PRINT, [text_output(TEXT.replace("0.917", "0.920"))]),
        (SHOW, [picture_output(drawn(xyxy=(70, 50, 180, 170)))]),
        (SHOW, []),
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(source, outputs=outputs, execution_count=1)
            for source, outputs in stored
        ]
    )
    nbformat.write(notebook, tmp_path / "small.ipynb")

    result = nbval(tmp_path / "small.ipynb")

    failed = re.findall(r"FAILED .*::Cell (\d)", result.stdout)
    assert failed == ["2", "3", "4"], result.stdout
    for message in (
        "'0.920' is stored, '0.917' came",
        "of the pixels are wrong",
        "image/jpeg: 0 stored, 1 came",
    ):
        assert message in result.stdout


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("3 found", "3 found", id="same"),
        pytest.param("conf 0.500", "conf 0.502", id="decimals"),
        pytest.param("[10, 20, 30, 40]", "[11, 18, 30, 40]", id="corners"),
        pytest.param("{'x_min': 10, 'y_max': 9}", "{'x_min': 12, 'y_max': 9}", id="json"),
    ],
)
def test_texts_within_tolerance_are_the_same(comparing, one, other):
    assert comparing.differ_as_texts(one, other) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("3 found", "4 found", id="count"),
        pytest.param("apple 0.5", "orange 0.5", id="word"),
        pytest.param("conf 0.500", "conf 0.503", id="decimals"),
        pytest.param("conf 0.5", "conf 0.5 0.5", id="one-more"),
        pytest.param("[10, 20, 30, 40]", "[13, 20, 30, 40]", id="corners"),
        pytest.param("[10, 20, 30]", "[11, 20, 30]", id="no-box"),
        pytest.param("'x_min': 10", "'x_max': 10", id="other-corner"),
    ],
)
def test_texts_beyond_tolerance_differ(comparing, one, other):
    assert "is stored" in comparing.differ_as_texts(one, other)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="same"),
        pytest.param({"confidence": 0.511}, id="last-digit-of-a-label"),
        pytest.param({"xyxy": (61, 49, 181, 170)}, id="corner-rounded-the-other-way"),
        pytest.param({"quality": 85}, id="other-jpeg-library"),
    ],
)
def test_pictures_of_another_processor_are_the_same(comparing, change):
    assert comparing.differ_as_pictures(drawn(), drawn(**change)) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"xyxy": (70, 50, 180, 170)}, "of the pixels", id="box-moved"),
        pytest.param({"xyxy": (500, 500, 510, 510)}, "of the pixels", id="box-missing"),
        pytest.param({"shape": (240, 300, 3)}, "has shape", id="size"),
    ],
)
def test_pictures_with_wrong_result_differ(comparing, change, message):
    assert message in comparing.differ_as_pictures(drawn(), drawn(**change))


def test_pictures_that_cannot_be_decoded_differ(comparing):
    broken = base64.b64encode(b"no picture").decode()

    assert "no picture" in comparing.differ_as_pictures(drawn(), broken)
