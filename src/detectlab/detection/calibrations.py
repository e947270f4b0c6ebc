"""Calibrations of detectors: where they are, and what was measured of them."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from detectlab.engines.base import file_digest
from detectlab.engines.calibration import read_measured
from detectlab.engines.registry import arithmetic
from detectlab.models.files import ASSETS, ModelFiles, locate
from detectlab.models.registry import ModelCard
from detectlab.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measured:
    """What a network in int8 costs and gains, on pictures that it was not calibrated on.

    Attributes:
        calibrated_on: Number of pictures that it was calibrated on.
        pictures: Number of pictures of the measurement.
        objects: Number of objects that float32 finds in them.
        kept: Share of the objects that both find, of those that either finds, whichever is less.
        ap50: Mean AP50 of float32 and of int8; `None` without labels.
        ms: Milliseconds of the network in float32 and in int8, the shortest of many.
        processor: What it was measured on.
    """

    calibrated_on: int
    pictures: int
    objects: int
    kept: float
    ap50: tuple[float, float] | None
    ms: tuple[float, float]
    processor: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        ap50 = tuple(values["ap50"]) if values["ap50"] else None
        return cls(**{**values, "ap50": ap50, "ms": tuple(values["ms"])})

    @property
    def loss(self) -> float:
        """Loss of mean AP50, or without labels the share of objects not kept; in `[0, 1]`."""
        return max(0.0, self.ap50[0] - self.ap50[1] if self.ap50 else 1 - self.kept)

    def __str__(self) -> str:
        found = f"keeps {self.kept:.1%} of {self.objects} objects in {self.pictures} pictures"
        if self.ap50:
            found += f", AP50 {self.ap50[1]:.3f} ({self.ap50[0]:.3f} in float32)"
        before, after = self.ms
        return f"{found}, {after:.1f} ms a picture ({before:.1f} in float32)"


def calibration_name(card: ModelCard, files: ModelFiles, size_wh: tuple[int, int]) -> str:
    """Name of a calibration's file; its digest keeps it apart from those of other weights.

    Args:
        card: The detector.
        files: Its files.
        size_wh: Width and height of the network's input in pixels.
    """
    digest = hashlib.sha256()
    for file in filter(None, (files.config, files.weights)):
        digest.update(file_digest(file))
    described = card.decoder, card.fitting, size_wh, sorted(card.other_inputs.items())
    digest.update(repr(described).encode())
    return f"{card.name}-{digest.hexdigest()[:16]}.int8"


def calibration_folder(card: ModelCard, settings: Settings) -> Path:
    """The folder of a user's own calibrations of a detector: that of its weights.

    Args:
        card: The detector.
        settings: Where detectors are.
    """
    return settings.home / "weights" if card.embedded else locate(card, settings).weights.parent


def find_calibration(
    card: ModelCard, settings: Settings, size_wh: tuple[int, int] | None = None
) -> Path | None:
    """The calibration of a detector; a user's own goes before the package's.

    Args:
        card: The detector.
        settings: Where detectors are.
        size_wh: Width and height of the network's input in pixels; by default the detector's own.

    Returns:
        Its file, or `None` where it is not calibrated with these weights.
    """
    folders = [calibration_folder(card, settings)] + ([ASSETS] if card.embedded else [])
    name = calibration_name(card, locate(card, settings), size_wh or card.input_size_wh)
    return next((file for folder in folders if (file := folder / name).is_file()), None)


def measured_of(card: ModelCard, settings: Settings | None = None) -> Measured | None:
    """What was measured of a detector in int8.

    Args:
        card: The detector.
        settings: Where detectors are; by default the environment's.

    Returns:
        The figures, or `None` where it is not calibrated.
    """
    file = find_calibration(card, settings or Settings())
    if file is None:
        return None
    try:
        return Measured.of(read_measured(file))
    except (ValueError, KeyError, TypeError) as error:
        logger.warning("%s", error)
        return None


def chosen_precision(card: ModelCard, settings: Settings) -> str:
    """What a detector is computed in on this processor.

    Args:
        card: The detector.
        settings: The engine and the precision that are wanted.
    """
    return arithmetic(
        settings.engine,
        settings.precision,
        is_calibrated=find_calibration(card, settings) is not None,
        allows_half=not card.needs_float32,
    )


def as_json(measured: Measured) -> dict[str, Any]:
    """The values as they are stored."""
    return dict(json.loads(json.dumps(measured.__dict__)))
