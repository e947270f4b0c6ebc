"""A pytest plugin that lets nbval compare as strictly as another processor allows.

`pytest --nbval -p comparing notebook.ipynb`. Alone, nbval does not look at pictures at all, and
wants every decimal to be the same. Here

- words and whole numbers must be equal,
- numbers with decimals may differ by 0.002, corners of boxes by 2 pixels,
- pictures are decoded; a pixel is right when its colour is found within 2 pixels of it in the
  other picture, and one in a thousand may be wrong (a digit of a label, not a box).
"""

import base64
import re
from collections import defaultdict
from itertools import zip_longest
from typing import Any

import cv2
import numpy as np
from nbval.plugin import IPyNbCell

_DECIMALS = 0.002
_CORNER_PX = 2
_SHIFT_PX = 2
_COLOUR = 24  # of 255: what saving as JPEG does to an edge
_WRONG_PIXELS = 0.001

# A box as a list, one corner of it in JSON, or a number with decimals.
_NUMBER = re.compile(r"(\[-?\d+, -?\d+, -?\d+, -?\d+\]|'[xy]_m(?:in|ax)': -?\d+|-?\d+\.\d+)")
_RANDOM = "application/vnd.jupyter.widget-view+json"


def differ(expected: list[dict[str, Any]], received: list[dict[str, Any]]) -> str | None:
    """How the outputs of a cell differ from those that are stored, or `None`."""
    stored, came = _by_kind(expected), _by_kind(received)
    for kind in sorted(stored.keys() | came.keys()):
        if len(stored[kind]) != len(came[kind]):
            return f"{kind}: {len(stored[kind])} stored, {len(came[kind])} came"
        compare = differ_as_pictures if kind in {"image/jpeg", "image/png"} else differ_as_texts
        for one, other in zip(stored[kind], came[kind], strict=True):
            if problem := compare(one, other):
                return f"{kind}: {problem}"
    return None


def differ_as_texts(expected: str, received: str) -> str | None:
    """How two texts differ, by more than their numbers may."""
    wanted, got = _NUMBER.split(expected), _NUMBER.split(received)
    for index, (one, other) in enumerate(zip_longest(wanted, got, fillvalue="")):
        # `split` puts the numbers at odd places.
        if one != other and not (index % 2 and _are_close(one, other)):
            return f"{one!r} is stored, {other!r} came"
    return None


def differ_as_pictures(expected: str, received: str) -> str | None:
    """How two pictures, as base64, differ by more than another processor could explain."""
    one, other = (
        cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        for data in (expected, received)
    )
    if one is None or other is None:
        return "one of the two is no picture"
    if one.shape != other.shape:
        return f"the stored one has shape {one.shape}, the new one {other.shape}"
    share = float((_strangers(one, other) | _strangers(other, one)).mean())
    return f"{share:.2%} of the pixels are wrong" if share > _WRONG_PIXELS else None


def _strangers(picture: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where a colour of `picture` is not found near the same place in `other`."""
    near = np.ones((2 * _SHIFT_PX + 1, 2 * _SHIFT_PX + 1), np.uint8)
    lowest = cv2.erode(other, near).astype(int) - _COLOUR
    highest = cv2.dilate(other, near).astype(int) + _COLOUR
    return np.any((picture < lowest) | (picture > highest), axis=2)


def _are_close(one: str, other: str) -> bool:
    numbers = re.compile(r"-?\d+(?:\.\d+)?")
    if numbers.sub("#", one) != numbers.sub("#", other):
        return False
    allowed = _DECIMALS if "." in one else _CORNER_PX
    pairs = zip(numbers.findall(one), numbers.findall(other), strict=True)
    return all(abs(float(a) - float(b)) <= allowed + 1e-9 for a, b in pairs)


def _by_kind(outputs: list[dict[str, Any]]) -> defaultdict[str, list[str]]:
    """What a cell put out: each stream in one piece, pictures and the like in their order."""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for output in outputs:
        if output["output_type"] == "stream":
            name = output["name"]
            kinds[name] = ["".join([*kinds[name], output["text"]])]
        elif output["output_type"] == "error":
            kinds["error"].append(f"{output['ename']}: {output['evalue']}")
        elif _RANDOM not in output["data"]:  # a widget: a progress bar, which is not stored
            for kind in output["data"]:
                kinds[kind].append(output["data"][kind])
    return kinds


def _compare_outputs(
    cell: IPyNbCell, test: list[dict[str, Any]], ref: list[dict[str, Any]], skip_compare: Any = None
) -> bool:
    problem = differ(ref, test)
    cell.comparison_traceback = [problem] if problem else []
    return problem is None


def pytest_configure() -> None:
    """Put the comparison in the place of nbval's own."""
    IPyNbCell.compare_outputs = _compare_outputs
