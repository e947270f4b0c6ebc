"""List the pictures without objects in which a detector sees some: hard negatives.

python -m training.hard --data RUN/photos/coco RUN/photos/coco-more --out RUN/hard.txt
"""

import argparse
from pathlib import Path

from training.darknet_detector import ASSETS, read_nano
from training.data import read_folder
from training.task import CLASSES

LOWEST = 0.2


def main() -> None:
    """Writes the names, `folder/stem`, one a line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of pictures")
    parser.add_argument("--nano", type=Path, default=ASSETS, help="folder of nano.cfg and the rest")
    parser.add_argument("--out", type=Path, required=True, help="list to write")
    options = parser.parse_args()
    detector = read_nano(options.nano)
    samples = [sample for folder in options.data for sample in read_folder(folder, CLASSES)]
    empty = [sample for sample in samples if not (sample.boxes[:, 0] >= 0).any()]
    hard = [s.name for s in empty if (detector.detect(s.picture)[:, 1] > LOWEST).any()]
    options.out.write_text("".join(f"{name}\n" for name in hard))
    print(f"{len(hard)} of {len(empty)} pictures without objects")


if __name__ == "__main__":
    main()
