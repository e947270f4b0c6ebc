"""The registry of decoders: a decoder is one module and one entry here."""

from detectlab.decoders.base import Decoder
from detectlab.decoders.darknet import Darknet
from detectlab.decoders.detr import DETR, DETRLogits, DETRRows, DETRSoftmax
from detectlab.decoders.end_to_end import EndToEnd, EndToEndBatch, MMDet, Paddle
from detectlab.decoders.fastestdet import FastestDet
from detectlab.decoders.nanodet import NanoDet, NanoDetPlus, PicoDet
from detectlab.decoders.ssd import SSD, BoxesInPixels, TorchVision
from detectlab.decoders.yolov5 import YOLOv5
from detectlab.decoders.yolov8 import YOLOv8
from detectlab.decoders.yolox import YOLOX
from detectlab.decoders.yunet import YuNet

_DECODERS: dict[str, Decoder] = {
    decoder.name: decoder
    for decoder in (
        Darknet(),
        YOLOv8(),
        YOLOv5(),
        YOLOX(),
        EndToEnd(),
        EndToEndBatch(),
        Paddle(),
        MMDet(),
        NanoDet(),
        NanoDetPlus(),
        PicoDet(),
        DETR(),
        DETRLogits(),
        DETRSoftmax(),
        DETRRows(),
        FastestDet(),
        SSD(),
        BoxesInPixels(),
        TorchVision(),
        YuNet(),
    )
}


def register(decoder: Decoder) -> None:
    """Add a decoder, behind those that are registered already.

    Raises:
        ValueError: When a decoder of this name is registered already.
    """
    if decoder.name in _DECODERS:
        raise ValueError(f"a decoder named {decoder.name!r} is registered already.")
    _DECODERS[decoder.name] = decoder


def unregister(name: str) -> None:
    """Remove a decoder that `register` added."""
    del _DECODERS[name]


def all_decoders() -> tuple[Decoder, ...]:
    """All registered decoders, in the order in which they are tried."""
    return tuple(_DECODERS.values())


def get_decoder(name: str) -> Decoder:
    """The decoder of this name.

    Raises:
        ValueError: When there is none; the message lists those that there are.
    """
    if name not in _DECODERS:
        raise ValueError(f"`decoder` must be one of {', '.join(_DECODERS)}. Received: {name!r}")
    return _DECODERS[name]
