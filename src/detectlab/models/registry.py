"""The registry: every known detector, by its name."""

from collections.abc import Mapping
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

_BUILT_IN: Mapping[str, ModelCard] = {card.name: card for card in (*CARDS, *ONNX_CARDS)}


def built_in() -> Mapping[str, ModelCard]:
    """The detectors that detectlab knows by itself, the embedded one first."""
    return _BUILT_IN


def registry(settings: Settings | None = None) -> Mapping[str, ModelCard]:
    """All known detectors by name: the embedded one first, added ones last.

    Args:
        settings: Say where added detectors are kept; by default the environment's.
    """
    added = own_cards(settings)
    # One that was added takes no built-in name, but that of one that has to be added or exported.
    filled = {
        name: added.get(name, card) if card.library_weights else card
        for name, card in _BUILT_IN.items()
    }
    return MappingProxyType(filled | {k: v for k, v in added.items() if k not in filled})


def get_card(name: str, settings: Settings | None = None) -> ModelCard:
    """The card of a detector.

    Args:
        name: Name of the detector, as `registry` has it.
        settings: As for `registry`.

    Returns:
        Its card.

    Raises:
        ValueError: No detector has this name; the message lists those that there are.

    >>> get_card("yolov3-tiny").weights.name
    'yolov3-tiny.weights'
    """
    cards = registry(settings)
    if name not in cards:
        raise ValueError(f"`model` must be one of {', '.join(cards)}. Received: {name!r}")
    return cards[name]
