"""How soon drift is noticed, and how often without any: the bars of monitoring.

    python benchmarks/monitoring_drift.py [--photos FOLDER...] [--seeds 20] [--out FILE]

The pictures of the folders are jittered (crop, mirror, light, JPEG quality), their statistics and
what `nano` finds in them are computed once, and each seed draws a baseline and streams from them.
A seed's stream begins with pictures of the baseline's kind, then the drill begins. Without folders
the sample pictures are taken.
"""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from machine import describe_machine

from detectlab import load_detector
from detectlab.detection.detector import Detector
from detectlab.monitoring.drift import SUSPICIOUS, DriftTest
from detectlab.monitoring.drills import DRILLS, jittered
from detectlab.monitoring.regions import Regions
from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import (
    PICTURE,
    PIXELS,
    Indices,
    answer_statistics,
    bins_of,
    picture_statistics,
)
from detectlab.settings import Settings
from detectlab.vision.detections import Detections
from detectlab.vision.image_files import list_pictures
from detectlab.vision.images import Pixels, encode_image, thumbnail

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks/results/monitoring_drift.json"
NOTHING = "answers-nothing"
BASELINE, BEFORE, UNDRIFTED = 1000, 100, 10_000
# The monitor counts a few times a second: a suspicion is known so many pictures late.
AT_ONCE = 5
# Kind of drift -> pictures within which it must be noticed.
BARS = {**dict.fromkeys(DRILLS, 200), NOTHING: 50}
MAX_FALSE_ALARMS, MIN_SHARE_NOTICED = 1, 0.95

Pool = list[Indices]
Draw = Callable[..., Indices]


def observed(pixels: Pixels, detector: Detector, rng: np.random.Generator) -> tuple[Any, Any]:
    """The statistics of a picture as a client would send it, and of the answer."""
    data = encode_image(pixels, "JPEG", quality=int(rng.integers(80, 95)))
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    size_wh = decoded.shape[1], decoded.shape[0]
    picture = picture_statistics(thumbnail(decoded), size_wh, len(data))
    return picture, answer_statistics(detector.detect(decoded), size_wh)


def precomputed(pictures: list[Path], variants: int) -> dict[str, Pool]:
    """The bins of every jittered picture: as it is, under each drill, and with no objects found."""
    rng, detector = np.random.default_rng(7), load_detector("nano")
    pools: dict[str, Pool] = {kind: [] for kind in ("none", *BARS)}
    for path in pictures:
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if pixels is None:
            continue
        for _ in range(variants):
            picture, answer = observed(jittered(pixels, rng), detector, rng)
            nothing = answer_statistics(Detections.empty(detector.names), (1, 1))
            pools["none"].append(bins_of(np.where(PICTURE, picture, answer)))
            pools[NOTHING].append(bins_of(np.where(PICTURE, picture, nothing)))
        for name, drill in DRILLS.items():
            picture, answer = observed(drill(jittered(pixels, rng), rng), detector, rng)
            pools[name].append(bins_of(np.where(PICTURE, picture, answer)))
    return pools


def drawing(pool: Pool, rng: np.random.Generator, usual_share: float) -> Draw:
    """Draws pictures as the monitor sees them: only some with the statistics of the pixels."""

    def draw(share: float = usual_share) -> Indices:
        bins = pool[rng.integers(len(pool))]
        return bins if rng.random() < share else np.where(PIXELS, -1, bins)

    return draw


def pictures_until_alarm(test: DriftTest, draw: Draw, most: int) -> int | None:
    is_suspicious = False
    for count in range(1, most + 1):
        if test.observe(draw(1.0) if is_suspicious else draw()):
            return count
        if count % AT_ONCE == 0:
            is_suspicious = test.evidence >= SUSPICIOUS
    return None


def measure(pools: dict[str, Pool], seeds: int, share: float) -> dict[str, Any]:
    """For each kind of drift the pictures until the alarm, by seed; and the false alarms."""
    noticed: dict[str, list[int | None]] = {kind: [] for kind in BARS}
    false_alarms, moved = 0, []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        usual, baseline = drawing(pools["none"], rng, share), Sketch()
        for _ in range(BASELINE):
            baseline.add(usual())
        test = DriftTest(Regions.of(baseline))
        for kind, bar in BARS.items():
            test.restart()
            pictures_until_alarm(test, usual, BEFORE)
            noticed[kind].append(pictures_until_alarm(test, drawing(pools[kind], rng, share), bar))
        test.restart()
        seen = 0
        while seen < UNDRIFTED:
            count = pictures_until_alarm(test, usual, UNDRIFTED - seen)
            seen += count or UNDRIFTED
            if count:
                false_alarms += 1
                moved.append(test.strongest())
                test.restart()
        print(f"seed {seed}: {false_alarms} false alarms so far", file=sys.stderr)
    return {"noticed": noticed, "false_alarms": false_alarms, "moved": moved}


def report(found: dict[str, Any], seeds: int) -> bool:
    """Print the bars; whether all are met."""
    is_met = True
    for kind, counts in found["noticed"].items():
        hits = sorted(count for count in counts if count is not None)
        is_good = len(hits) >= MIN_SHARE_NOTICED * seeds
        is_met &= is_good
        median = f"median {np.median(hits):.0f}, largest {hits[-1]}" if hits else "never"
        verdict = "met" if is_good else "MISSED"
        print(f"{kind:<16} {len(hits):>2} of {seeds} in {BARS[kind]} pictures ({median}) {verdict}")
    is_good = found["false_alarms"] <= MAX_FALSE_ALARMS
    total = seeds * UNDRIFTED
    verdict = "met" if is_good else "MISSED"
    print(f"false alarms     {found['false_alarms']} on {total:,} undrifted pictures {verdict}")
    return is_met and is_good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, nargs="+", default=[ROOT / "images"])
    parser.add_argument("--most", type=int, default=300, help="photographs, at most")
    parser.add_argument("--variants", type=int, default=3, help="jittered pictures of each")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    pictures = list_pictures(arguments.photos)
    chosen = np.random.default_rng(0).permutation(len(pictures))[: arguments.most]
    share = Settings().monitoring_share
    pools = precomputed([pictures[index] for index in sorted(chosen)], arguments.variants)
    found = measure(pools, arguments.seeds, share)
    is_met = report(found, arguments.seeds)
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "passed": is_met,
        "photographs": len(chosen),
        "share": share,
        "machine": describe_machine(),
        **found,
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    return not is_met


if __name__ == "__main__":
    sys.exit(main())
