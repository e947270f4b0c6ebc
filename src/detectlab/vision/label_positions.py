"""Where a label may lie: touching its box, or apart from it."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]

_FAR = (1.0, 2.5, 4.5, 7.0)  # distances of a moved label from its box, in heights of the label
_ALONG = (0.0, 1.0, 0.5, 0.25, 0.75)  # positions along an edge, the most usual first

# A position is a share of the length by which a box exceeds its label, a multiple of the label's
# size, and a multiple of its height, all added to the box's top left corner. On each axis:
_Positions = tuple[Boxes, Boxes, Boxes]
_BEFORE, _START, _END, _AFTER = (0.0, -1.0), (0.0, 0.0), (1.0, 0.0), (1.0, 1.0)
_MIDDLE = (0.5, 0.0)


def _touching() -> _Positions:
    """Along all edges, outside and inside, then in the middle."""
    edges = (_BEFORE, _START, _AFTER, _END)
    rows = [((x, y), (0.0, out)) for y, out in edges for x in _ALONG]
    columns = [((x, y), (out, 0.0)) for x, out in (*edges[2:], *edges[:2]) for y in _ALONG]
    inner = [((x, y), (0.0, 0.0)) for y in (0.5, 0.25, 0.75) for x in (0.5, 0.25, 0.75)]
    shares, multiples = np.swapaxes(np.array([*rows, *columns, *inner]), 0, 1)
    return shares, multiples, np.zeros_like(shares)


def _apart() -> _Positions:
    """Around the box, the nearest first."""
    found = []
    for far in _FAR:
        sides = ((_BEFORE, -far), (_AFTER, far))
        between = ((_START, 0.0), (_END, 0.0), (_MIDDLE, 0.0))
        for (y, y_out), y_gap in sides:
            found += [((x, y), (out, y_out), (gap, y_gap)) for (x, out), gap in (*between, *sides)]
        for (x, x_out), x_gap in sides:
            found += [((x, y), (x_out, out), (x_gap, gap)) for (y, out), gap in between]
    shares, multiples, gaps = np.swapaxes(np.array(found), 0, 1)
    return shares, multiples, gaps


TOUCHING, APART = _touching(), _apart()
