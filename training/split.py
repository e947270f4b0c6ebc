"""Split the labelled photographs into a train, a tune and a test part, by a rule without choice.

    python -m training.split --photos ../shared/photos

The part of a photograph follows from the SHA-256 digest of its name, so that no list has to be kept
and no figure can have been seen before the split was made. Two rules come first:

- A photograph that `nano` has been trained on before this split stays in the train part, because
  later trainings start from those weights. `heldout/heldout.txt` and `heldout/duplicates.txt` name
  the photographs of the first folders that it was not trained on; they are few, so all of them
  judge.
- Photographs that nearly equal each other, also mirrored, form a family and lie in one part. The
  digest of the family's first name decides.

Photographs of `fruit-mixed/` have labels made by a detector: they train, but judge nothing. Those
of families in the tune or the test part are left out.
"""

import argparse
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

HELDOUT = Path(__file__).parent / "heldout"
FIRST_FOLDERS = ("fruit", "fruit-mixed", "coco")  # those that nano was trained on first
UNJUDGED = ("fruit-mixed",)
HASH_SIZE = 12
NEAR = 0.4  # of the set bits differ; alike compositions of different fruit begin at 0.43
TEST_SHARE, TUNE_SHARE = 0.24, 0.12

Part = Literal["train", "tune", "test", "unused"]


def part_of_name(name: str) -> Part:
    """Gives the part that the digest of a name, such as `clock/clock_train_001`, stands for."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    if name.split("/")[0] in FIRST_FOLDERS:
        share *= TEST_SHARE + TUNE_SHARE
    if share < TEST_SHARE:
        return "test"
    return "tune" if share < TEST_SHARE + TUNE_SHARE else "train"


def picture_hash(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Gives what is brighter than its neighbour to the left and above, coarsely, as bits."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    side = HASH_SIZE + 1
    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).astype(int)
    # Plain backgrounds are noise around zero: a step must be worth four grey levels to count.
    steps = (small[1:, 1:] - small[1:, :-1], small[1:, 1:] - small[:-1, 1:])
    return np.concatenate([(step * sign > 4).ravel() for step in steps for sign in (1, -1)])


def hash_distances(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Gives the share of set bits in which hashes differ.

    Args:
        first: (N, bits) hashes.
        second: (M, bits) hashes.

    Returns:
        (N, M), 0 for equal pictures.
    """
    a, b = first.astype(np.float32), second.astype(np.float32)
    both = a @ b.T
    either = a.sum(axis=1)[:, None] + b.sum(axis=1)[None] - both
    return (either - both) / np.maximum(either, 20)


def near_pairs(paths: Sequence[Path]) -> list[tuple[int, int]]:
    """Gives the pairs of pictures, by their positions, that nearly equal each other."""
    hashes, mirrored = [], []
    for path in paths:
        picture = cv2.imread(str(path))
        hashes.append(picture_hash(picture))
        mirrored.append(picture_hash(cv2.flip(picture, 1)))
    plain, flipped = np.stack(hashes), np.stack(mirrored)
    near = (hash_distances(plain, plain) < NEAR) | (hash_distances(flipped, plain) < NEAR)
    return [(int(i), int(j)) for i, j in np.argwhere(np.triu(near | near.T, k=1))]


def families(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Gives for each of `count` items the smallest item that a chain of pairs leads to."""
    parents = list(range(count))

    def root(item: int) -> int:
        while parents[item] != item:
            item = parents[item]
        return item

    for first, second in pairs:
        low, high = sorted((root(first), root(second)))
        parents[high] = low
    return [root(item) for item in range(count)]


def assign(
    names: Sequence[str], seen: Iterable[str], pairs: Iterable[tuple[int, int]]
) -> dict[str, Part]:
    """Gives the part of each photograph.

    Args:
        names: Photographs as `folder/stem`, sorted.
        seen: Those that the starting weights were trained on.
        pairs: Positions in `names` of photographs that nearly equal each other.
    """
    roots = families(len(names), pairs)
    known = set(seen)
    seen_roots = {root for name, root in zip(names, roots, strict=True) if name in known}
    parts: dict[str, Part] = {}
    for name, root in zip(names, roots, strict=True):
        part = "train" if root in seen_roots else part_of_name(names[root])
        unjudged = name.split("/")[0] in UNJUDGED
        parts[name] = "unused" if unjudged and part != "train" else part
    return parts


def seen(names: Iterable[str]) -> list[str]:
    lists = (HELDOUT / "heldout.txt", HELDOUT / "duplicates.txt")
    unseen = {name for path in lists for name in path.read_text().split()}
    return [name for name in names if name.split("/")[0] in FIRST_FOLDERS and name not in unseen]


def read_parts(photos: Path) -> dict[str, Part]:
    """Gives the part of every photograph in the folders of `photos`, by `folder/stem`."""
    paths = sorted(photos.glob("*/*.jpg"), key=lambda path: (path.parent.name, path.stem))
    names = [f"{path.parent.name}/{path.stem}" for path in paths]
    return assign(names, seen(names), near_pairs(paths))


def names_of(parts: Mapping[str, Part], part: Part) -> set[str]:
    """Gives the photographs of one part."""
    return {name for name, found in parts.items() if found == part}


def main() -> None:
    """Prints how many photographs of each folder lie in each part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parts = read_parts(parser.parse_args().photos)
    counts = Counter((name.split("/")[0], part) for name, part in parts.items())
    kinds: tuple[Part, ...] = ("train", "tune", "test", "unused")
    print(f"{'':12}" + "".join(f"{part:>8}" for part in kinds))
    for folder in sorted({folder for folder, _ in counts}):
        print(f"{folder:12}" + "".join(f"{counts[folder, part]:8}" for part in kinds))


if __name__ == "__main__":
    main()
