"""The published ONNX detectors: files, checksums, places, and how each is read."""

from detectlab.models.card import ModelCard, WeightsFile, published
from detectlab.models.coco import COCO_CLASSES, COCO_NAMES

_GITHUB = "https://github.com/"
_GITHUB_RAW = "https://raw.githubusercontent.com/"


def _yolov5_card(size: str, description: str) -> ModelCard:
    """A card without checksums: what the library exported when it was asked has one of its own."""
    return ModelCard(
        f"yolov5{size}",
        None,
        WeightsFile(f"yolov5{size}.onnx"),
        COCO_NAMES,
        COCO_CLASSES,
        "AGPL-3.0",
        "https://github.com/ultralytics/ultralytics/blob/main/LICENSE",
        description,
        "yolov8",
        input_size=640,
        library_weights=f"yolov5{size}u.pt",
    )


def _onnx_card(
    name: str,
    weights: WeightsFile,
    *,
    decoder: str,
    licence: tuple[str, str],
    description: str,
    input_size: int,
    has_size_input: bool = False,
) -> ModelCard:
    """A card of a published ONNX file with COCO's classes.

    Args:
        name: The name that users type.
        weights: The file.
        decoder: The entry of `decoders.registry` that reads its outputs.
        licence: The licence, and where on GitHub it can be read.
        description: One sentence for people who choose a detector.
        input_size: Side of its square input in pixels.
        has_size_input: Whether it takes the picture's size, too, as DETR's family does.
    """
    side = float(input_size)
    return ModelCard(
        name,
        None,
        weights,
        COCO_NAMES,
        COCO_CLASSES,
        licence[0],
        f"{_GITHUB}{licence[1]}",
        description,
        decoder,
        other_inputs={"orig_target_sizes": (side, side)} if has_size_input else {},
        input_size=input_size,
    )


_APACHE_YOLOX = ("Apache-2.0", "Megvii-BaseDetection/YOLOX/blob/main/LICENSE")
_APACHE_DEIM = ("Apache-2.0", "Kazuhito00/DEIMv2-ONNX-Sample/blob/main/LICENSE")
_APACHE_NANODET = ("Apache-2.0", "RangiLyu/nanodet/blob/main/LICENSE")
_BSD_FASTESTDET = ("BSD-3-Clause", "dog-qiuqiu/FastestDet/blob/main/LICENSE")
_YOLOX = _GITHUB + "Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/"
_DEIM = _GITHUB_RAW + (
    "Kazuhito00/DEIMv2-ONNX-Sample/f88d4382abca74edb26ed4c7f46190ac40da0ea5/model/"
)
_NANODET = _GITHUB_RAW + (
    "Kazuhito00/MOT-Tracking-by-Detection-Pipeline/e50a76b8b430b778276e7fd04fd4cafd5d45eab2/"
    "Detector/nanodet/model/"
)
_FASTESTDET = _GITHUB_RAW + (
    "dog-qiuqiu/FastestDet/50473cd155cb088aa4a99e64ff6a4b3c24fa07e1/example/onnx-runtime/"
)
ONNX_CARDS = (
    _onnx_card(
        "yolox-nano",
        published(
            "yolox_nano.onnx",
            "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
            3_659_407,
            _YOLOX,
        ),
        decoder="yolox",
        licence=_APACHE_YOLOX,
        description="The first to fetch: 3.7 MB, 80 classes, published COCO AP 25.8.",
        input_size=416,
    ),
    _onnx_card(
        "yolox-tiny",
        published(
            "yolox_tiny.onnx",
            "427cc366d34e27ff7a03e2899b5e3671425c262ea2291f88bb942bc1cc70b0f7",
            20_219_662,
            _YOLOX,
        ),
        decoder="yolox",
        licence=_APACHE_YOLOX,
        description="20 MB, 80 classes, published COCO AP 32.8.",
        input_size=416,
    ),
    _onnx_card(
        "yolox-s",
        published(
            "yolox_s.onnx",
            "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063",
            35_858_002,
            _YOLOX,
        ),
        decoder="yolox",
        licence=_APACHE_YOLOX,
        description="36 MB, 80 classes at 640 pixels, published COCO AP 40.5.",
        input_size=640,
    ),
    _onnx_card(
        "deimv2-atto",
        published(
            "deimv2_hgnetv2_atto_coco.onnx",
            "b114aa6610ac7c2bd9b3186ffb001afa872430db957407ef2473f7148d00646e",
            2_248_408,
            _DEIM,
        ),
        decoder="detr",
        licence=_APACHE_DEIM,
        description="2.2 MB of the DETR family, 80 classes at 320 pixels; needs OpenVINO.",
        input_size=320,
        has_size_input=True,
    ),
    _onnx_card(
        "deimv2-femto",
        published(
            "deimv2_hgnetv2_femto_coco.onnx",
            "c6ad358f750132b891165e034c2ba507abefc5ebe1c1d2732a0acbcacc47e52c",
            4_116_144,
            _DEIM,
        ),
        decoder="detr",
        licence=_APACHE_DEIM,
        description="4.1 MB of the DETR family, 80 classes at 416 pixels; needs OpenVINO.",
        input_size=416,
        has_size_input=True,
    ),
    _onnx_card(
        "nanodet-m",
        published(
            "nanodet_m_416.onnx",
            "08b62b9ee4a7878e7a64d6ef4faf3074322c033a0252c83a20f41b86c76e8146",
            3_802_805,
            _NANODET,
        ),
        decoder="nanodet",
        licence=_APACHE_NANODET,
        description="NanoDet-m: 3.8 MB, 80 classes at 416 pixels.",
        input_size=416,
    ),
    _onnx_card(
        "fastestdet",
        published(
            "FastestDet.onnx",
            "31cb14c017fce347cb4c846ec62fdf00d76bb3beecdf4be21e7116ac67feb880",
            998_169,
            _FASTESTDET,
        ),
        decoder="fastestdet",
        licence=_BSD_FASTESTDET,
        description="1.0 MB for weak machines, 80 classes at 352 pixels.",
        input_size=352,
    ),
    _yolov5_card("s", "YOLOv5 small: 80 classes at 640 pixels; the library exports it."),
    _yolov5_card("m", "YOLOv5 medium: better than small, at twice its time or more."),
    _yolov5_card("l", "YOLOv5 large: the best of the three, for machines that have time."),
)
