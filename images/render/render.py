"""Make the sample pictures: `python images/render/render.py apple fruits`, or all without names."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

# The matrices here are tiny: threads inside NumPy would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import clock_pictures
import fruit_pictures
import scene
import still_pictures
import street_pictures

MODULES = (fruit_pictures, clock_pictures, street_pictures, still_pictures)
PICTURES = {name: make for module in MODULES for name, make in module.PICTURES.items()}


def main() -> None:
    """Render the pictures named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--scale", type=float, default=1.0, help="0.4 for a quick look")
    arguments = parser.parse_args(
        sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else None
    )
    for name in arguments.names or PICTURES:
        start = time.perf_counter()
        scene.new_scene()
        settings = PICTURES[name]()
        path = arguments.out / f"{name}.jpg"
        scene.render(path, samples=arguments.samples, scale=arguments.scale, **settings)
        print(
            f"{path}: {path.stat().st_size} bytes, {time.perf_counter() - start:.0f} s", flush=True
        )


if __name__ == "__main__":
    main()
