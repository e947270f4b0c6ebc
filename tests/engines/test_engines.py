"""Engines: chosen by name, agreeing with each other, shared by threads."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
from testing import pixels_of

from detectlab import engines, load_detector
from detectlab.detection.detector import NetworkDetector
from detectlab.engines import Network, open_engine
from detectlab.settings import Settings

NAMES = tuple("abcde")
MakeNetwork = Callable[..., tuple[Path, Path]]

needs_openvino = pytest.mark.skipif("openvino" not in engines.available(), reason="needs OpenVINO")
needs_opencv_4 = pytest.mark.skipif(
    not hasattr(cv2.dnn, "readNetFromDarknet"), reason="OpenCV 5 reads no Darknet files"
)


@pytest.fixture
def network(make_network: MakeNetwork) -> Network:
    """A small Darknet network, in files of the test's own."""
    config, weights = make_network(len(NAMES), 1)
    return Network(weights, config, (96, 64))


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)


@needs_openvino
@needs_opencv_4
def test_both_engines_give_the_same_rows(network: Network, picture: np.ndarray) -> None:
    opencv, openvino = (
        open_engine(network, name).run(picture)["rows"] for name in ("opencv", "openvino")
    )
    assert opencv.shape == openvino.shape == (3 * 2 * 3, 5 + len(NAMES))
    assert opencv.dtype == openvino.dtype == np.float32
    np.testing.assert_allclose(openvino, opencv, rtol=1e-4, atol=1e-5)


@needs_openvino
@needs_opencv_4
@pytest.mark.slow
def test_both_engines_find_the_same_in_the_sample_pictures(root: Path) -> None:
    opencv, openvino = (load_detector("nano", engine) for engine in ("opencv", "openvino"))
    files = sorted((root / "images").glob("*.jpg"))
    assert len(files) > 5
    for file in files:
        image = pixels_of(file)
        expected, found = opencv.detect(image), openvino.detect(image)
        assert list(found.labels) == list(expected.labels)
        assert found.confidence == pytest.approx(expected.confidence, abs=1e-4)
        assert np.abs(found.xyxy - expected.xyxy).max(initial=0) <= 1  # whole pixels, cut off


@needs_openvino
def test_openvino_in_many_threads_always_gives_the_right_answer(make_network: MakeNetwork) -> None:
    sizes = [(64, 64), (96, 64), (128, 160)]
    running = []
    for seed, size_wh in enumerate(sizes):
        config, weights = make_network(len(NAMES), seed)
        running.append(open_engine(Network(weights, config, size_wh), "openvino", concurrency=3))
    detectors = [NetworkDetector("random", NAMES, engine) for engine in running]
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (rng.integers(20, 90), 80, 3), np.uint8) for _ in range(8)]
    alone = [[list(d.detect(image, 0.2)) for image in images] for d in detectors]
    assert len({str(answer) for answers in alone for answer in answers}) == 24

    def count_wrong(seed: int) -> int:
        mix = np.random.default_rng(seed)
        wrong = 0
        for _ in range(60):
            which, image = mix.integers(0, 3), mix.integers(0, 8)
            wrong += list(detectors[which].detect(images[image], 0.2)) != alone[which][image]
        return wrong

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(count_wrong, range(8))) == 0


@needs_openvino
def test_openvino_needs_its_files_only_while_it_loads(
    network: Network, picture: np.ndarray
) -> None:
    engine = open_engine(network, "openvino", concurrency=3)
    expected = engine.run(picture)["rows"]
    network.weights.unlink()
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(engine.run, [picture] * 12))
    assert all((answer["rows"] == expected).all() for answer in answers)


@needs_openvino
def test_openvino_with_precision_fast_is_near_float32(
    network: Network, picture: np.ndarray
) -> None:
    exact, fast = (
        open_engine(network, "openvino", precision=precision).run(picture)["rows"]
        for precision in ("float32", "fast")
    )
    np.testing.assert_allclose(fast[:, :2], exact[:, :2], atol=0.01)


@pytest.fixture
def onnx_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes an ONNX network that gives rows of its input's pixels, and after them the input."""
    onnx = pytest.importorskip("onnx")

    def write(kind: str = "FLOAT", side: int | str = 8) -> Path:
        element, helper = getattr(onnx.TensorProto, kind), onnx.helper
        given = helper.make_tensor_value_info("in", element, (1, 3, side, side))
        rows = helper.make_tensor_value_info("rows", element, (1, 3, "pixels"))
        same = helper.make_tensor_value_info("same", element, (1, 3, side, side))
        shape = helper.make_tensor("shape", onnx.TensorProto.INT64, (3,), [1, 3, -1])
        nodes = [
            helper.make_node("Reshape", ["in", "shape"], ["rows"]),
            helper.make_node("Relu", ["in"], ["same"]),
        ]
        graph = helper.make_graph(nodes, "same", [given], [rows, same], [shape])
        opset = helper.make_opsetid("", 13)
        file = tmp_path / "pixels.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), file)
        return file

    return write


@pytest.mark.parametrize(
    ("name", "kind", "side"),
    [
        pytest.param("opencv", "FLOAT", 8, id="opencv"),
        pytest.param("openvino", "FLOAT", 8, id="openvino", marks=needs_openvino),
        pytest.param("openvino", "FLOAT", "side", id="any size", marks=needs_openvino),
        pytest.param("openvino", "FLOAT16", 8, id="half precision", marks=needs_openvino),
    ],
)
def test_onnx_file_gets_scaled_rgb_and_gives_its_rows(
    name: str, kind: str, side: int | str, onnx_file: Callable[..., Path]
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    engine = open_engine(Network(onnx_file(kind, side), None, (8, 8), 1 / 255), name)

    outputs = engine.run(picture)

    assert set(outputs) == {"rows", "same"}
    expected = picture[:, :, ::-1].transpose(2, 0, 1)[None] / 255
    for name, shape in (("rows", (1, 3, 64)), ("same", (1, 3, 8, 8))):
        assert outputs[name].dtype == np.float32
        tolerance = 1e-3 if kind == "FLOAT16" else 1e-6
        np.testing.assert_allclose(outputs[name], expected.reshape(shape), atol=tolerance)


@pytest.fixture
def two_input_file(tmp_path: Path) -> Path:
    """An ONNX network that gives its picture times its other input, and that input itself."""
    onnx = pytest.importorskip("onnx")
    helper, element = onnx.helper, onnx.TensorProto.FLOAT
    factor = helper.make_tensor_value_info("factor", element, (1, 3, 1, 1))
    picture = helper.make_tensor_value_info("picture", element, (1, 3, 8, 8))
    outputs = [
        helper.make_tensor_value_info("product", element, (1, 3, 8, 8)),
        helper.make_tensor_value_info("doubled", element, (1, 3, 1, 1)),
    ]
    nodes = [
        helper.make_node("Mul", ["picture", "factor"], ["product"]),
        helper.make_node("Add", ["factor", "factor"], ["doubled"]),
    ]
    graph = helper.make_graph(nodes, "product", [factor, picture], outputs)
    opset = helper.make_opsetid("", 13)
    file = tmp_path / "product.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), file)
    return file


@pytest.mark.parametrize("channel_order", ["rgb", "bgr"])
@pytest.mark.parametrize("name", ["opencv", pytest.param("openvino", marks=needs_openvino)])
def test_network_with_two_inputs_gives_all_outputs_of_normalised_pixels(
    name: str, channel_order: Literal["rgb", "bgr"], two_input_file: Path
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    factor = np.array([1, 2, 3], np.float32).reshape(1, 3, 1, 1)
    mean, deviation = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
    network = Network(
        two_input_file,
        None,
        (8, 8),
        scale=1 / 255,
        mean=mean,
        deviation=deviation,
        channel_order=channel_order,
        other_inputs={"factor": factor},
    )

    outputs = open_engine(network, name).run(picture)

    ordered = picture[..., ::-1] if channel_order == "rgb" else picture
    normalised = (ordered / 255 - mean) / deviation
    expected = factor * normalised.transpose(2, 0, 1)[None]
    assert set(outputs) == {"product", "doubled"}
    np.testing.assert_allclose(outputs["product"], expected, atol=1e-5)
    np.testing.assert_allclose(outputs["doubled"], 2 * factor)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("opencv", marks=needs_opencv_4),
        pytest.param("openvino", marks=needs_openvino),
    ],
)
def test_engine_with_broken_files_says_which(
    name: str, make_network: MakeNetwork, tmp_path: Path
) -> None:
    config, weights = make_network()
    page = tmp_path / "page"
    page.write_text("<html>")
    for network, message in (
        (Network(page, None), "cannot read page|page: "),
        (Network(weights, page), r"cannot read page with|page, line 1: a Darknet configuration"),
        (Network(tmp_path / "gone.weights", config), r"gone\.weights"),
    ):
        with pytest.raises(ValueError, match=message):
            open_engine(network, name)


def test_engine_that_is_unknown_says_what_is_known(network: Network) -> None:
    with pytest.raises(ValueError, match=r"`engine` must be one of auto, .*Received: 'abacus'"):
        open_engine(network, "abacus")
    with pytest.raises(ValueError, match=r"`precision` must be one of fast, .*Received: 'half'"):
        open_engine(network, precision="half")


@needs_opencv_4
@pytest.mark.parametrize("missing", ["openvino", "onnx"])
def test_engine_that_is_not_installed_says_how_and_auto_does_without(
    missing: str, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)  # as if it were not there
    assert engines.available() == ("opencv",)
    assert open_engine(network, "auto").name == "opencv"
    with pytest.raises(ValueError, match=r"openvino is not installed: pip install openvino"):
        open_engine(network, "openvino")


@needs_openvino
def test_auto_takes_the_fastest(network: Network) -> None:
    assert engines.available()[0] == "openvino"
    assert open_engine(network, "auto").name == "openvino"


@needs_openvino
def test_settings_choose_the_engine_and_arguments_override_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DETECTLAB_ENGINE", "openvino")
    assert "openvino" in repr(load_detector("nano"))
    monkeypatch.setenv("DETECTLAB_ENGINE", "abacus")
    with pytest.raises(ValueError, match="engine"):
        Settings()
    assert "openvino" in repr(load_detector("nano", "openvino", settings=Settings(engine="opencv")))


@needs_openvino
def test_openvino_does_not_report_home(network: Network, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from detectlab.engines import *; import numpy as np;"
        "config, weights = map(Path, sys.argv[1:]);"
        "open_engine(Network(weights, config, (64, 64)), 'openvino')"
        ".run(np.zeros((64, 64, 3), np.uint8));"
        "print([name for name in sys.modules if 'telemetry' in name])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(network.config), str(network.weights)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HOME": str(tmp_path / "home")},
    )
    assert run.stdout.strip() == "[]"
    assert not (tmp_path / "home").exists()
