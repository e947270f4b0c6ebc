"""The registry: every known detector, by its name."""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from detectlab.models.card import ModelCard, WeightsFile, published
from detectlab.models.catalogue import CARDS
from detectlab.models.catalogue_onnx import ONNX_CARDS
from detectlab.models.coco import COCO_CLASSES, COCO_NAMES
from detectlab.models.user_models import own_cards
from detectlab.settings import Settings

__all__ = [
    "COCO_CLASSES",
    "COCO_NAMES",
    "ModelCard",
    "WeightsFile",
    "built_in",
    "get_card",
    "published",
    "registry",
]

MAX_INPUT_SIDE = 2048  # four times the usual one

_BUILT_IN: Mapping[str, ModelCard] = {card.name: card for card in (*CARDS, *ONNX_CARDS)}


def built_in() -> Mapping[str, ModelCard]:
    """The detectors that detectlab knows by itself, the embedded one first."""
    return _BUILT_IN


def registry(settings: Settings | None = None) -> Mapping[str, ModelCard]:
    """All known detectors by name: the embedded one first, added ones last.

    Args:
        settings: Say where added detectors are kept, by default the environment's; and which
            detector is the default one, which is listed at its input size.
    """
    added = own_cards(settings)
    # One that was added takes no built-in name, but that of one that has to be added or exported.
    filled = {
        name: added.get(name, card) if card.library_weights else card
        for name, card in _BUILT_IN.items()
    }
    cards = filled | {k: v for k, v in added.items() if k not in filled}
    name, at, side = (settings.model or "" if settings else "").partition("@")
    if at and name in cards:  # the default, at another input size
        resized = _resized(cards[name], side)
        cards[resized.name] = resized
    return MappingProxyType(cards)


def get_card(name: str, settings: Settings | None = None) -> ModelCard:
    """The card of a detector.

    Args:
        name: Name of the detector, as `registry` has it; `nano@416` has another input size.
        settings: As for `registry`.

    Returns:
        Its card.

    Raises:
        ValueError: No detector has this name, and the message lists those that there are; or its
            input cannot have this size.

    >>> get_card("yolov3-tiny").weights.name
    'yolov3-tiny.weights'
    """
    cards = registry(settings)
    known, at, side = name.partition("@")
    if known not in cards:
        raise ValueError(f"`model` must be one of {', '.join(cards)}. Received: {name!r}")
    return _resized(cards[known], side) if at else cards[known]


def _resized(card: ModelCard, side: str) -> ModelCard:
    """The card of a detector with an input of another size, called `NAME@SIDE`."""
    is_multiple = re.fullmatch(r"[0-9]{1,4}", side) and int(side) > 0 and int(side) % 32 == 0
    if not is_multiple or int(side) > MAX_INPUT_SIDE:
        raise ValueError(
            f"`model`: after @ comes the input size, a multiple of 32 up to {MAX_INPUT_SIDE}. "
            f"Received: {card.name + '@' + side!r}"
        )
    if card.config is None and card.input_size_wh != (int(side), int(side)):
        width, height = card.input_size_wh
        raise ValueError(
            f"`model`: the input of {card.name} is fixed in its file: {width} x {height} pixels. "
            f"Received: {card.name + '@' + side!r}"
        )
    name = f"{card.name}@{int(side)}"
    return replace(card, name=name, input_size=int(side), input_height=None)
