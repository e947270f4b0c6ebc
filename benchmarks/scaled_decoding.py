"""Whether detectors find the same in photographs that are decoded at a fraction of their size.

    python benchmarks/scaled_decoding.py FOLDER... [--model NAME]... [--count 100] [--write]

The photographs are enlarged to the size of a phone's camera and to half of that, as JPEG files of
quality 90, decoded whole and at the fraction that `precision=fast` takes, and compared as
`accuracy.py` compares: an object above 0.5 is found by the other when it has one of its class above
0.47 with an IoU of at least 0.95, and a confidence within 0.03.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import cv2
from accuracy import compare
from bench.agreement import CONFIDENCE, TOLERANCE, spread_out
from machine import describe_machine

from detectlab.detection.detector import load_detector
from detectlab.models.registry import get_card
from detectlab.vision.detections import Detections
from detectlab.vision.images import check_header, decode_checked, encode_image, shrink_for

RESULT = Path(__file__).parent / "results" / "scaled_decoding.json"
LONGEST_SIDES = (4032, 2016)
BAR = 0.99


def enlarged(path: Path, longest_side: int) -> bytes:
    """A photograph as a JPEG file of another size."""
    pixels = cv2.imread(str(path))
    scale = longest_side / max(pixels.shape[:2])
    large = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return encode_image(large)


def measure(model: str, photographs: list[Path], longest_side: int) -> dict[str, Any]:
    """Compare whole and scaled decoding with one detector at one size."""
    detector, card = load_detector(model), get_card(model)
    whole: list[Detections] = []
    scaled: list[Detections] = []
    spent, shrinks = [0.0, 0.0], set()
    for path in photographs:
        data = enlarged(path, longest_side)
        header = check_header(data)
        shrink = shrink_for(header, card.input_size_wh)
        shrinks.add(shrink)
        for index, (answers, fraction) in enumerate(((whole, 1), (scaled, shrink))):
            started = time.process_time()
            picture = decode_checked(data, header, fraction)
            spent[index] += 1000 * (time.process_time() - started) / len(photographs)
            found = detector.detect(picture.pixels, CONFIDENCE - TOLERANCE)
            height, width = picture.pixels.shape[:2]
            answers.append(found.scaled(x=header.width / width, y=header.height / height))
    return {
        "shrinks": sorted(shrinks),
        "decoding_cpu_ms": [round(ms, 1) for ms in spent],
        **compare(whole, scaled),
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--model", action="append", help="by default nano")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--write", action="store_true", help="keep the result in results/")
    options = parser.parse_args()
    photographs = spread_out(options.folders, options.count)
    result = {
        **describe_machine(),
        "photographs": len(photographs),
        "detectors": {
            model: {str(side): measure(model, photographs, side) for side in LONGEST_SIDES}
            for model in options.model or ["nano"]
        },
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.write:
        RESULT.write_text(text + "\n")
    shares = [one["share"] for sizes in result["detectors"].values() for one in sizes.values()]
    return 0 if min(shares) >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
