"""Draw plain things: plates, boxes, balls, pots. They are none of the classes.

Whatever is pasted has edges that give it away. If only clocks and cars were pasted, the detector
would learn the edges.
"""

import colorsys

import cv2
import numpy as np
from numpy.typing import NDArray

from training.draw_clock import Sprite

SIDE = 200
NOT_FRUIT = (0.38, 0.88)  # hues from green-blue to violet, in which no fruit of ours is seen


def _colour(rng: np.random.Generator, round_shape: bool) -> tuple[int, ...]:
    low, high = NOT_FRUIT if round_shape else (0.0, 1.0)
    saturation = rng.uniform(0, 0.25) if rng.random() < 0.4 else rng.uniform(0, 1)
    rgb = colorsys.hsv_to_rgb(rng.uniform(low, high), saturation, rng.uniform(0.1, 1))
    return (*(round(255 * value) for value in rgb[::-1]), 255)


def _outline(rng: np.random.Generator, round_shape: bool) -> NDArray[np.int32]:
    """A superellipse, or a pot: straight or bulging sides around an upright axis."""
    turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    power = 1.0 if round_shape else rng.uniform(0.15, 1.2)
    x = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power
    y = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power
    if not round_shape and rng.random() < 0.6:
        bulge, phase = rng.uniform(-0.4, 0.4), rng.uniform(-1, 1)
        x *= 1 - 0.3 * y * rng.uniform(-1, 1) + bulge * np.sin(2 * y + phase)
    size = np.array([rng.uniform(0.3, 1), rng.uniform(0.3, 1)])
    points = np.stack([x, y], 1) * size / max(np.abs(x).max() * size[0], size[1])
    return np.round((points * 0.49 + 0.5) * SIDE).astype(np.int32)


def draw_plain(rng: np.random.Generator) -> Sprite:
    """Draws a plain thing.

    Args:
        rng: Where all choices come from.

    Returns:
        (height, width, 4) uint8, BGR and opacity, cut to its own bounds.
    """
    sprite = np.zeros((SIDE, SIDE, 4), np.uint8)
    round_shape = rng.random() < 0.45
    points = _outline(rng, round_shape)
    cv2.fillPoly(sprite, [points], _colour(rng, round_shape), cv2.LINE_AA)
    for _ in range(rng.integers(0, 3)):  # rims, lids, labels: smaller copies, moved up or down
        inner = (points - SIDE / 2) * rng.uniform(0.3, 0.95, 2) + SIDE / 2
        inner[:, 1] += rng.normal(0, 8)
        cv2.fillPoly(sprite, [inner.astype(np.int32)], _colour(rng, round_shape), cv2.LINE_AA)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(mask, [points], 255, cv2.LINE_AA)
    sprite[..., 3] = mask
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    light = rng.uniform(-0.5, 0.5, 2)
    shade = 1 - rng.uniform(0, 0.6) * ((x - light[0]) ** 2 + (y - light[1]) ** 2)
    sprite[..., :3] = (sprite[..., :3] * shade[..., None].clip(0.2)).astype(np.uint8)
    rows, columns = np.nonzero(mask > 40)
    return sprite[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
