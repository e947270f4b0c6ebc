"""A network's head: the numbers of each cell and anchor become rows, decoded as OpenCV does."""

import numpy as np
from numpy.typing import NDArray

from detectlab.engines.darknet_onnx.config import Section
from detectlab.engines.darknet_onnx.nodes import Nodes, Value


def add_head(nodes: Nodes, section: Section, cells: Value, source: Value) -> Value:
    """Add the nodes of a [yolo] layer.

    Args:
        nodes: Where to.
        section: The layer.
        cells: The map before it.
        source: The network's input, in whose pixels anchors are given.

    Returns:
        `(height * width * anchors, 5 + classes)` rows, cell by cell and anchor by anchor.

    Raises:
        ValueError: When the map has other channels than the head needs.
    """
    anchors = _anchors(section)
    numbers = 5 + section.integer("classes")
    if cells.channels != len(anchors) * numbers:
        raise section.wrong(
            f"{len(anchors)} anchors of {numbers} numbers each are expected, and the layer before "
            f"gives {cells.channels} channels"
        )
    # Anchors within a cell, cells within a line of the map.
    last = nodes.add("Transpose", cells.name, perm=[0, 2, 3, 1])
    raw = nodes.add("Reshape", last, nodes.integers(-1, numbers))
    # The newer coordinates have gone through the convolution's own logistic function.
    is_new = section.integer("new_coords", 0) == 1
    active = raw if is_new else nodes.add("Sigmoid", raw)
    xy = _centres(nodes, section, active, cells, len(anchors))
    anchor_wh = anchors / np.array([source.width, source.height]) * (4 if is_new else 1)
    wh = nodes.slice(raw, 2, 4)
    wh = nodes.add("Mul", wh, wh) if is_new else nodes.add("Exp", wh)
    wh = nodes.add("Mul", wh, nodes.floats(np.tile(anchor_wh, (cells.height * cells.width, 1))))
    rows = nodes.add("Concat", xy, wh, *_scores(nodes, section, active, numbers), axis=1)
    return Value(rows, numbers, cells.height * cells.width * len(anchors), 1)


def _centres(nodes: Nodes, section: Section, active: str, cells: Value, anchors: int) -> str:
    """Centres relative to the picture: where in its cell, spread a little, plus the cell."""
    spread = section.number("scale_x_y", 1)
    side_wh = np.array([cells.width, cells.height])
    y, x = np.mgrid[: cells.height, : cells.width].reshape(2, -1, 1)
    corners = np.repeat(np.hstack([x, y]), anchors, axis=0) - (spread - 1) / 2
    xy = nodes.add("Mul", nodes.slice(active, 0, 2), nodes.floats(spread / side_wh))
    return nodes.add("Add", xy, nodes.floats(corners / side_wh))


def _scores(nodes: Nodes, section: Section, active: str, numbers: int) -> tuple[str, str]:
    """Objectness, and each class's score times that; a small score is none."""
    objectness = nodes.slice(active, 4, 5)
    score = nodes.add("Mul", nodes.slice(active, 5, numbers), objectness)
    is_kept = nodes.add("Greater", score, nodes.floats(section.number("thresh", 0.2)))
    return objectness, nodes.add("Where", is_kept, score, nodes.floats(0))


def _anchors(section: Section) -> NDArray[np.float32]:
    """`(count, 2)` widths and heights of the head's own anchors, in pixels."""
    numbers = np.array(section.numbers("anchors"), np.float32)
    mask = section.integers("mask")
    if len(numbers) % 2 or min(mask) < 0 or max(mask) >= len(numbers) // 2:
        raise section.wrong("`mask` names anchors that there are not")
    return numbers.reshape(-1, 2)[list(mask)]
