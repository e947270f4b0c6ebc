"""Baselines: the statistics of pictures and answers when all is well, kept in a folder."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import quote

from detectlab.models.atomic_files import replace_file
from detectlab.monitoring.recent import RecentStatistics
from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import NAMES

MIN_PICTURES = 100
# Of the statistics that only some pictures have.
MIN_LOOKED_AT = 20


class TooFewPictures(ValueError):
    """There are too few pictures to tell what is usual."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """How often a detector is right, measured on labelled pictures.

    Attributes:
        objects: How many objects it found there.
        right: How many of them were right.
        confidence: Their mean confidence.
    """

    objects: int
    right: int
    confidence: float

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> "Calibration":
        """The calibration of its attributes; raises `ValueError` and others when it is none."""
        return cls(int(data["objects"]), int(data["right"]), float(data["confidence"]))

    def precision(self, confidence: float) -> float:
        """The estimated precision of objects with this mean confidence, both in `[0, 1]`."""
        if not (self.objects and self.confidence):
            return confidence
        return min(1.0, confidence * self.right / self.objects / self.confidence)


@dataclass(frozen=True, eq=False)
class Baseline:
    """What pictures and answers of one detector are like when all is well.

    Attributes:
        model: The detector.
        sketch: Their statistics.
        classes: The detector's classes.
        source: What they were, in words.
        at: When it was frozen, ISO 8601 in UTC.
        calibration: How often the detector was right, where labels were there.
    """

    model: str
    sketch: Sketch
    classes: tuple[str, ...]
    source: str
    at: str
    calibration: Calibration | None = None

    @classmethod
    def freeze(
        cls,
        model: str,
        sketch: Sketch,
        *,
        classes: Sequence[str],
        source: str,
        calibration: Calibration | None = None,
    ) -> "Baseline":
        """A baseline of now.

        Args:
            model: The detector.
            sketch: The statistics.
            classes: The detector's classes.
            source: What the pictures were, in words.
            calibration: How often the detector was right, if that is known.

        Raises:
            TooFewPictures: There are too few pictures to tell what is usual.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        baseline = cls(model, sketch, tuple(classes), source, now, calibration)
        baseline.check()
        return baseline

    def check(self) -> None:
        """Refuse a baseline of too few pictures.

        Raises:
            TooFewPictures: There are too few pictures to tell what is usual.
        """
        pictures = self.sketch.pictures
        looked_at = int(self.sketch.counts[NAMES.index("brightness")].sum())
        if pictures < MIN_PICTURES or looked_at < MIN_LOOKED_AT:
            raise TooFewPictures(
                f"A baseline needs at least {MIN_PICTURES} pictures, {MIN_LOOKED_AT} of them with "
                f"statistics of their pixels. There are {pictures} of {self.model}, {looked_at} "
                "with. Wait for more, or freeze it from a folder: `detectlab monitor baseline "
                "--photos FOLDER`."
            )

    def as_json(self) -> dict[str, Any]:
        """The baseline as JSON."""
        return {
            "model": self.model,
            "classes": list(self.classes),
            "source": self.source,
            "at": self.at,
            "calibration": vars(self.calibration) if self.calibration else None,
            **self.sketch.as_json(),
        }

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> "Baseline":
        """The baseline of `as_json`.

        Raises:
            ValueError: The data are no baseline.
        """
        try:
            calibration = data["calibration"]
            return cls(
                str(data["model"]),
                Sketch.of_json(data),
                tuple(map(str, data["classes"])),
                str(data["source"]),
                str(data["at"]),
                Calibration.of_json(calibration) if calibration else None,
            )
        except (KeyError, TypeError, OverflowError):
            raise ValueError("This is no baseline.") from None


def freeze_busiest_lane(model: str, watches: Sequence[RecentStatistics], pictures: int) -> Baseline:
    """The baseline of a detector's last pictures in its busiest lane, from all gateways.

    Args:
        model: The detector.
        watches: Its recent statistics in each lane, and at each gateway.
        pictures: How many; each gateway gives its share of the traffic.

    Raises:
        TooFewPictures: There are too few pictures to tell what is usual.
    """
    if not watches:
        raise TooFewPictures(
            f"Nothing was observed of {model} yet. Send it pictures, or freeze a baseline from a "
            "folder: `detectlab monitor baseline --photos FOLDER`."
        )
    lanes: Counter[str] = Counter()
    for watch in watches:
        lanes[watch.lane] += watch.pictures
    ((lane, total),) = lanes.most_common(1)
    parts = [watch for watch in watches if watch.lane == lane]
    sketch = Sketch()
    for watch in parts:
        sketch = sketch + watch.recent(ceil(pictures * watch.pictures / max(1, total)))
    source = f"the last {sketch.pictures} pictures of lane {lane}"
    if len(parts) > 1:
        source += f" at {len(parts)} gateways"
    return Baseline.freeze(model, sketch, classes=parts[0].classes, source=source)


class BaselineStore:
    """Keeps one baseline for each detector, each in a file of its own.

    Args:
        folder: Where; created when it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, baseline: Baseline) -> None:
        """Write a baseline over an older one of the same detector, whole or not at all.

        Raises:
            WeightsError: The folder cannot be written, or the disk is full.
        """
        text = json.dumps(baseline.as_json()).encode()
        replace_file(self._file(baseline.model), lambda file: file.write(text))

    def follow(self, baseline: Baseline) -> None:
        """Write a baseline, unless it is there already; raises as `save`."""
        try:
            own = self.load(baseline.model)
        except ValueError:  # damaged
            own = None
        if own is None or own.as_json() != baseline.as_json():
            self.save(baseline)

    def load(self, model: str) -> Baseline | None:
        """The baseline of a detector, or `None`.

        Raises:
            ValueError: Its file holds no baseline.
        """
        try:
            data = json.loads(self._file(model).read_text("utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise ValueError(f"The baseline of {model} is damaged. Freeze a new one.")
        return Baseline.of_json(data)

    def version(self, model: str) -> int:
        """A number that changes when the baseline does; 0 without one."""
        try:
            return self._file(model).stat().st_mtime_ns
        except OSError:
            return 0

    def models(self) -> list[str]:
        """The detectors that have a baseline, by name."""
        found = []
        for file in self._folder.glob("*.json"):
            try:
                found.append(str(json.loads(file.read_text("utf-8"))["model"]))
            except (OSError, ValueError, KeyError, TypeError):
                continue  # `load` says what is wrong with it
        return sorted(found)

    def _file(self, model: str) -> Path:
        return self._folder / f"{quote(model, safe='')}.json"
