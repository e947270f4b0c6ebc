"""Reading ONNX files, and making them plain: results stay the same, in every engine."""

import re
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from detectlab.engines import Network, available, open_engine
from detectlab.model_import.onnx_reader import read_onnx

NOISE = np.random.default_rng(0).integers(0, 256, (320, 320, 3), dtype=np.uint8)


def run(read, folder, engine="opencv"):
    file = folder / "plain.onnx"
    file.write_bytes(read.content)
    return open_engine(Network(file, None, read.input_size_wh, 1 / 255), engine).run(NOISE)[
        "output0"
    ]


def test_read_onnx_says_what_the_file_says(make_onnx):
    read = read_onnx(make_onnx(license="MIT"))
    expected = ((320, 320), ("red", "green", "blue"), "MIT", 17, ("shapes computed ahead",))
    assert read[1:-1] == expected
    assert not read.has_open_size
    assert read_onnx(make_onnx(open_size=True)).has_open_size


def test_read_onnx_of_a_file_that_is_plain_changes_nothing(make_onnx, tmp_path):
    (tmp_path / "plain.onnx").write_bytes(read_onnx(make_onnx()).content)
    read = read_onnx(tmp_path / "plain.onnx")
    assert read.changes == ()
    assert read.content == (tmp_path / "plain.onnx").read_bytes()


@pytest.mark.parametrize("engine", available())
@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        pytest.param({"open_size": True}, ("its input fixed at 320 x 320",), id="open"),
        pytest.param({"half": True}, ("float16 made float32", "shapes computed ahead"), id="half"),
        pytest.param(
            {"open_size": True, "half": True},
            ("float16 made float32", "its input fixed at 320 x 320"),
            id="open and half",
        ),
    ],
)
def test_read_onnx_made_plain_gives_the_same_numbers(
    make_onnx, tmp_path, engine, layout, kind, changes
):
    usual = run(read_onnx(make_onnx(layout=layout)), tmp_path)
    read = read_onnx(make_onnx(layout=layout, imgsz="[320, 320]", **kind))
    assert read.changes == changes
    assert run(read, tmp_path, engine) == pytest.approx(usual, abs=2e-3 if "half" in kind else 1e-5)


def test_read_onnx_with_an_open_size_takes_the_one_that_is_asked(make_onnx):
    file = make_onnx(open_size=True)
    assert read_onnx(file).input_size_wh == (640, 640)
    assert read_onnx(file, 96).input_size_wh == (96, 96)
    assert read_onnx(make_onnx(open_size=True, imgsz="224")).input_size_wh == (224, 224)
    assert read_onnx(make_onnx(open_size=True, imgsz="nonsense(")).input_size_wh == (640, 640)


def test_read_onnx_whose_input_is_no_square_keeps_its_sides(make_onnx):
    assert read_onnx(make_onnx(size_wh=(640, 320))).input_size_wh == (640, 320)


def test_read_onnx_with_operators_in_disorder_puts_them_in_order(make_onnx, tmp_path):
    model = onnx.load(make_onnx())
    usual = run(read_onnx(make_onnx()), tmp_path)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes[::-1])
    onnx.save(model, tmp_path / "disorder.onnx")
    read = read_onnx(tmp_path / "disorder.onnx")
    assert read.changes == ("its operators put in order", "shapes computed ahead")
    assert run(read, tmp_path) == pytest.approx(usual)


def test_read_onnx_with_weights_in_another_file_puts_them_together(
    make_onnx, save_in_parts, tmp_path
):
    usual = run(read_onnx(make_onnx()), tmp_path)
    model = onnx.load(make_onnx())
    read = read_onnx(save_in_parts(model))
    assert read.changes == ("its parts put into one file", "shapes computed ahead")
    assert run(read, tmp_path) == pytest.approx(usual)
    (tmp_path / "parts.bin").unlink()
    with pytest.raises(ValueError, match="keeps its weights in another file, which cannot be read"):
        read_onnx(tmp_path / "parts.onnx")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("{0: 'a', 1: 'b'}", ("a", "b")),
        ('["a", "b"]', ("a", "b")),
        ("{1: 'a', 0: 'b'}", ()),
        ("{0: 1}", ()),
        ("a, b", ()),
        ("", ()),
        ("(" * 1000, ()),
    ],
)
def test_read_onnx_takes_names_in_the_usual_spellings_only(make_onnx, names, expected):
    assert read_onnx(make_onnx(names=names)).names == expected


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"<!DOCTYPE html>", "half"])
def test_read_onnx_of_a_damaged_file_raises_value_error(make_onnx, tmp_path, content):
    whole = make_onnx().read_bytes()
    file = tmp_path / "damaged.onnx"
    file.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    with pytest.raises(ValueError, match=r"^damaged\.onnx is damaged, or no ONNX file"):
        read_onnx(file)


@pytest.mark.parametrize("opset", [5, 99])
def test_read_onnx_with_an_opset_that_is_not_understood_says_which_are(make_onnx, opset):
    with pytest.raises(ValueError, match=rf"has opset {opset}; 7 to \d+ are.*with opset 17"):
        read_onnx(make_onnx(opset=opset))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"task": "segment"}, "must be a detector; its metadata says: segment"),
    ],
)
def test_read_onnx_of_another_purpose_raises_value_error(make_onnx, metadata, message):
    with pytest.raises(ValueError, match=message):
        read_onnx(make_onnx(**metadata))


def changed(file, change):
    model = onnx.load(file)
    change(model)
    onnx.save(model, file)
    return file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda model: model.graph.input.append(
                helper.make_tensor_value_info("more", TensorProto.FLOAT, [1])
            ),
            "has an input besides the picture, more of shape .*whose meaning is not known",
            id="inputs",
        ),
        pytest.param(
            lambda model: setattr(model.graph.node[0], "domain", "com.microsoft"),
            "uses operators of com.microsoft, which other engines lack",
            id="operators",
        ),
        pytest.param(
            lambda model: setattr(
                model.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", 8
            ),
            r"must be one picture.*Received: float32 of shape \(8, 3, 320, 320\)",
            id="batch",
        ),
        pytest.param(
            lambda model: setattr(
                model.graph.input[0].type.tensor_type, "elem_type", TensorProto.UINT8
            ),
            "must be one picture, float32 or float16",
            id="kind",
        ),
    ],
)
def test_read_onnx_with_what_no_engine_here_runs_says_so(make_onnx, change, message):
    with pytest.raises(ValueError, match=message):
        read_onnx(changed(make_onnx(), change))


@pytest.mark.parametrize("size", [0, 33, 8192, -32])
def test_read_onnx_with_a_size_that_cannot_be_raises_value_error(make_onnx, size):
    with pytest.raises(ValueError, match=f"multiple of 32 from 32 to 4096. Received: {size}"):
        read_onnx(make_onnx(open_size=True), size)


def test_read_onnx_with_another_size_than_the_file_has_raises_value_error(make_onnx):
    message = re.escape("`--input` is fixed in cells.onnx: 320 x 320 pixels. Received: 640")
    with pytest.raises(ValueError, match=message):
        read_onnx(make_onnx(), 640)


def test_read_onnx_without_the_package_says_how_to_install_it(make_onnx, monkeypatch):
    file = make_onnx()
    monkeypatch.setitem(sys.modules, "onnx", None)  # as if it were not installed
    with pytest.raises(ModuleNotFoundError, match=r"pip install onnx"):
        read_onnx(file)
