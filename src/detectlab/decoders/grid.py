"""The cells of a network without anchors: one box for each cell of several grids."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STRIDES = (8, 16, 32)
STRIDES_WITH_64 = (8, 16, 32, 64)


def count_cells(input_wh: tuple[int, int], strides: Sequence[int]) -> list[int]:
    """The number of cells of each grid; a cell that is cut off at the border counts.

    Args:
        input_wh: Width and height of the network's input in pixels.
        strides: Sides of the cells in pixels, a grid for each.
    """
    width, height = input_wh
    return [-(-width // stride) * -(-height // stride) for stride in strides]


def make_cells(
    input_wh: tuple[int, int], strides: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The cells of all grids, row by row.

    Args:
        input_wh: Width and height of the network's input in pixels.
        strides: Sides of the cells in pixels, a grid for each.

    Returns:
        `(N, 2)` column and row of each cell, and `(N, 1)` its side in pixels.
    """
    width, height = input_wh
    cells, sides = [], []
    for stride in strides:
        columns, rows = np.meshgrid(np.arange(-(-width // stride)), np.arange(-(-height // stride)))
        cells.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        sides.append(np.full((columns.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(sides).astype(np.float32)
