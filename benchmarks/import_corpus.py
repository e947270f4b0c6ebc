"""How `models add` judges a corpus of made ONNX files: none may be accepted and wrong.

    python benchmarks/import_corpus.py [--engine opencv openvino] [--seeds 2 3] [--out FILE]

The corpus is that of the tests (`tests/onnx_corpus.py`, `tests/onnx_families.py`). A seed varies
the size of the input, the classes and their colours: what the tests hold was never looked at with
them. A file is right when it gets its decoder, and finds a patch of one class where it lies; one
that must be refused, when the refusal names the cause.
"""

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from machine import ROOT, describe_machine

from detectlab import load_detector
from detectlab.engines import available
from detectlab.model_import.add import add
from detectlab.settings import Settings

sys.path.insert(0, str(ROOT / "tests"))
import onnx_corpus as corpus
import onnx_families as families

CELL = 64  # pixels; whole cells of every stride are in it
TOLERANCE = 17  # pixels that a centre may lie beside the patch


def paint_patch() -> tuple[np.ndarray, np.ndarray, int]:
    """A grey picture with a patch of one class, the patch's corner (x, y), and its class."""
    mix = corpus.MIX[:, :, 0, 0]
    colour = mix[np.abs(mix).max(axis=1).argmax()] > 0
    corner = np.array([CELL, corpus.SIZE // CELL // 2 * CELL])
    picture = np.full((corpus.SIZE, corpus.SIZE, 3), 114, np.uint8)
    x, y = corner
    picture[y : y + CELL, x : x + CELL] = 255 * colour[::-1].astype(np.uint8)
    return picture, corner, int((mix @ colour).argmax())


def judge_boxes(settings: Settings) -> str:
    """What is wrong with the boxes of an added detector; empty when nothing is."""
    picture, corner, class_id = paint_patch()
    found = load_detector("mine", settings=settings).detect(picture, 0.01)
    if not len(found):
        return "finds nothing"
    best = found.confidence >= 0.5 * found.confidence.max()
    centres = (found.xyxy[best][:, :2] + found.xyxy[best][:, 2:]) / 2
    inside = (centres > corner - TOLERANCE) & (centres < corner + CELL + TOLERANCE)
    if not inside.all() or (found.class_id[best] != class_id).any():
        return f"wrong boxes: {centres.round().tolist()}, classes {found.class_id[best].tolist()}"
    return ""


def judge(name: str, engine: str) -> tuple[str, str]:
    """What `models add` did with a file of the corpus (right, refused, WRONG, ...), and details."""
    right = corpus.RIGHT | families.RIGHT
    wanted, make = (right | corpus.WRONG | families.WRONG)[name]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder, "home"), engine=engine, offline=True)
        file, labels = Path(folder, f"{name}.onnx"), Path(folder, "labels.txt")
        file.write_bytes(make())
        labels.write_text("\n".join(corpus.COLOURS), "utf-8")
        try:
            card = add("mine", [file], labels, settings=settings)
        except ValueError as error:
            if name in right:
                return "REFUSED THOUGH RIGHT", str(error)
            named = re.search(wanted, str(error))
            return ("refused", "") if named else ("REFUSED FOR ANOTHER CAUSE", str(error))
        if name not in right:
            return "ACCEPTED THOUGH WRONG", f"as {card.decoder}"
        if card.decoder != wanted:
            return "WRONG DECODER", f"{card.decoder}, not {wanted}"
        fault = judge_boxes(settings)
        return ("WRONG BOXES", fault) if fault else ("right", "")


def run(engine: str, seed: int | None) -> dict[str, Any]:
    """Judge every file that this engine can read."""
    if seed is not None:
        corpus.vary(seed)
    names = [*corpus.RIGHT, *families.RIGHT, *corpus.WRONG, *families.WRONG]
    names = [name for name in names if families.ONE_ENGINE.get(name, engine) == engine]
    outcomes: Counter[str] = Counter()
    faults = []
    for name in names:
        outcome, details = judge(name, engine)
        outcomes[outcome] += 1
        if details:
            faults.append(f"{name}: {outcome}: {details}")
            print(f"  {faults[-1]}", flush=True)
    row = {"engine": engine, "seed": seed, "files": len(names), "input": corpus.SIZE}
    row |= {"classes": len(corpus.COLOURS), "outcomes": dict(outcomes), "faults": faults}
    print(json.dumps({key: row[key] for key in row if key != "faults"}), flush=True)
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", nargs="+", default=list(available()))
    parser.add_argument("--seeds", type=int, nargs="*", default=[], help="besides the tests' own")
    parser.add_argument("--out", type=Path, help="write the result there, as JSON")
    arguments = parser.parse_args()
    rows = [run(engine, None) for engine in arguments.engine]
    rows += [run(engine, seed) for seed in arguments.seeds for engine in arguments.engine]
    if arguments.out:
        date = datetime.now(UTC).isoformat(timespec="seconds")
        result = {"date": date, "machine": describe_machine(), "rows": rows}
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    return any(row["faults"] for row in rows)


if __name__ == "__main__":
    sys.exit(main())
