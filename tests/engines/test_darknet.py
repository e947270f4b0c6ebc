"""Graphs of Darknet networks, layer by layer against OpenCV's own reader of the same files."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detectlab.engines.darknet_onnx import to_onnx
from detectlab.engines.darknet_onnx.config import read_config
from detectlab.engines.darknet_onnx.graph import Graph
from detectlab.engines.darknet_onnx.weights import Weights
from detectlab.models.files import locate
from detectlab.models.registry import get_card, registry

onnx = pytest.importorskip("onnx")
pytest.importorskip("openvino")
openvino = pytest.importorskip("detectlab.engines.openvino")

WriteNetwork = Callable[..., tuple[Path, Path]]
DARKNET = [card.name for card in registry().values() if card.config and not card.own]
ACTIVATIONS = ("leaky", "relu", "mish", "swish", "logistic", "tanh")
LIMIT = 0.2  # of scores, unless a head names another
TOLERANCE = 1e-4  # of a layer's largest number, or absolute where that is below 1

needs_opencv_4 = pytest.mark.skipif(
    not hasattr(cv2.dnn, "readNetFromDarknet"), reason="OpenCV 5 reads no Darknet files"
)


def layers_of_opencv(config: Path, weights: Path, blob: np.ndarray) -> list[np.ndarray]:
    """What each layer of the configuration gives in OpenCV, which makes several of some."""
    net = cv2.dnn.readNetFromDarknet(str(config), str(weights))
    net.enableFusion(False)  # with it, what is asked for in the middle is another layer's
    names = list(net.getLayerNames())
    starts: list[int] = []
    for number, _ in enumerate(read_config(config)[1:]):
        # Activations and normalisation belong to the layer before, whatever their number.
        begins = re.compile(rf"(?!bn|{'|'.join(ACTIVATIONS)})[a-z]+_{number}")
        starts.append(next(i for i, name in enumerate(names) if begins.fullmatch(name)))
    ends = [names[start - 1] for start in starts[1:]] + [names[-1]]
    net.setInput(blob)
    return list(net.forward(ends))


def layers_of_ours(config: Path, weights: Path, blob: np.ndarray) -> list[np.ndarray]:
    graph = Graph(read_config(config), Weights(weights), blob.shape[:1:-1])
    model = graph.model()
    names = list(dict.fromkeys(layer.name for layer in graph.layers))
    del model.graph.output[:]
    for name in names:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, 1, None))
    core = openvino.ov.Core()
    compiled = core.compile_model(
        core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    outputs = compiled(blob)
    return [outputs[compiled.output(layer.name)] for layer in graph.layers]


def blob_of(size_wh: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A picture of a few soft blots, as OpenCV feeds a network."""
    blots = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    picture = cv2.resize(blots, size_wh, interpolation=cv2.INTER_CUBIC)
    return cv2.dnn.blobFromImage(picture, 0.00392, size_wh, (0, 0, 0), True)


def assert_layers_agree(config: Path, weights: Path, size_wh: tuple[int, int]) -> None:
    blob = blob_of(size_wh)
    kinds = [section.kind for section in read_config(config)[1:]]
    theirs, ours = layers_of_opencv(config, weights, blob), layers_of_ours(config, weights, blob)
    assert len(ours) == len(theirs) == len(kinds)
    for number, (kind, expected, found) in enumerate(zip(kinds, theirs, ours, strict=True)):
        assert np.isfinite(expected).all()
        assert found.size == expected.size
        found = found.reshape(expected.shape)
        # A score at a head's limit may be on either side of it, and below it counts as none.
        low, high = np.minimum(found, expected), np.maximum(found, expected)
        at_limit = (kind == "yolo") & (low == 0) & (np.abs(high - LIMIT) <= TOLERANCE)
        difference = np.abs(found - expected)[~at_limit].max()
        largest = np.abs(expected).max()
        assert difference <= TOLERANCE * max(1, largest), f"layer {number}, {kind}"


@needs_opencv_4
@pytest.mark.parametrize("size_wh", [(416, 416), (96, 160)], ids=["square", "tall"])
@pytest.mark.parametrize("name", DARKNET)
def test_every_layer_of_a_registered_detector_equals_opencv(
    name: str, size_wh: tuple[int, int], make_weights: Callable[..., Path], request: Any
) -> None:
    config, weights, _ = locate(name)
    assert config
    if not config.is_file():
        folder = request.getfixturevalue("shared_weights")
        config, weights = folder / config.name, folder / weights.name
    if not config.is_file():
        pytest.skip(f"{config.name} is not on this machine")
    if not weights.is_file():
        weights = make_weights(config)

    assert_layers_agree(config, weights, size_wh)


@needs_opencv_4
@pytest.mark.parametrize("size_wh", [(64, 64), (160, 96)], ids=["square", "wide"])
@pytest.mark.parametrize("name", ["yolov3", "yolov4", "yolov4-tiny"])
def test_every_layer_of_a_big_architecture_equals_opencv(
    name: str, size_wh: tuple[int, int], write_network: WriteNetwork, architectures: Any
) -> None:
    config, weights = write_network(architectures[name](8), name)

    assert_layers_agree(config, weights, size_wh)


@pytest.mark.parametrize("name", ["yolov3", "yolov4", "yolov4-tiny"])
def test_big_architecture_takes_as_many_numbers_as_the_published_file_has(
    name: str, tmp_path: Path, architectures: Any
) -> None:
    class Counter:
        count = 0

        def take(self, *shape: int) -> np.ndarray:
            self.count += int(np.prod(shape))
            return np.ones((1,) * len(shape), np.float32)

    config, counter = tmp_path / "whole.cfg", Counter()
    config.write_text("[net]\n" + architectures[name](1))
    Graph(read_config(config), counter, (416, 416))  # type: ignore[arg-type]

    header = 20
    assert header + 4 * counter.count == get_card(name).weights.size


CONVOLUTION = "[convolutional]\nfilters=8\nsize=3\nstride=1\npad=1\nactivation={}\n"
HEAD = (
    "[convolutional]\nfilters=14\nsize=1\nstride=1\nactivation={}\n"
    "[yolo]\nmask=2,0\nanchors=8,9, 20,30, 40,25\nclasses=2\nnum=3\n{}\n"
)
START = CONVOLUTION.format("linear")
PARTS = {
    **{name: CONVOLUTION.format(name) for name in (*ACTIVATIONS, "linear")},
    "groups": START + CONVOLUTION.format("leaky\ngroups=4"),
    "normalised groups": START + CONVOLUTION.format("mish\ngroups=8\nbatch_normalize=1"),
    "size 5": "[convolutional]\nfilters=4\nsize=5\nstride=2\npad=1\nactivation=relu\n",
    "no pad": "[convolutional]\nfilters=4\nsize=3\nstride=1\nactivation=relu\n",
    "padding": "[convolutional]\nfilters=4\nsize=3\nstride=1\npadding=2\nactivation=relu\n",
    **{
        f"pool {size}, {stride}": START + f"[maxpool]\nsize={size}\nstride={stride}\n"
        for size, stride in ((2, 2), (2, 1), (3, 1), (3, 2), (5, 1), (9, 1), (13, 1))
    },
    "pool padding": START + "[maxpool]\nsize=3\nstride=2\npadding=0\n",
    "route": START * 2 + "[route]\nlayers=-1, 0\n",
    "route group": START + "[route]\nlayers=-1\ngroups=4\ngroup_id=2\n" + START,
    "shortcut": START * 2 + "[shortcut]\nfrom=-2\nactivation=leaky\n",
    "upsample": START + "[upsample]\nstride=2\n",
    "dropout": START + "[dropout]\nprobability=.2\n" + START,
}


@needs_opencv_4
@pytest.mark.parametrize("part", PARTS)
def test_every_kind_of_layer_equals_opencv(part: str, write_network: WriteNetwork) -> None:
    config, weights = write_network(PARTS[part] + HEAD.format("linear", ""))

    assert_layers_agree(config, weights, (96, 64))


@needs_opencv_4
@pytest.mark.parametrize(
    ("activation", "options"),
    [
        ("linear", "scale_x_y=1.2"),
        ("linear", "thresh=0.05"),
        ("linear", "thresh=0.5"),
        ("logistic", "new_coords=1\nscale_x_y=2.0"),
    ],
)
def test_every_kind_of_head_equals_opencv(
    activation: str, options: str, write_network: WriteNetwork
) -> None:
    config, weights = write_network(START + HEAD.format(activation, options))

    assert_layers_agree(config, weights, (64, 96))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("[gru]\n", r"test\.cfg, line 5: in \[gru\], this layer is not supported; these are: conv"),
        ("[convolutional]\nsize=3\n", r"line 5: in \[convolutional\], `filters` is missing"),
        (CONVOLUTION.format("maxout"), "`activation` must be one of linear.*Received: 'maxout'"),
        (START + "dilation=2\n", "`dilation` is not supported"),
        (START + "groups=3\n", "3 channels cannot be cut into 3 groups|cut into 3 groups"),
        (START + "stride=two\n", "`stride` must be numbers. Received: 'two'"),
        (START + "stride=1,2\n", "`stride` must be one number"),
        (START + "[route]\nlayers=-3\n", "there is no layer -3 before this one"),
        (START + "[route]\nlayers=1\n", "there is no layer 1 before this one"),
        (START + "[route]\nlayers=0\ngroups=2\ngroup_id=2\n", "no group 2 of 2"),
        (START + "[maxpool]\nsize=2\nstride=2\n[route]\nlayers=0,1\n", "differ in height or width"),
        (START + "[maxpool]\nsize=2\nstride=2\n[shortcut]\nfrom=0\n", "two layers differ in shape"),
        (START + "[yolo]\nmask=0\nanchors=8,8\nclasses=2\n", "1 anchors of 7 numbers.*8 channels"),
        (START + "[yolo]\nmask=1\nanchors=8,8\nclasses=2\n", "`mask` names anchors that do not"),
        (START, r"in \[net\], the network has no \[yolo\] layer"),
        ("filters\n", r"line 5: a Darknet configuration has \[sections\].*Received: 'filters'"),
    ],
)
def test_configuration_that_is_not_understood_says_where(
    layers: str, message: str, tmp_path: Path
) -> None:
    config, weights = tmp_path / "test.cfg", tmp_path / "test.weights"
    config.write_text("[net]\nwidth=64\nheight=64\nchannels=3\n" + layers)
    weights.write_bytes(np.array([0, 2, 5, 0, 0], "<i4").tobytes() + bytes(4 * 300))
    with pytest.raises(ValueError, match=message):
        to_onnx(config, weights=weights, input_size_wh=(64, 64))


def test_web_page_instead_of_a_configuration_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "page.cfg"
    config.write_text("<html>This file has moved.</html>")
    with pytest.raises(ValueError, match=r"page\.cfg, line 1: a Darknet configuration has"):
        read_config(config)
    config.write_text("[convolutional]\n")
    with pytest.raises(ValueError, match=r"page\.cfg is no Darknet configuration: it must begin"):
        read_config(config)
    with pytest.raises(ValueError, match=r"gone\.cfg does not exist"):
        read_config(tmp_path / "gone.cfg")


def test_weights_of_another_length_are_refused(write_network: WriteNetwork) -> None:
    config, weights = write_network(START + HEAD.format("linear", ""))
    content = weights.read_bytes()
    for kept, message in (
        (content[:-1], r"test\.weights ends after 349 numbers, and the network needs at least 350"),
        (content[: len(content) // 2], r"ends after .* numbers.*cut off, or belongs to another"),
        (content[:19], "is missing, or ends before its first layer"),
        (b"", "is missing, or ends before its first layer"),
        (content + bytes(4), r"has 351 numbers, and the network only takes 350"),
    ):
        weights.write_bytes(kept)
        with pytest.raises(ValueError, match=message):
            to_onnx(config, weights=weights, input_size_wh=(64, 64))
    weights.unlink()
    with pytest.raises(ValueError, match=r"test\.weights is missing"):
        to_onnx(config, weights=weights, input_size_wh=(64, 64))


def test_weights_of_the_oldest_kind_have_a_shorter_header(write_network: WriteNetwork) -> None:
    config, weights = write_network(START + HEAD.format("linear", ""))
    body = weights.read_bytes()[20:]
    expected = to_onnx(config, weights=weights, input_size_wh=(64, 64))
    weights.write_bytes(np.array([0, 1, 0, 7], "<i4").tobytes() + body)
    assert to_onnx(config, weights=weights, input_size_wh=(64, 64)) == expected


def test_model_is_valid_onnx(write_network: WriteNetwork) -> None:
    layers = "".join(part for name, part in PARTS.items() if name != "route")
    config, weights = write_network(layers + HEAD.format("mish", ""))
    model = onnx.load_from_string(to_onnx(config, weights=weights, input_size_wh=(96, 64)))
    onnx.checker.check_model(model, full_check=True)
    assert [value.name for value in model.graph.input] == ["picture"]
    assert [value.name for value in model.graph.output] == ["rows"]
