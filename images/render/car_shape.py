"""The skin of a car as numbers: where the metal is, in metres.

x runs from the nose (negative) to the tail, y to the left, z up; the road is z = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mesh import Array, curve

COLUMNS = 520
BELT = (
    (-2.2, 0.70), (-2.0, 0.735), (-1.7, 0.81), (-1.2, 0.885), (-0.8, 0.92), (0, 0.935), (1.0, 0.96),
    (1.7, 0.99), (2.2, 0.97),
)  # fmt: skip
# How the sides bend on the way from the sill to the belt:
# share of the height, outwards, nose backwards, tail forwards.
LEVELS = [
    (0.00, -0.075, 0.130, 0.120), (0.03, -0.035, 0.070, 0.080), (0.16, -0.010, 0.015, 0.020),
    (0.40, 0.000, 0.000, 0.000), (0.60, 0.006, 0.012, 0.012), (0.70, 0.004, 0.030, 0.020),
    (0.84, -0.014, 0.055, 0.035), (0.95, -0.040, 0.095, 0.055), (1.00, -0.085, 0.160, 0.090),
]  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """Measures of a car: body and glass house, wheels, and lines as `(x, z)` or `(x, y)` points."""

    wheels: tuple[float, float] = (-1.30, 1.32)
    wheel_radius: float = 0.325
    arch_radius: float = 0.385
    half_width: float = 0.885
    nose: float = -2.08
    tail: float = 2.05
    belt: tuple = BELT
    house_base: tuple[float, float, float] = (-1.02, 1.99, 0.79)
    house_top: tuple[float, float, float] = (-0.16, 1.46, 0.585)
    house_z: tuple[float, float] = (0.90, 1.425)


def outline(front: float, rear: float, half: float, blunt: float, taper: float) -> Array:
    """Half of a plan view `(COLUMNS, 2)` from the middle of the nose to the middle of the tail."""
    a = np.linspace(np.pi, 0, 3000)
    middle, length = (front + rear) / 2, (rear - front) / 2
    x = middle + length * np.sign(np.cos(a)) * np.abs(np.cos(a)) ** (2 / blunt)
    y = half * np.abs(np.sin(a)) ** (2 / blunt)
    y *= 1 - taper * np.abs((x - middle) / length) ** 2.5
    # Even steps along the line keep the quads square around the corners.
    step = np.append(0, np.cumsum(np.hypot(np.diff(x), np.diff(y))))
    even = np.linspace(0, step[-1], COLUMNS)
    return np.stack([np.interp(even, step, x), np.interp(even, step, y)], axis=1)


def body_half(shape: Shape) -> Array:
    """Sides, nose and tail below the belt: `(rows, COLUMNS, 3)` for y >= 0, from the sill up."""
    belt = np.array(shape.belt)
    rows = []
    for share, side, nose, tail in curve(LEVELS, 90):
        xy = outline(shape.nose + nose, shape.tail - tail, shape.half_width + side, 4.6, 0.115)
        top = np.interp(xy[:, 0], *belt.T)
        sill = 0.205 + 0.03 * (np.abs(xy[:, 0]) / 2) ** 4
        rows.append(np.column_stack([xy, sill + share * (top - sill)]))
    return _flared(np.array(rows), shape)


def _flared(half: Array, shape: Shape) -> Array:
    """Wheel arches stand out a little; a soft crease runs along the doors."""
    x, z = half[..., 0], half[..., 2]
    bulge = np.zeros_like(x)
    for wheel in shape.wheels:
        far = np.hypot(x - wheel, z - shape.wheel_radius)
        bulge += 0.022 * np.exp(-(((far - shape.arch_radius) / 0.09) ** 2))
    inside = np.clip((z - 0.30) / 0.2, 0, 1) * np.clip(1 - ((x - 0.05) / 0.85) ** 6, 0, 1)
    bulge -= 0.016 * np.exp(-(((z - 0.40) / 0.09) ** 2)) * inside
    half[..., 1] += bulge * np.clip(half[..., 1] / 0.6, 0, 1) ** 2
    return half


def house_half(shape: Shape) -> Array:
    """Glass and pillars above the belt as `(rows, COLUMNS, 3)` for y >= 0."""
    base, top = np.array(shape.house_base), np.array(shape.house_top)
    rise = curve([(0, 0), (0.28, 0.32), (0.60, 0.68), (0.83, 0.90), (0.94, 0.972), (1.06, 1.0)], 60)
    rows = []
    for blend, height in rise:
        front, rear, half = base + (top - base) * blend
        xy = outline(front, rear, half, 4.2, 0.10)
        z = shape.house_z[0] + height * (shape.house_z[1] - shape.house_z[0])
        # The roof falls a little towards front and back.
        z = z - 0.045 * height * ((xy[:, 0] - 0.45) / 1.0) ** 2 * (np.abs(xy[:, 0] - 0.45) < 1.6)
        rows.append(np.column_stack([xy, z]))
    return np.array(rows)


def lid(edge: Array, crown: float, count: int = 40) -> Array:
    """A crowned surface between an edge `(n, 3)` and its mirror image: bonnet, boot or roof."""
    across = np.linspace(1, -1, count)[:, None]
    x, y, z = edge.T
    # The crown grows from nothing at either end, or the rims would show a fold.
    grow = np.clip((x - x.min()) / 0.8, 0, 1) * np.clip((x.max() - x) / 0.5, 0, 1)
    width = np.sin(grow * np.pi / 2)
    return np.stack(
        [x + 0 * across, y * across, z + crown * width * (1 - np.abs(across) ** 2.2)], axis=-1
    )


def mirrored(half: Array) -> Array:
    """A closed ring of columns from one half: down one side, back on the other."""
    other = half[:, ::-1] * [1, -1, 1]
    return np.concatenate([half, other[:, 1:-1]], axis=1)


class Skin:
    """Answers where the body is, so that handles, lamps and plates sit on it."""

    def __init__(self, shape: Shape) -> None:
        """Compute the skin of `shape`."""
        self.points = body_half(shape).reshape(-1, 3)

    def side(self, x: float, z: float) -> float:
        """Y of the left side at (x, z)."""
        near = self.points[self.points[:, 1] > 0.4]
        return self._weighted(np.hypot(near[:, 0] - x, near[:, 2] - z), near[:, 1])

    def end(self, y: float, z: float, sign: int) -> float:
        """X of the nose (`sign` -1) or of the tail (+1) at (y, z)."""
        near = self.points[sign * self.points[:, 0] > 1.5]
        return self._weighted(np.hypot(near[:, 1] - abs(y), near[:, 2] - z), near[:, 0])

    @staticmethod
    def _weighted(distance: Array, value: Array) -> float:
        best = np.argsort(distance)[:6]
        weight = 1 / (distance[best] + 1e-3) ** 2
        return float((weight * value[best]).sum() / weight.sum())
