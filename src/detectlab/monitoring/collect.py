"""Which kept pictures are worth a person's time: those that teach most, and no scene twice."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.detection.detector import Detector
from detectlab.models.atomic_files import replace_file
from detectlab.monitoring.regions import Regions
from detectlab.monitoring.statistics import PICTURE, bins_of, picture_statistics
from detectlab.serving.upload_store import kept_at
from detectlab.vision.detections import Detections
from detectlab.vision.images import ImageError, Pixels, decode_image, thumbnail
from detectlab.vision.labels import class_names
from detectlab.vision.metrics import match

NOTES = "collected.json"
_LOWEST, _THRESHOLD = 0.25, 0.5  # confidences between are those of objects that are nearly found
_RARE = 0.2  # upper bound of a tail of the baseline that is called rare
_MANY_RARE = 3  # statistics
_SIDE = 8  # pixels, of the picture by which scenes are compared
_SAME_SCENE, _OTHER_SCENE = 0.02, 0.15  # root mean square difference of those, of 0 to 1
_WORTH_OF_OTHERS = 0.02


@dataclass(frozen=True)
class Reasons:
    """What makes a picture worth labelling.

    Attributes:
        detector: Answers as the service does.
        other: Another detector, a candidate; where both disagree, one is wrong.
        baseline: The tails of the baseline, where there is one.
        since: When drift began.
        judged: What people saw, by the `picture_key` of the picture.
    """

    detector: Detector
    other: Detector | None = None
    baseline: Regions | None = None
    since: datetime | None = None
    judged: Mapping[str, Detections] | None = None


@dataclass(frozen=True, eq=False)
class Candidate:
    """A kept picture.

    Attributes:
        path: Its file.
        size: Of the file, in bytes.
        reasons: Why it is worth labelling, each with a weight in `(0, 1]`.
        scene: `(192,)` its colours in few pixels, in `[0, 1]`.
        seen: What a person saw in it.
    """

    path: Path
    size: int
    reasons: dict[str, float]
    scene: NDArray[np.float32]
    seen: Detections | None = None

    @property
    def worth(self) -> float:
        """The sum of the weights; a picture without any reason has a little."""
        return sum(self.reasons.values()) + _WORTH_OF_OTHERS


def examine(path: Path, reasons: Reasons, max_pixels: int) -> Candidate | None:
    """Weigh a kept picture; `None` when it is gone or no picture.

    Args:
        path: Its file.
        reasons: What counts.
        max_pixels: Maximum of width x height.
    """
    try:
        data = path.read_bytes()
        pixels = decode_image(data, max_pixels).pixels
    except (ImageError, FileNotFoundError):
        return None
    found = reasons.detector.detect(pixels, _LOWEST)
    seen = (reasons.judged or {}).get(path.stem.rpartition("-")[2])
    is_late = reasons.since is not None and kept_at(path) >= reasons.since
    weights = {
        "low confidence": _uncertainty(found),
        "detectors disagree": _disagreement(found, reasons.other, pixels),
        "unlike the baseline": _rarity(pixels, len(data), reasons.baseline),
        "since the alarm": float(is_late),
        "feedback": float(seen is not None),
    }
    small = cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    kept = {name: round(weight, 3) for name, weight in weights.items() if weight > 0}
    return Candidate(path, len(data), kept, (small / 255).astype(np.float32).ravel(), seen)


def _uncertainty(found: Detections) -> float:
    """1 for an object just at the threshold, 0 when all are far from it."""
    gaps = np.abs(found.confidence - _THRESHOLD) / (_THRESHOLD - _LOWEST)
    return float(max(0.0, 1 - gaps.min(initial=1)))


def _disagreement(found: Detections, other: Detector | None, pixels: Pixels) -> float:
    """The share of objects that only one of the detectors finds."""
    if other is None:
        return 0.0
    mine = found[found.confidence >= _THRESHOLD]
    theirs = other.detect(pixels, _THRESHOLD)
    total = max(len(mine), len(theirs))
    return 1 - len(match(mine, theirs)) / total if total else 0.0


def _rarity(pixels: Pixels, file_bytes: int, baseline: Regions | None) -> float:
    """How many statistics lie in rare tails of the baseline, as a share of `_MANY_RARE`."""
    if baseline is None:
        return 0.0
    size_wh = pixels.shape[1], pixels.shape[0]
    bins = bins_of(picture_statistics(thumbnail(pixels), size_wh, file_bytes))
    hits, _ = baseline.hits(np.where(PICTURE, bins, -1))
    rare = baseline.rows[hits & (baseline.limits < _RARE)]
    return min(1.0, len(set(rare.tolist())) / _MANY_RARE)


def choose(candidates: Sequence[Candidate], *, count: int, max_bytes: int) -> list[Candidate]:
    """The pictures to label: greedily the one that is worth most, and least like those chosen.

    Args:
        candidates: The pictures.
        count: How many, at most.
        max_bytes: How much space they take together, at most.

    Returns:
        The chosen ones, the best first; none shows the scene of another.
    """
    if not candidates:
        return []
    scenes = np.stack([one.scene for one in candidates])
    worth = np.array([one.worth for one in candidates])
    nearest, chosen, left = np.ones(len(candidates)), list[Candidate](), max_bytes
    while len(chosen) < count:
        is_possible = (nearest > _SAME_SCENE) & ([one.size <= left for one in candidates])
        if not is_possible.any():
            break
        novelty = np.minimum(1, nearest / _OTHER_SCENE)
        best = int(np.where(is_possible, worth * novelty, -1).argmax())
        chosen.append(candidates[best])
        left -= candidates[best].size
        distance = np.sqrt(np.square(scenes - scenes[best]).mean(axis=1))
        nearest = np.minimum(nearest, distance)
    return chosen


def write(folder: Path, chosen: Sequence[Candidate], classes: Collection[str]) -> int:
    """Copy pictures into a folder to label them in; those that are there stay as they are.

    Args:
        folder: The folder; created when it does not exist.
        chosen: The pictures.
        classes: The classes that can be given.

    Returns:
        How many pictures are new.

    Raises:
        ValueError: The folder is for labels of other classes.
        WeightsError: It cannot be written, or the disk is full.
    """
    list_file = folder / "classes.txt"
    if not list_file.is_file():
        text = "".join(f"{name}\n" for name in classes)
        replace_file(list_file, lambda out: out.write(text.encode()))
    if class_names(folder) != tuple(classes):
        raise ValueError(f"{list_file} lists other classes than the detector has: choose a folder.")
    notes = _notes(folder)
    new = 0
    for one in chosen:
        name = f"{one.path.stem}{'.png' if one.path.suffix == '.png' else '.jpg'}"
        if not (folder / name).exists():
            data = one.path.read_bytes()
            replace_file(folder / name, _writer(data))
            new += 1
        notes[name] = {"reasons": one.reasons}
        if one.seen is not None:
            notes[name]["seen"] = [[*box, label] for box, label, _ in one.seen]
    text = json.dumps(notes, indent=1)
    replace_file(folder / NOTES, lambda out: out.write(text.encode()))
    return new


def _writer(data: bytes) -> Callable[[Any], object]:
    return lambda out: out.write(data)


def _notes(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / NOTES).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
