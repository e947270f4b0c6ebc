"""Put the stored results into README.md and docs/speed.md: their tables, and the picture.

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

from . import fast_page, report

RESULTS = ROOT / "benchmarks" / "results"
PICTURE = ROOT / "images" / "readme" / "speed.png"


def chapter(found: dict[str, Any]) -> str:
    """What docs/speed.md says about a result of `make bench`."""
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
    picture = f"(../{PICTURE.relative_to(ROOT)})"
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


# File and place in it -> the result that it shows, and what makes its text.
PLACES = {
    ("README.md", "speed"): ("speed.json", fast_page.summary),
    ("docs/speed.md", "measured"): ("speed.json", fast_page.page),
    ("docs/speed.md", "servers"): ("bench.json", chapter),
}


def renewed(text: str, *, place: str, content: str) -> str:
    """A page with new content in a place.

    Args:
        text: The page.
        place: Name of the place: `<!-- NAME: ... -->` begins it, `<!-- end of NAME -->` ends it.
        content: What comes between.
    """
    found = re.compile(rf"(<!-- {place}: [^>]* -->\n).*?(<!-- end of {place} -->)", re.DOTALL)
    text, count = found.subn(lambda old: old[1] + content + old[2], text)
    if count != 1:
        raise SystemExit(f"There is no place `{place}`, or there are several.")
    return text


def main() -> int:
    pages = {name: (ROOT / name).read_text("utf-8") for name, _ in PLACES}
    new = dict(pages)
    for (name, place), (result, tell) in PLACES.items():
        if (RESULTS / result).is_file():
            stored = json.loads((RESULTS / result).read_text())
            new[name] = renewed(new[name], place=place, content=tell(stored))
    if "--write" in sys.argv[1:]:
        for name, text in new.items():
            (ROOT / name).write_text(text, "utf-8")
        report.draw(json.loads((RESULTS / "bench.json").read_text()), PICTURE)
        return 0
    for name, text in new.items():
        lines = difflib.unified_diff(pages[name].splitlines(), text.splitlines(), name, lineterm="")
        print("\n".join(lines))
    return int(pages != new)


if __name__ == "__main__":
    sys.exit(main())
