"""Average precision with COCO's rules, and intervals for it by resampling pictures.

AP50 as in vision/metrics.py, with the rules that COCO adds
(https://cocodataset.org/#detection-eval): of the objects only those of a range of sizes count, and
a detection counts neither way if it lies mostly in a region to ignore, or if it matches nothing and
is itself of another size. In a picture with a crowd whose members have no boxes, a detection that
matches nothing counts neither way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectlab.vision.boxes import box_iou
from training.data import IGNORE, Boxes
from training.metrics import Found

IOU_THRESHOLD = 0.5
DRAWS, SEED = 1000, 7
INTERVAL = (2.5, 97.5)  # percentiles


@dataclass(frozen=True)
class Figure:
    """A measured value with its 95 % interval.

    Attributes:
        value: On all pictures.
        low: Lower end of the interval.
        high: Upper end of the interval.
        objects: How many objects, or pictures where pictures are counted, it rests on.
    """

    value: float
    low: float
    high: float
    objects: int


@dataclass(frozen=True)
class Verdicts:
    """What became of the detections of one class.

    Attributes:
        scores: (N,), highest first.
        right: (N,) whether each matches an object.
        pictures: (N,) the number of the picture of each.
        objects: (pictures,) how many objects each picture has.
    """

    scores: NDArray[np.float32]
    right: NDArray[np.bool_]
    pictures: NDArray[np.int64]
    objects: NDArray[np.int64]


def sizes(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gives the shorter side of (N, 4) boxes, as a share of the picture."""
    return (corners[:, 2:] - corners[:, :2]).min(axis=1)


def _inside(corners: NDArray[np.float32], regions: NDArray[np.float32]) -> bool:
    """Tells whether at least half of a box lies in one region: COCO's overlap with a crowd."""
    low, high = np.maximum(corners[:2], regions[:, :2]), np.minimum(corners[2:], regions[:, 2:])
    inner = (high - low).clip(0).prod(axis=1)
    return bool((inner >= IOU_THRESHOLD * (corners[2:] - corners[:2]).prod()).any())


def _judge(found: Found, objects: Boxes, others: Boxes, regions: Boxes) -> list[bool | None]:
    """Gives for each detection, highest first, right, wrong, or None: counts neither way."""
    taken, verdicts = np.zeros(len(objects), bool), []
    for row in found:
        overlaps = box_iou(row[None, 2:], objects[:, 1:])[0] * ~taken
        if len(objects) and overlaps.max() >= IOU_THRESHOLD:
            taken[overlaps.argmax()] = True
            verdicts.append(True)
        elif (box_iou(row[None, 2:], others[:, 1:]) >= IOU_THRESHOLD).any():
            verdicts.append(None)
        else:
            verdicts.append(None if _inside(row[2:], regions[:, 1:]) else False)
    return verdicts


def judge(
    found: Sequence[Found],
    truth: Sequence[Boxes],
    label: int,
    *,
    smallest: float = 0.0,
    largest: float = np.inf,
    crowded: Sequence[bool] = (),
) -> Verdicts:
    """Compares detections with what is there, for one class.

    Args:
        found: (N, 6) a picture: class, score, corners from 0 to 1.
        truth: (M, 5) a picture, in the same order: class or -1 (a region to ignore), corners.
        label: The class.
        smallest: Objects whose shorter side is below this share of the picture do not count.
        largest: Nor do those whose shorter side reaches this one.
        crowded: Whether each picture shows a crowd that is not boxed; no picture if not given.
    """
    rows, objects = [], np.zeros(len(found), np.int64)
    for picture, (detections, boxes) in enumerate(zip(found, truth, strict=True)):
        mine = detections[detections[:, 0] == label]
        mine = mine[np.argsort(-mine[:, 1], kind="stable")]
        same = boxes[boxes[:, 0] == label]
        counts = (sizes(same[:, 1:]) >= smallest) & (sizes(same[:, 1:]) < largest)
        objects[picture] = counts.sum()
        verdicts = _judge(mine, same[counts], same[~counts], boxes[boxes[:, 0] == IGNORE])
        fits = (sizes(mine[:, 2:]) >= smallest) & (sizes(mine[:, 2:]) < largest)
        lenient = bool(len(crowded)) and crowded[picture]
        for row, right, fitting in zip(mine, verdicts, fits, strict=True):
            if right or (right is False and fitting and not lenient):
                rows.append((row[1], right, picture))
    rows.sort(key=lambda row: -row[0])
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return Verdicts(
        np.array(columns[0], np.float32),
        np.array(columns[1], bool),
        np.array(columns[2], np.int64),
        objects,
    )


def average_precision(verdicts: Verdicts, copies: NDArray[np.int64] | None = None) -> float:
    """Gives the area under the precision-recall curve, nan without objects.

    Args:
        verdicts: Of one class.
        copies: (pictures,) how often each picture counts; once if not given.
    """
    copies = np.ones_like(verdicts.objects) if copies is None else copies
    total = int((verdicts.objects * copies).sum())
    if not total:
        return float("nan")
    weights = copies[verdicts.pictures]
    right = np.cumsum(weights * verdicts.right)
    precision = right / np.maximum(np.cumsum(weights), 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * np.diff(right, prepend=0)).sum() / total)


def draw_copies(pictures: int) -> NDArray[np.int64]:
    """Gives (draws, pictures): how often each picture is drawn when as many are drawn at random."""
    rng = np.random.default_rng(SEED)
    return rng.multinomial(pictures, np.full(pictures, 1 / max(pictures, 1)), size=DRAWS)


def _figure(value: float, drawn: Sequence[float], objects: int) -> Figure:
    known = [number for number in drawn if not np.isnan(number)]
    low, high = np.percentile(known, INTERVAL) if known else (np.nan, np.nan)
    return Figure(value, float(low), float(high), objects)


def mean_precision(classes: Sequence[Verdicts]) -> Figure:
    """Gives the mean AP50 of some classes on the same pictures; those without objects are left out.

    Args:
        classes: The verdicts of each class.
    """
    known = [verdicts for verdicts in classes if verdicts.objects.any()]
    if not known:
        return Figure(float("nan"), float("nan"), float("nan"), 0)

    def mean(copies: NDArray[np.int64] | None) -> float:
        values = [average_precision(verdicts, copies) for verdicts in known]
        values = [value for value in values if not np.isnan(value)]
        return float(np.mean(values)) if values else float("nan")

    drawn = [mean(copies) for copies in draw_copies(len(known[0].objects))]
    return _figure(mean(None), drawn, sum(int(verdicts.objects.sum()) for verdicts in known))


def mean_count(counts: Sequence[int]) -> Figure:
    """Gives the mean of a count a picture.

    Args:
        counts: One for each picture.
    """
    if not len(counts):
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    values = np.array(counts)
    drawn = draw_copies(len(values)) @ values / len(values)
    return _figure(float(values.mean()), drawn.tolist(), len(values))
