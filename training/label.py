"""Complete the labels of the train part with what public detectors find, and mark their doubts.

    python -m training.label --photos ../shared/photos --weights ../shared/weights --out RUN/photos

Makes a folder of labels, with links to the photographs, for each folder of `--photos`. Labels that
people drew stay. Two detectors (YOLOX-nano and DEIMv2-atto) vote on what people did not label: on
every class in `fruit-mixed/`, whose own labels count as a third vote, and on the other classes in
folders that were labelled for some classes only. Where the votes disagree, or where they see an
object of a class that people labelled without it, the region teaches nothing (class -1). Stopped,
it goes on where it was.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data import IGNORE, Boxes, Sample, read_crowds, read_folder
from training.split import UNJUDGED, names_of, read_parts
from training.task import CLASSES
from training.teachers import Teacher, Votes, read_teachers

SAME_OBJECT_IOU = 0.55
SURE, MARGIN, DOUBT = 0.3, 0.7, 0.12  # of the mean score over all votes
OVERLOOKED = 0.3  # mean score from which people seem to have missed an object
OWN_SCORE = 0.7  # of a label that a detector made
FRUIT = frozenset(CLASSES[:3])
COMPLETE = {"fruit": FRUIT, "clock": frozenset({"clock"}), "vehicles": frozenset({"car"})}


def box_overlaps(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gives the IoU of one box with each of (N, 4) others."""
    shared = np.minimum(box[2:4], boxes[:, 2:4]) - np.maximum(box[:2], boxes[:, :2])
    inner = shared.clip(0).prod(axis=1)
    areas = (boxes[:, 2:4] - boxes[:, :2]).prod(axis=1)
    return inner / (areas + (box[2:4] - box[:2]).prod() - inner + 1e-9)


def fuse(found: list[Votes]) -> Iterator[Votes]:
    """Gives one row an object: the score-weighted mean box, mean class scores over all voters."""
    votes = np.concatenate(found)
    votes = votes[np.argsort(-votes[:, 4:].max(axis=1))]
    while len(votes):
        same = box_overlaps(votes[0], votes) > SAME_OBJECT_IOU
        group, votes = votes[same], votes[~same]
        weights = group[:, 4:].max(axis=1, keepdims=True)
        box = (group[:, :4] * weights).sum(axis=0) / weights.sum()
        yield np.concatenate([box, np.minimum(group[:, 4:].sum(axis=0) / len(found), 1)])


def own_votes(boxes: Boxes) -> Votes:
    """Gives labels as the votes of a detector."""
    objects = boxes[boxes[:, 0] >= 0]
    scores = np.eye(len(CLASSES), dtype=np.float32)[objects[:, 0].astype(int)] * OWN_SCORE
    return np.c_[objects[:, 1:], scores].astype(np.float32)


def completed(drawn: Boxes, found: list[Votes], complete: frozenset[str]) -> Boxes:
    """Gives labels with what the voters add.

    Args:
        drawn: (N, 5) labels that stay.
        found: What each voter found.
        complete: Classes of which people labelled every object.

    Returns:
        (M, 5): class or -1, x_min, y_min, x_max, y_max from 0 to 1.
    """
    rows = [*drawn]
    for row in fuse(found):
        box, scores = row[:4].clip(0, 1), row[4:]
        if scores.sum() < DOUBT or (box_overlaps(box, drawn[:, 1:]) > SAME_OBJECT_IOU - 0.1).any():
            continue
        label = int(scores.argmax())
        sure = scores.max() > SURE and scores.max() > MARGIN * scores.sum()
        if CLASSES[label] in complete:
            rows += [np.array([IGNORE, *box])] * bool(scores.max() > OVERLOOKED)
        else:
            rows.append(np.array([label if sure else IGNORE, *box]))
    return np.array(rows, dtype=np.float32).reshape(-1, 5)


def label_sample(sample: Sample, teachers: list[Teacher]) -> Boxes:
    """Gives the completed labels of one photograph."""
    folder = sample.name.split("/")[0]
    found = [teacher(sample.picture) for teacher in teachers]
    if folder in UNJUDGED:
        return completed(sample.boxes[:0], [*found, own_votes(sample.boxes)], frozenset())
    return completed(sample.boxes, found, COMPLETE.get(folder, frozenset(CLASSES)))


def write_labels(boxes: Boxes, path: Path) -> None:
    """Writes boxes as a label file."""
    lines = []
    for label, x_min, y_min, x_max, y_max in boxes.tolist():
        numbers = ((x_min + x_max) / 2, (y_min + y_max) / 2, x_max - x_min, y_max - y_min)
        lines.append(f"{int(label)} " + " ".join(f"{number:.5f}" for number in numbers) + "\n")
    path.write_text("".join(lines))


def main() -> None:
    """Labels the train part of every folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="folder of public detectors")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    options = parser.parse_args()
    names = names_of(read_parts(options.photos), "train") - read_crowds(options.photos)
    teachers = read_teachers(options.weights)
    for folder in sorted({name.split("/")[0] for name in names}):
        target = options.out / folder
        target.mkdir(parents=True, exist_ok=True)
        (target / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
        for sample in tqdm(read_folder(options.photos / folder, CLASSES, only=names), desc=folder):
            stem = sample.name.split("/")[1]
            if (target / f"{stem}.jpg").is_symlink():
                continue
            write_labels(label_sample(sample, teachers), target / f"{stem}.txt")
            for path in (options.photos / folder).glob(f"{stem}.*"):
                if not (target / path.name).exists():
                    (target / path.name).symlink_to(path.resolve())


if __name__ == "__main__":
    main()
