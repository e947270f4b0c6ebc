"""Files and options that once gave tracebacks, wrong words, or wrong boxes."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx_families as families
import pytest
from onnx import numpy_helper
from onnx_corpus import COLOURS, Net, by_row, cells
from testing import pixels_of

from detectlab import load_detector
from detectlab.cli.fitting import describe_decoding
from detectlab.engines import available
from detectlab.model_import.add import add, add_examined
from detectlab.model_import.change import change_decoding
from detectlab.model_import.onnx_reader import read_onnx
from detectlab.models.registry import registry
from detectlab.settings import Settings


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    file = tmp_path / "colours.names"
    file.write_text("\n".join(COLOURS))
    return file


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes a file `it.onnx`."""

    def write(content: bytes) -> Path:
        file = tmp_path / "it.onnx"
        file.write_bytes(content)
        return file

    return write


@pytest.fixture
def labelled(tmp_path: Path, paint) -> Path:
    """A folder of two labelled pictures: a red cell and a blue one."""
    folder = tmp_path / "labelled"
    folder.mkdir()
    (folder / "classes.txt").write_text("red\nblue\n")
    for number, colour in enumerate(("red", "blue")):
        cv2.imwrite(str(folder / f"{colour}.png"), paint((320, 320), (colour, 64, 96, 96, 128)))
        (folder / f"{colour}.txt").write_text(f"{number} 0.25 0.35 0.1 0.1\n")
    return folder


def test_decoding_of_an_added_detector_can_be_changed(make_onnx, home, paint) -> None:
    add("mine", [make_onnx()], settings=home)
    picture = paint((320, 320), ("red", 64, 96, 96, 128))
    assert load_detector("mine", settings=home).detect(picture).labels == ["red"]
    card = change_decoding("mine", options={"colour": "bgr"}, settings=home)
    assert registry(home)["mine"] == card
    assert "bgr" in describe_decoding(card)
    assert load_detector("mine", settings=home).detect(picture).labels == ["blue"]
    assert change_decoding("mine", "end-to-end", settings=home).decoder == "end-to-end"


def test_decoding_that_cannot_be_changed_says_why(make_onnx, make_network, home, labels) -> None:
    add("mine", [make_onnx()], settings=home)
    with pytest.raises(ValueError, match=r"must be one of darknet, .*Received: 'yolov99'"):
        change_decoding("mine", "yolov99", settings=home)
    with pytest.raises(ValueError, match=r"must be a detector that was added\. Received: 'nano'"):
        change_decoding("nano", settings=home)
    add("pair", [*make_network(3)], labels, settings=home)
    with pytest.raises(ValueError, match="pair is a pair of Darknet files, which are read in one"):
        change_decoding("pair", "yolov5", settings=home)


def test_check_measures_on_labelled_pictures(make_onnx, home, labelled) -> None:
    _, examined = add_examined("mine", [make_onnx()], settings=home, check=labelled)
    assert examined.ap50 == pytest.approx(1)


def test_check_refuses_class_names_in_another_order(make_onnx, home, labelled, tmp_path) -> None:
    (tmp_path / "turned").write_text("blue\ngreen\nred")
    with pytest.raises(ValueError, match=r"finds nothing of what the labels .*AP50 is 0\.000"):
        add("mine", [make_onnx()], tmp_path / "turned", settings=home, check=labelled)
    assert "mine" not in registry(home)


def test_two_decoders_that_both_fit_are_drawn_and_asked_about(
    write, home, labels, tmp_path: Path
) -> None:
    file = write(families.finished("torchvision"))
    with pytest.raises(ValueError, match="detr and torchvision both fit this file") as caught:
        add_examined("mine", [file], settings=home, drawings=tmp_path / "drawn")
    for decoder in ("detr", "torchvision"):
        drawing = tmp_path / "drawn" / f"mine-{decoder}.jpg"
        assert f"- `--decoder {decoder} --place squeeze" in str(caught.value)
        assert str(drawing) in str(caught.value)
        assert pixels_of(drawing).any()
    assert add("mine", [file], labels, settings=home, decoder="torchvision").decoder


def test_labels_choose_between_two_decoders_that_fit(write, home, labels, labelled) -> None:
    file = write(families.finished("torchvision"))
    card, examined = add_examined("mine", [file], labels, settings=home, check=labelled)
    assert card.decoder == "torchvision"
    assert examined.ap50 == pytest.approx(1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("stride=4", "stride=0"),
        ("stride=4", "stride=4\ngroups=0"),
        ("filters=16", "filters=inf"),
        ("filters=16", "filters=nan"),
        ("filters=16", "filters=99999999999"),
        ("width=64", "width=1000000"),
        ("width=64", "width=0"),
        ("classes=3", "classes=nan"),
    ],
)
def test_darknet_file_with_a_number_out_of_range_is_refused_by_name(
    make_network, home, labels, tmp_path, old: str, new: str
) -> None:
    config, weights = make_network(3)
    broken = tmp_path / "broken.cfg"
    broken.write_text(config.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=r"broken\.cfg|random\.weights"):
        add("pair", [broken, weights], labels, settings=home)
    assert "pair" not in registry(home)


@pytest.mark.parametrize("size", [0, 8192, -32, 100])
def test_darknet_input_of_a_size_that_cannot_be_is_refused(
    make_network, home, labels, size: int
) -> None:
    with pytest.raises(ValueError, match=f"multiple of 32 from 32 to 4096. Received: {size}"):
        add("pair", [*make_network(3)], labels, size, settings=home)


@pytest.mark.skipif("openvino" not in available(), reason="needs OpenVINO")
@pytest.mark.parametrize(
    "make", [families.with_nms, families.quantised_in_each_run], ids=["NMS", "ConvInteger"]
)
def test_operator_that_one_engine_lacks_names_the_engine_that_has_it(
    make: Callable[[], bytes], write, home, labels
) -> None:
    file = write(make())
    settings = home.model_copy(update={"engine": "opencv"})
    with pytest.raises(ValueError, match="opencv does not run this file, and openvino does: set"):
        add("mine", [file], labels, settings=settings)


def test_weights_of_more_than_two_gigabytes_are_refused_before_they_are_read(
    make_onnx, save_in_parts, tmp_path: Path
) -> None:
    file = save_in_parts(onnx.load(make_onnx()))
    with (tmp_path / "parts.bin").open("r+b") as parts:
        parts.truncate(2_200_000_000)  # a sparse file: it takes no place
    with pytest.raises(ValueError, match=r"parts\.onnx has 2\.2 GB of weights; at most 1\.5 GB"):
        read_onnx(file)


def test_open_size_with_shapes_of_one_size_is_found_by_trying(
    write, home: Settings, labels
) -> None:
    net = Net(shape=("n", 3, "height", "width"))  # all else is made for 320 x 320
    boxes = net.put(cells(32).T[None])
    content = net.model(output0=net.add("Concat", boxes, net.scores(32), axis=1))
    card = add("mine", [write(content)], labels, settings=home)
    assert card.input_size_wh == (320, 320)
    with pytest.raises(ValueError, match=r"it\.onnx: this file cannot be run here"):
        add("other", [write(content)], labels, 416, settings=home)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"red\nred\nblue", "every class must have a name of its own; 'red' stands twice"),
        (b"", "is empty: it must have one class name a line"),
        (b"\n\n", "is empty: it must have one class name a line"),
    ],
)
def test_class_names_that_cannot_be_used_are_refused(
    make_onnx, home, tmp_path, content: bytes, message: str
) -> None:
    (tmp_path / "names").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        add("mine", [make_onnx()], tmp_path / "names", settings=home)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_boxes_that_are_no_numbers_are_refused(write, home, labels, value: float) -> None:
    net = Net()
    boxes = cells(32).copy()
    boxes[7, 2] = value
    rows = net.add("Concat", by_row(boxes, net), net.turned(net.scores(32)), axis=2)
    file = write(net.model(output0=net.turned(rows)))
    with pytest.raises(ValueError, match=r"as yolov8 .*its numbers are not all finite"):
        add("mine", [file], labels, settings=home)


def test_detector_under_the_name_of_a_library_s_has_its_own_licence(make_onnx, home) -> None:
    assert registry(home)["yolov5s"].licence == "AGPL-3.0"
    add("yolov5s", [make_onnx()], settings=home)
    assert registry(home)["yolov5s"].licence == "not said"


def test_weights_used_only_inside_branches_are_kept(write) -> None:
    import onnx_corpus

    read = read_onnx(write(onnx_corpus.branch()))
    model = onnx.load_from_string(read.content)
    assert not any(node.op_type == "If" for node in model.graph.node)
    halves = [numpy_helper.to_array(t) for t in model.graph.initializer if not t.dims]
    assert any(value == np.float32(0.5) for value in halves)
