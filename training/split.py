"""Choose the photographs that training never sees, and those too much like them to be trained on.

    python -m training.split --photos ../shared/photos

Held out are, by name, every fifth photograph of `fruit/`, and of `coco/` every second one with a
car, every second one with a clock and every third one without any of our classes. Any other
photograph that nearly equals a held-out one, also mirrored, is left out of training: it stands in
`duplicates.txt`.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

HELDOUT = Path(__file__).parent / "heldout"
CLOCK, CAR = "74", "2"
OURS = {"46", "47", "49", CLOCK, CAR}
HASH_SIZE = 12
NEAR = 0.4  # of the set bits differ; alike compositions of different fruit begin at 0.43


def picture_hash(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Gives what is brighter than its neighbour to the left and above, coarsely, as bits."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    side = HASH_SIZE + 1
    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).astype(int)
    # Plain backgrounds are noise around zero: a step must be worth four grey levels to count.
    steps = (small[1:, 1:] - small[1:, :-1], small[1:, 1:] - small[:-1, 1:])
    return np.concatenate([(step * sign > 4).ravel() for step in steps for sign in (1, -1)])


def likeness(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Gives the share of set bits in which two hashes differ: 0 for equal pictures."""
    either = (first | second).sum()
    return float((first ^ second).sum() / max(either, 20))


def held_out(photos: Path) -> list[str]:
    """Gives the held-out photographs as `folder/stem`, sorted."""
    fruit = [f"fruit/{path.stem}" for path in sorted((photos / "fruit").glob("*.jpg"))[::5]]
    cars, clocks, none = [], [], []
    for path in sorted((photos / "coco").glob("*.jpg")):
        present = {line.split()[0] for line in path.with_suffix(".txt").read_text().splitlines()}
        name = f"coco/{path.stem}"
        cars += [name] * (CAR in present)
        clocks += [name] * (CLOCK in present)
        none += [name] * (not present & OURS)
    return sorted({*fruit, *cars[::2], *clocks[::2], *none[::3]})


def near_duplicates(photos: Path, names: list[str]) -> list[str]:
    """Gives the photographs that are not in `names` but nearly equal to one that is, sorted."""
    hashes, mirrored = {}, {}
    for path in sorted(photos.glob("*/*.jpg")):
        name, picture = f"{path.parent.name}/{path.stem}", cv2.imread(str(path))
        hashes[name] = picture_hash(picture)
        mirrored[name] = picture_hash(cv2.flip(picture, 1))

    def nearest(name: str) -> float:
        views = (hashes[name], mirrored[name])
        return min(likeness(view, hashes[other]) for view in views for other in names)

    return sorted(name for name in hashes.keys() - set(names) if nearest(name) < NEAR)


def main() -> None:
    """Writes the two lists."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    photos = parser.parse_args().photos
    names = held_out(photos)
    duplicates = near_duplicates(photos, names)
    for file, lines in (("heldout.txt", names), ("duplicates.txt", duplicates)):
        (HELDOUT / file).write_text("".join(f"{line}\n" for line in lines))
        print(f"{len(lines)} photographs in {file}")


if __name__ == "__main__":
    main()
