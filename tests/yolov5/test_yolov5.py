"""The real YOLOv5 architectures, exported by their own library: our boxes are the library's.

`make test-yolov5` runs this in an environment of its own, with torch; elsewhere it is left out.
The weights are random, and the network's statistics those of a photograph: so nothing is fetched,
and yet the outputs are as varied as a trained network's.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from testing import pixels_of

torch = pytest.importorskip("torch", reason="needs torch: make test-yolov5")
ultralytics = pytest.importorskip("ultralytics", reason="needs ultralytics: make test-yolov5")

from ultralytics.data.augment import LetterBox  # noqa: E402
from ultralytics.utils.nms import non_max_suppression  # noqa: E402
from ultralytics.utils.ops import scale_boxes  # noqa: E402

from detectlab.detection.detector import NetworkDetector  # noqa: E402
from detectlab.engines import Network, open_engine  # noqa: E402
from detectlab.model_import.add import add  # noqa: E402
from detectlab.models.files import locate  # noqa: E402
from detectlab.settings import Settings  # noqa: E402
from detectlab.vision.boxes import box_iou  # noqa: E402
from detectlab.vision.letterbox import Letterbox  # noqa: E402

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.filterwarnings("default"),  # torch and the library warn of themselves
]
INPUT_WH = (640, 640)
CONFIDENCE, NMS_THRESHOLD = 0.5, 0.45
PICTURES = 3
# What YOLOv5 was published with: three boxes for each of its three strides.
ANCHORS = {
    8: ((10, 13), (16, 30), (33, 23)),
    16: ((30, 61), (62, 45), (59, 119)),
    32: ((116, 90), (156, 198), (373, 326)),
}


class AnchorHead(torch.nn.Module):  # type: ignore[name-defined]
    """The last layer of the first YOLOv5, which has an objectness: `(1, N, 5 + classes)`."""

    def __init__(self, channels: list[int], classes: int) -> None:
        super().__init__()
        self.numbers = 5 + classes
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv2d(count, 3 * self.numbers, 1) for count in channels
        )

    def forward(self, maps: list[Any]) -> Any:
        return torch.cat(
            [
                self.decoded(convolution(cells), stride, sizes)
                for convolution, cells, (stride, sizes) in zip(
                    self.convolutions, maps, ANCHORS.items(), strict=True
                )
            ],
            1,
        )

    def decoded(self, raw: Any, stride: int, sizes: tuple[tuple[int, int], ...]) -> Any:
        rows, columns = raw.shape[2:]
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        cells = torch.stack((x, y), -1)[None, None]
        raw = raw.view(len(raw), 3, self.numbers, rows, columns).permute(0, 1, 3, 4, 2).sigmoid()
        xy, wh, scores = raw.split((2, 2, self.numbers - 4), -1)
        sides = torch.tensor(sizes, dtype=torch.float32).view(1, 3, 1, 1, 2)
        boxes = torch.cat(((xy * 2 - 0.5 + cells) * stride, (wh * 2) ** 2 * sides, scores), -1)
        return boxes.reshape(len(raw), -1, self.numbers)


class Remembering:
    """An engine that remembers what its network gave last."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.name: str = engine.name
        self.input_size_wh: tuple[int, int] = engine.input_size_wh
        self.precision: str = engine.precision

    def run(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        outputs = self._engine.run(picture)
        self.output = next(output for output in outputs.values() if output.ndim == 3)
        return outputs


def as_input(picture: np.ndarray) -> Any:
    """A picture as the library feeds it."""
    return torch.from_numpy(picture[..., ::-1].transpose(2, 0, 1).copy())[None].float() / 255


def make_varied(network: Any, scores: dict[Any, list[int]], photos: list[np.ndarray]) -> None:
    """Let a network with random weights find something here and there, surer or less sure.

    Args:
        network: The network.
        scores: Its last layers, and which of their channels become scores.
        photos: What its statistics are taken from.
    """
    batch = torch.cat([as_input(cv2.resize(photo, INPUT_WH)) for photo in photos])
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # these pictures' statistics, as they are
    seen = {}
    hooks = [
        layer.register_forward_hook(lambda layer, _, output: seen.update({layer: output}))
        for layer in scores
    ]
    with torch.no_grad():
        network.train()(batch)
        network.eval()(batch)
        for layer, channels in scores.items():
            output = seen[layer][:, channels]
            # From -6 in the mean to 2 at most: no two are so sure that both round to 1.
            gain = 8 / (output.max() - output.mean())
            layer.weight[channels] *= gain
            layer.bias[channels] = (layer.bias[channels] - output.mean()) * gain - 6
    for hook in hooks:
        hook.remove()


@pytest.fixture(scope="module")
def photos(shared_photos: Path) -> list[np.ndarray]:
    files = sorted((shared_photos / "coco").glob("*.jpg"))[:PICTURES]
    return [pixels_of(file) for file in files]


@pytest.fixture(scope="module")
def report() -> Iterator[list[dict[str, Any]]]:
    """What was measured; written to the file that YOLOV5_RESULTS names."""
    rows: list[dict[str, Any]] = []
    yield rows
    if file := os.environ.get("YOLOV5_RESULTS"):
        versions = {
            "ultralytics": ultralytics.__version__,
            "torch": torch.__version__,
            "opencv": cv2.__version__,
        }
        text = json.dumps({"versions": versions, "compared": rows}, indent=1)
        Path(file).write_text(text + "\n", "utf-8")


def export(size: str, layout: str, photos: list[np.ndarray], folder: Path) -> tuple[Any, Path]:
    """One of the architectures as the library builds it, and its ONNX file."""
    torch.manual_seed(7)
    model = ultralytics.YOLO(f"yolov5{size}.yaml", task="detect")
    network, head = model.model, model.model.model[-1]
    if layout == "yolov8":
        make_varied(network, {branch[-1]: list(range(head.nc)) for branch in head.cv3}, photos)
        return network, Path(model.export(format="onnx", imgsz=640, simplify=False))
    anchored = AnchorHead([branch[0].conv.in_channels for branch in head.cv2], head.nc)
    anchored.f, anchored.i, anchored.type = head.f, head.i, "AnchorHead"
    network.model[-1] = anchored
    numbers = anchored.numbers
    with torch.no_grad():  # boxes of about the anchors' sizes, and an objectness nearly sure
        for convolution in anchored.convolutions:
            weight, bias = convolution.weight.view(3, numbers, -1), convolution.bias.view(3, -1)
            weight[:, :5] *= 0.1
            bias[:, :5] = torch.tensor([0, 0, 0, 0, 3.0])
    channels = [number for number in range(3 * numbers) if number % numbers >= 5]
    make_varied(network, dict.fromkeys(anchored.convolutions, channels), photos)
    file = folder / f"yolov5{size}.onnx"
    torch.onnx.export(
        network,
        torch.zeros(1, 3, *INPUT_WH),
        str(file),
        input_names=["images"],
        opset_version=17,
        dynamo=False,
    )
    return network, file


@pytest.mark.parametrize("layout", ["yolov8", "yolov5"])
@pytest.mark.parametrize("size", ["s", "m", "l"])
def test_boxes_of_the_real_architectures_are_the_librarys(
    size: str,
    layout: str,
    photos: list[np.ndarray],
    report: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # the library writes beside where it runs
    network, file = export(size, layout, photos, tmp_path)
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"class {number}" for number in range(80)))
    settings = Settings(home=tmp_path / "home")
    card = add(f"yolov5{size}", [file], labels, settings=settings)
    assert card.decoder == layout
    files = locate(card, settings)
    network_file = Network(files.weights, None, INPUT_WH, 1 / 255)
    engine = Remembering(open_engine(network_file, settings.engine))
    detector = NetworkDetector(card.name, card.classes, engine, card.decoder)

    for number, photo in enumerate(photos):
        fed = LetterBox(INPUT_WH, auto=False)(image=photo)
        size_wh = photo.shape[1], photo.shape[0]
        assert np.array_equal(Letterbox.of(size_wh, INPUT_WH).fit(photo), fed)

        found = detector.detect(photo, CONFIDENCE, NMS_THRESHOLD)
        output = torch.from_numpy(engine.output)
        with torch.no_grad():
            theirs = network.eval()(as_input(fed))
        theirs = theirs[0] if isinstance(theirs, tuple) else theirs
        expected = library_boxes(output, layout, photo)
        report.append(
            {
                "architecture": f"yolov5{size}",
                "layout": layout,
                "picture": number,
                "engine": engine.name,
                "objects": len(found),
                **differences(found, expected.numpy()),
                **raw_differences(output, theirs, layout),
            }
        )
        assert len(found) == len(expected)
        assert report[-1]["lowest_iou"] >= 0.99
        assert report[-1]["largest_confidence_difference"] <= 1e-3
        # The engine's own rounding, which random weights amplify: nothing that we decide.
        assert report[-1]["largest_raw_score_difference"] <= 1e-2
        assert report[-1]["lowest_raw_iou"] >= 0.98
    assert sum(row["objects"] for row in report[-len(photos) :]) > 0


def as_yolov8(output: Any, layout: str) -> Any:
    """An output in the layout that the library's own code takes: `(1, 4 + classes, N)`."""
    if layout == "yolov8":
        return output
    return torch.cat((output[..., :4], output[..., 5:] * output[..., 4:5]), -1).transpose(1, 2)


def library_boxes(output: Any, layout: str, photo: np.ndarray) -> Any:
    """What the library makes of an output: `(N, 6)` corners, confidence and class."""
    (found,) = non_max_suppression(as_yolov8(output, layout), CONFIDENCE, NMS_THRESHOLD)
    found[:, :4] = scale_boxes(INPUT_WH, found[:, :4], photo.shape)
    return found


def differences(found: Any, expected: np.ndarray) -> dict[str, float]:
    """How far each of the library's objects is from ours of the same class that fits best.

    Objects with the very same confidence may come in another order.
    """
    same_class = found.class_id[:, None] == expected[None, :, 5]
    iou = box_iou(found.xyxy, expected[:, :4]) * same_class
    apart = np.abs(found.confidence[:, None] - expected[None, :, 4])
    if not iou.size:
        return {"lowest_iou": 1.0, "largest_confidence_difference": 0.0}
    # Boxes without area, at the borders, all fit each other: their confidence tells them apart.
    partner = (iou - apart).argmax(0), np.arange(len(expected))
    return {
        "lowest_iou": round(float(iou[partner].min()), 5),
        "largest_confidence_difference": float(apart[partner].max()),
    }


def raw_differences(ours: Any, theirs: Any, layout: str) -> dict[str, float]:
    """How far the exported network is from the library's own, before any box is chosen."""
    ours, theirs = (as_yolov8(output, layout)[0].numpy() for output in (ours, theirs))
    sure = ours[4:].max(0) > CONFIDENCE
    corners = [
        np.hstack([output[:2].T - output[2:4].T / 2, output[:2].T + output[2:4].T / 2])[sure]
        for output in (ours, theirs)
    ]
    iou = [float(box_iou(a[None], b[None])[0, 0]) for a, b in zip(*corners, strict=True)]
    return {
        "largest_raw_score_difference": float(np.abs(ours[4:] - theirs[4:]).max()),
        "lowest_raw_iou": round(min(iou, default=1.0), 5),
    }
