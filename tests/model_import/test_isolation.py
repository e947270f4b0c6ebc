"""Files are examined in a process of their own, with limits."""

from pathlib import Path

import pytest

from detectlab.model_import.add import add
from detectlab.model_import.isolation import examine_isolated
from detectlab.model_import.request import Request

pytestmark = pytest.mark.isolated


def make_request(file: Path, folder: Path) -> Request:
    return Request("mine", (file,), folder, "opencv", "float32")


def test_examined_in_a_process_of_its_own_it_gives_the_same(make_onnx, home) -> None:
    card = add("mine", [make_onnx()], settings=home)
    assert (card.decoder, card.classes) == ("yolov8", ("red", "green", "blue"))


def test_error_of_the_process_is_the_error_here(make_onnx, home) -> None:
    with pytest.raises(ValueError, match=r"cells\.onnx does not name its classes"):
        add("mine", [make_onnx(names="")], settings=home)


def test_file_that_takes_too_long_is_given_up(make_onnx, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"cells\.onnx cannot be used: .* more than 0\.05 s"):
        examine_isolated(make_request(make_onnx(), tmp_path), time_limit_s=0.05)


def test_file_that_takes_too_much_memory_is_given_up(make_onnx, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"cells\.onnx cannot be used: .* of memory"):
        examine_isolated(make_request(make_onnx(), tmp_path), memory_limit_bytes=30_000_000)
