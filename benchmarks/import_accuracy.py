"""Added detectors against independent decodings of the same files.

    python benchmarks/import_accuracy.py FOLDER PHOTOS [--engine E] [--files NAME...] [--out FILE]

FOLDER holds the files (`yolox_nano.onnx`, ...), PHOTOS labelled pictures of COCO with their
`classes.txt` one folder up. Each file is added without an option but its class names. Its boxes are
compared with those of the reference decoding, which `import_reference.json` holds, and its AP50,
weighted by objects, with that of the reference. The references were decoded with NumPy, OpenCV and
ONNX Runtime, without a line of this package.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from detectlab.detection.detector import Detector, load_detector
from detectlab.model_import.add import add
from detectlab.model_import.trial_pictures import trial_pictures
from detectlab.settings import Settings
from detectlab.vision.boxes import box_iou
from detectlab.vision.images import read_image
from detectlab.vision.labels import read_boxes
from detectlab.vision.metrics import average_precision

BAR = 0.95
# AP50 by the references, on 128 pictures; the other files have no labelled pictures.
REFERENCE_AP50 = {
    "yolox_nano": 0.477,
    "light_person": 0.435,
    "deimv2_atto": 0.408,
    "nanodet_m_416": 0.462,
    "fastestdet": 0.297,
}
REFERENCE_BOXES: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("import_reference.json").read_text("utf-8")
)
CLASS_COUNTS = {"light_person": 1, "ultraface_rfb320": 1, "yunet_n_320": 1, "picodet_cdla": None}
NMS_THRESHOLD = 0.6  # that of the references
BORDERLINE = 0.9  # a score may be so much lower than with the reference


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


def count_same_boxes(detector: Detector, name: str, photos: list[Path]) -> tuple[int, int]:
    """How many of the reference's boxes are found at IoU 0.9, and how many it has."""
    reference, by_name = REFERENCE_BOXES[name], {photo.stem: photo for photo in photos}
    same = count = 0
    for picture, rows in reference["boxes"].items():
        if picture not in by_name and picture not in trial_pictures():
            continue
        pixels = read_image(by_name[picture]) if picture in by_name else trial_pictures()[picture]
        answer = detector.detect(pixels, BORDERLINE * reference["confidence"], NMS_THRESHOLD)
        wanted = np.array(rows, np.float64)
        is_same = box_iou(wanted[:, 1:], answer.xyxy) >= 0.9
        is_same &= wanted[:, :1] == answer.class_id
        same += int(is_same.any(axis=1).sum())
        count += len(rows)
    return same, count


def measure(file: Path, photos: list[Path], engine: str, *, ap50: bool = True) -> dict[str, Any]:
    """Add a file as a user does, and measure it.

    Args:
        file: The ONNX file.
        photos: Labelled pictures.
        engine: Runs it.
        ap50: Whether to measure AP50, too.
    """
    names = (photos[0].parents[1] / "classes.txt").read_text("utf-8").splitlines()[:80]
    classes = CLASS_COUNTS.get(file.stem, len(names))
    row: dict[str, Any] = {"file": file.name, "engine": engine}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), engine=engine, offline=True)
        labels = Path(folder) / "labels.txt"
        labels.write_text("\n".join(names[:classes]), "utf-8")
        try:
            card = add("measured", [file], labels if classes else None, settings=settings)
        except ValueError as error:
            return {**row, "refused": str(error)}
        detector = load_detector("measured", settings=settings)
        same, count = count_same_boxes(detector, file.stem, photos)
        row |= {"decoder": card.decoder, "same_boxes": same, "boxes": count}
        row["ratio"] = round(same / count, 3)
        if ap50 and (reference := REFERENCE_AP50.get(file.stem)):
            measured = weighted_ap50(detector, photos, classes or 0)
            row |= {"pictures": len(photos), "ap50": round(measured, 3), "reference": reference}
            row["ratio"] = round(measured / reference, 3)
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--engine", default="openvino")
    parser.add_argument("--count", type=int, default=128)
    parser.add_argument("--files", nargs="*", default=list(REFERENCE_BOXES))
    parser.add_argument("--out", type=Path, help="Rows of this engine are replaced in this file.")
    options = parser.parse_args()
    photos = sorted(options.photos.glob("*.jpg"))[: options.count]
    rows = []
    for name in options.files:
        rows.append(measure(options.folder / f"{name}.onnx", photos, options.engine))
        print(json.dumps(rows[-1]), flush=True)
    if options.out:
        written = json.loads(options.out.read_text("utf-8")) if options.out.exists() else []
        others = [row for row in written if (row["file"], row["engine"]) not in _keys(rows)]
        lines = ",\n".join(json.dumps(row) for row in others + rows)
        options.out.write_text(f"[\n{lines}\n]\n", "utf-8")
    return 0 if all(row.get("ratio", 1) >= BAR for row in rows) else 1


def _keys(rows: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(row["file"], row["engine"]) for row in rows}


if __name__ == "__main__":
    raise SystemExit(main())
