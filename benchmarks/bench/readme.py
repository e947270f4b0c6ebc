"""Put the stored result into README.md: its table, and the picture.

PYTHONPATH=benchmarks .venv/bin/python -m bench.readme     # compare: ends with 1 if they differ
make readme
"""

import difflib
import json
import re
import sys
import textwrap
from typing import Any

from machine import ROOT

from . import report

RESULT = ROOT / "benchmarks" / "results" / "bench.json"
PICTURE = ROOT / "images" / "readme" / "speed.png"
PLACE = re.compile(r"(<!-- speed: [^>]* -->\n).*?(<!-- end of speed -->)", re.DOTALL)


def chapter(found: dict[str, Any]) -> str:
    """What README.md says about a result."""
    settings = found["settings"]
    how = (
        f"Measured on {found['date']} on {found['cpu_count']} cores of {found['cpu']} with OpenCV "
        f"{found['opencv']}, medians of {settings['repeats']} rounds of {settings['seconds']:g} s "
        f"for each cell, with {found['note']}. Pictures of 640 x 480 go in and come back with "
        f"boxes. A server with `nano` gives its first right answer "
        f"{found['start_s']['median']:.1f} s after its start, and holds "
        f"{found['memory_mb']['after_requests']:.0f} MB after "
        f"{settings['memory_requests']:,} requests of 8 clients."
    )
    picture = f"({PICTURE.relative_to(ROOT)})"
    return (
        f"![Requests per second and latency against the number of clients]{picture}\n\n"
        f"{report.speed_table(found)}\n\n{textwrap.fill(how, 118)}\n\n{missed(found)}"
    )


def missed(found: dict[str, Any]) -> str:
    """Which bars were missed, and what even a server that costs nothing would get."""
    reached = sum(bar["passed"] for bar in found["bars"])
    if reached == len(found["bars"]):
        return f"All {reached} bars of `make bench` are reached.\n"
    text = (
        f"{reached} of the {len(found['bars'])} bars of `make bench` are reached. Where others run "
        "the same network, most of a request is the same for all: the last column is how far the "
        "bare pipeline gets, which no server can beat."
    )
    return f"{textwrap.fill(text, 118)}\n\n{report.missed_table(found)}\n"


def renewed(readme: str, found: dict[str, Any]) -> str:
    """README.md with what a result says in its place."""
    text, count = PLACE.subn(lambda place: place[1] + chapter(found) + place[2], readme)
    if count != 1:
        raise SystemExit("README.md has no place for the speed, or several.")
    return text


def main() -> int:
    if not RESULT.is_file():
        print("There is no result yet: `make bench` makes one.")
        return 0
    found = json.loads(RESULT.read_text())
    readme = ROOT / "README.md"
    old = readme.read_text("utf-8")
    new = renewed(old, found)
    if "--write" in sys.argv[1:]:
        readme.write_text(new, "utf-8")
        report.draw(found, PICTURE)
        return 0
    names = ("README.md", "the stored result")
    for line in difflib.unified_diff(old.splitlines(), new.splitlines(), *names, lineterm=""):
        print(line)
    return int(old != new)


if __name__ == "__main__":
    sys.exit(main())
