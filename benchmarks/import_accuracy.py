"""AP50 of added detectors against independent decodings of the same files.

    python benchmarks/import_accuracy.py FOLDER PHOTOS [--engine E] [--count N]

FOLDER holds the files (`yolox_nano.onnx`, ...), PHOTOS labelled pictures of COCO with their
`classes.txt` one folder up. Each file is added without an option but its class names, and its AP50,
weighted by objects, is put beside that of the reference decoding, which is written down here.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from detectlab.detection.detector import Detector, load_detector
from detectlab.model_import.add import add
from detectlab.settings import Settings
from detectlab.vision.images import read_image
from detectlab.vision.labels import read_boxes
from detectlab.vision.metrics import average_precision

BAR = 0.95
# By independent decodings with NumPy and ONNX Runtime, on 128 pictures.
REFERENCE = {
    "yolox_nano": 0.477,
    "light_person": 0.435,
    "deimv2_atto": 0.408,
    "nanodet_m_416": 0.462,
    "fastestdet": 0.297,
}
PEOPLE_ONLY = {"light_person"}
NMS_THRESHOLD = 0.6  # that of the references


def weighted_ap50(detector: Detector, photos: list[Path], classes: int) -> float:
    """AP50 of each class, weighted by its objects; class numbers are those of the labels."""
    found, truth = [], []
    for photo in photos:
        pixels = read_image(photo)
        height, width = pixels.shape[:2]
        there = read_boxes(photo.with_suffix(".txt"))
        there[:, 1:] *= np.array([width, height, width, height], np.float32)
        answer = detector.detect(pixels, 0.01, NMS_THRESHOLD)
        found.append(np.column_stack([answer.class_id, answer.confidence, answer.xyxy]))
        truth.append(there)
    scores = [average_precision(found, truth, label) for label in range(classes)]
    weighted = [(ap50, count) for ap50, count in scores if count]
    return sum(ap50 * count for ap50, count in weighted) / sum(count for _, count in weighted)


def measure(file: Path, photos: list[Path], engine: str) -> dict[str, Any]:
    """Add a file as a user does, and measure it."""
    names = (photos[0].parents[1] / "classes.txt").read_text("utf-8").splitlines()[:80]
    classes = 1 if file.stem in PEOPLE_ONLY else len(names)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), engine=engine, offline=True)
        labels = Path(folder) / "labels.txt"
        labels.write_text("\n".join(names[:classes]), "utf-8")
        try:
            card = add("measured", [file], labels, settings=settings)
        except ValueError as error:
            return {"file": file.name, "engine": engine, "refused": str(error)}
        detector = load_detector("measured", settings=settings)
        ap50 = weighted_ap50(detector, photos, classes)
    reference = REFERENCE[file.stem]
    return {
        "file": file.name,
        "engine": engine,
        "decoder": card.decoder,
        "pictures": len(photos),
        "ap50": round(ap50, 3),
        "reference": reference,
        "ratio": round(ap50 / reference, 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--engine", default="openvino")
    parser.add_argument("--count", type=int, default=128)
    options = parser.parse_args()
    photos = sorted(options.photos.glob("*.jpg"))[: options.count]
    passed = True
    for name in REFERENCE:
        row = measure(options.folder / f"{name}.onnx", photos, options.engine)
        passed &= row.get("ratio", 1) >= BAR
        print(json.dumps(row), flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
