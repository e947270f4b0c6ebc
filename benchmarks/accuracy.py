"""Whether engines and precisions find the same: over photographs, in both directions.

    python benchmarks/accuracy.py FOLDER... [--model NAME]... [--count 200] [--write]

An object that one finds above 0.5 is found by the other when that one has an object of its class
above 0.47 whose box has an IoU of at least 0.95, and the confidences differ by at most 0.03: an
object that falls just below the limit is not missed. Each pair passes when at least 99 % are found
in both directions.
"""

import argparse
import json
import platform
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.agreement import CONFIDENCE, MIN_IOU, TOLERANCE, found_again, spread_out

from detectlab.detection.detector import open_detector
from detectlab.models.files import ensure, is_present
from detectlab.models.registry import get_card, registry
from detectlab.vision.detections import Detections
from detectlab.vision.images import read_image

RESULT = Path(__file__).parent / "results" / "accuracy.json"
BAR = 0.99
# What is compared with what: engine and precision.
RUNS = {
    "opencv float32": ("opencv", "float32"),
    "openvino float32": ("openvino", "float32"),
    "openvino fast": ("openvino", "fast"),
}
# What the processor would choose if a detector's card did not keep it from that.
UNGUARDED = "openvino fast, unguarded"
PAIRS = (
    ("openvino float32", "opencv float32"),
    ("openvino fast", "openvino float32"),
    (UNGUARDED, "openvino float32"),
)


def compare(one: list[Detections], other: list[Detections]) -> dict[str, Any]:
    """How many objects of each are found by the other; lists hold those above 0.47."""
    counts = [0, 0]
    found = [0, 0]
    for a, b in zip(one, other, strict=True):
        for way, (baseline, second) in enumerate(((a, b), (b, a))):
            sure = baseline.above(CONFIDENCE)
            counts[way] += len(sure)
            found[way] += found_again(sure, second)
    shares = [f / count if count else 1.0 for f, count in zip(found, counts, strict=True)]
    return {
        "objects": counts,
        "found_by_the_other": found,
        "share": round(min(shares), 4),
        "passes": min(shares) >= BAR,
    }


def measure(model: str, photographs: list[Path]) -> dict[str, Any]:
    """Compare every pair of runs of one detector."""
    card, files = get_card(model), ensure(model)
    detectors = {
        name: open_detector(card, files, card.input_size_wh, engine=engine, precision=precision)
        for name, (engine, precision) in RUNS.items()
    }
    unguarded = replace(card, needs_float32=False)
    detectors[UNGUARDED] = open_detector(
        unguarded, files, card.input_size_wh, engine="openvino", precision="fast"
    )
    found: dict[str, list[Detections]] = {name: [] for name in detectors}
    for path in photographs:
        pixels = read_image(path)
        for name, detector in detectors.items():
            found[name].append(detector.detect(pixels, CONFIDENCE - TOLERANCE))
    return {f"{one} / {other}": compare(found[one], found[other]) for one, other in PAIRS}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--model", action="append", help="by default all whose files are here")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--write", action="store_true", help="keep the result in results/")
    options = parser.parse_args()
    photographs = spread_out(options.folders, options.count)
    models = options.model or [card.name for card in registry().values() if is_present(card)]
    result = {
        "photographs": len(photographs),
        "above": CONFIDENCE,
        "iou": MIN_IOU,
        "confidence_within": TOLERANCE,
        "versions": {name: version(name) for name in ("openvino", "opencv-python", "numpy")},
        "processor": platform.processor() or platform.machine(),
        "detectors": {model: measure(model, photographs) for model in models},
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.write:
        RESULT.write_text(text + "\n")
    wrong = [
        f"{model}: {pair}"
        for model, found in result["detectors"].items()
        for pair, compared in found.items()
        if not compared["passes"] and UNGUARDED not in pair
    ]
    print("\n".join(["differ too much:", *wrong]) if wrong else "all agree", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
