"""Ask cvlib's own function from several threads, and for a second model; count what goes wrong.

    python cvlib_at_once.py apple.jpg clock.jpg

cvlib is given the files of `nano` under a name that it knows, so that it downloads nothing.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from detectlab import detect_common_objects
from detectlab.models.files import ensure
from detectlab.vision.images import read_image

THREADS, CALLS = 8, 200


def main(names: list[str]) -> None:
    """Print how many answers of cvlib, and of detectlab, are wrong."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    try:
        import cvlib.object_detection as cvlib
    except ImportError:
        print("cvlib is not installed here, so there is nothing to see: `make lab` brings it.")
        return
    pictures = [read_image(name) for name in names]
    with tempfile.TemporaryDirectory() as folder:
        files = ensure("nano")
        for source, name in zip(
            files, ("yolov3-tiny.cfg", "yolov3-tiny.weights", "yolov3_classes.txt"), strict=True
        ):
            shutil.copy(source, Path(folder) / name)
        for name in ("yolov3.cfg", "yolov3.weights"):
            (Path(folder) / name).write_text("This is no network.")
        cvlib.dest_dir = folder
        tiny, large = (
            partial(cvlib.detect_common_objects, model=name) for name in ("yolov3-tiny", "yolov3")
        )
        same = tiny(pictures[0]) == large(pictures[0])
        print("cvlib answers for a model whose file holds no network:", same)
        wrong = count_wrong(tiny, pictures)
        print(f"cvlib, {THREADS} threads: {wrong} of {CALLS} answers are wrong")
    wrong = count_wrong(partial(detect_common_objects, model="nano"), pictures)
    print(f"detectlab, {THREADS} threads: {wrong} of {CALLS} answers are wrong")


def count_wrong(detect: Callable, pictures: list) -> int:
    """How many of `CALLS` answers from many threads differ from those to lone calls."""
    alone = [detect(picture) for picture in pictures]
    turns = [index % len(pictures) for index in range(CALLS)]

    def is_wrong(turn: int) -> bool:
        with contextlib.suppress(Exception):  # a failure is no right answer either
            return detect(pictures[turn]) != alone[turn]
        return True

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(is_wrong, turns))


if __name__ == "__main__":
    main(sys.argv[1:])
