"""Decode a network's head: one row for each cell and anchor, with the values OpenCV gives."""

import numpy as np
from numpy.typing import NDArray

from detectlab.engines.darknet_onnx.config import Section
from detectlab.engines.darknet_onnx.nodes import Nodes, Value


def add_head(nodes: Nodes, section: Section, *, cells: Value, source: Value) -> Value:
    """Add the nodes of a [yolo] layer.

    Args:
        nodes: The graph that they are added to.
        section: The layer.
        cells: The feature map before it.
        source: The network's input; anchors are given in its pixels.

    Returns:
        `(height * width * anchors, 5 + classes)` rows, cell by cell and anchor by anchor.

    Raises:
        ValueError: When the feature map does not have the channels that the head needs.
    """
    anchors = _anchors(section)
    numbers = 5 + section.integer("classes")
    if cells.channels != len(anchors) * numbers:
        raise section.wrong(
            f"{len(anchors)} anchors of {numbers} numbers each are expected, and the layer before "
            f"gives {cells.channels} channels"
        )
    # Order of the rows: line by line, cell by cell, anchor by anchor.
    last = nodes.add("Transpose", cells.name, perm=[0, 2, 3, 1])
    raw = nodes.add("Reshape", last, nodes.integers(-1, numbers))
    # With `new_coords`, the convolution before has applied the logistic function already.
    is_new = section.integer("new_coords", 0) == 1
    active = raw if is_new else nodes.add("Sigmoid", raw)
    xy = _centres(nodes, section, active, cells, len(anchors))
    anchor_wh = anchors / np.array([source.width, source.height]) * (4 if is_new else 1)
    wh = nodes.slice(raw, start=2, stop=4)
    wh = nodes.add("Mul", wh, wh) if is_new else nodes.add("Exp", wh)
    wh = nodes.add("Mul", wh, nodes.floats(np.tile(anchor_wh, (cells.height * cells.width, 1))))
    rows = nodes.add("Concat", xy, wh, *_scores(nodes, section, active, numbers), axis=1)
    return Value(rows, numbers, cells.height * cells.width * len(anchors), 1)


def _centres(nodes: Nodes, section: Section, active: str, cells: Value, anchors: int) -> str:
    """Centres relative to the picture: the place in its cell, scaled, plus the cell's corner."""
    spread = section.number("scale_x_y", 1)
    side_wh = np.array([cells.width, cells.height])
    y, x = np.mgrid[: cells.height, : cells.width].reshape(2, -1, 1)
    corners = np.repeat(np.hstack([x, y]), anchors, axis=0) - (spread - 1) / 2
    xy = nodes.add("Mul", nodes.slice(active, start=0, stop=2), nodes.floats(spread / side_wh))
    return nodes.add("Add", xy, nodes.floats(corners / side_wh))


def _scores(nodes: Nodes, section: Section, active: str, numbers: int) -> tuple[str, str]:
    """Objectness, and each class's score times that; scores below the threshold become 0."""
    objectness = nodes.slice(active, start=4, stop=5)
    score = nodes.add("Mul", nodes.slice(active, start=5, stop=numbers), objectness)
    is_kept = nodes.add("Greater", score, nodes.floats(section.number("thresh", 0.2)))
    return objectness, nodes.add("Where", is_kept, score, nodes.floats(0))


def _anchors(section: Section) -> NDArray[np.float32]:
    """`(count, 2)` widths and heights of the head's own anchors, in pixels."""
    numbers = np.array(section.numbers("anchors"), np.float32)
    mask = section.integers("mask")
    if len(numbers) % 2 or min(mask) < 0 or max(mask) >= len(numbers) // 2:
        raise section.wrong("`mask` names anchors that do not exist")
    return numbers.reshape(-1, 2)[list(mask)]
