"""Compose streets: cars on a road, near ones large and in front, far ones small and behind.

A pasted car teaches only what pasted cars look like if it floats anywhere at any size. Here cars
stand on one ground, in rows or scattered, hide one another, and are cut by poles and passers-by;
their boxes hold what can still be seen of them, as people draw them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data import IGNORE, Boxes, Picture
from training.draw_clock import Sprite
from training.light import blend, settle

SOLID = 235  # opacity from which a pixel is the thing itself, and not its shadow
SEEN, HIDDEN = 0.35, 0.12  # share of a car that is seen: taught above, forgotten below
OBSTACLES = 0.3  # how often something stands before a car
WIDEST = 1.15  # of the picture


def solid_bounds(sprite: Sprite) -> tuple[int, int, int, int]:
    """Gives left, top, width and height of a sprite without its shadow."""
    return cv2.boundingRect((sprite[..., 3] >= SOLID).astype(np.uint8))


@dataclass
class Street:
    """A picture that fills with cars from far to near.

    Attributes:
        canvas: (side, side, 3) uint8 BGR, changed in place.
        owners: (side, side) int32: the number of the car seen in each pixel, 0 for none.
        areas: How many pixels each car has, seen or hidden, also outside the picture.
    """

    canvas: Picture
    owners: NDArray[np.int32]
    areas: list[int]

    def put(self, rng: np.random.Generator, sprite: Sprite, place: tuple[int, int]) -> None:
        """Puts a car with its upper left corner at `place`."""
        self._cover(rng, sprite, place, len(self.areas) + 1)
        self.areas.append(int((sprite[..., 3] >= SOLID).sum()))

    def hide(self, rng: np.random.Generator, sprite: Sprite, place: tuple[int, int]) -> None:
        """Puts something that is no car before the cars."""
        self._cover(rng, sprite, place, 0)

    def _cover(
        self, rng: np.random.Generator, sprite: Sprite, place: tuple[int, int], owner: int
    ) -> None:
        side = self.canvas.shape[0]
        (x, y), (height, width) = place, sprite.shape[:2]
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + width, side), min(y + height, side)
        if left >= right or top >= bottom:
            return
        part = sprite[top - y : bottom - y, left - x : right - x]
        ground = self.canvas[top:bottom, left:right]
        self.canvas[top:bottom, left:right] = settle(rng, ground, part)
        self.owners[top:bottom, left:right][part[..., 3] >= SOLID] = owner

    def boxes(self, label: int) -> Boxes:
        """Gives (N, 5) float32: the class, or -1 if too little is seen, and corners in pixels."""
        rows = []
        for number, area in enumerate(self.areas, start=1):
            seen = (self.owners == number).astype(np.uint8)
            share = cv2.countNonZero(seen) / max(area, 1)
            if share > HIDDEN:
                x, y, width, height = cv2.boundingRect(seen)
                rows.append((label if share > SEEN else IGNORE, x, y, x + width, y + height))
        return np.array(rows, dtype=np.float32).reshape(-1, 5)


def pave(rng: np.random.Generator, canvas: Picture, horizon: float) -> None:
    """Lays a road from the lower edge to the horizon, with lines, patches and kerbs."""
    side = canvas.shape[0]
    top = int(horizon)
    grey = rng.uniform(50, 170)
    shade = np.linspace(rng.uniform(0.75, 1.25), rng.uniform(0.75, 1.25), side - top)
    road = np.empty((side - top, side, 3), np.float32)
    road[:] = shade[:, None, None] * grey * rng.uniform(0.93, 1.07, 3)
    coarse = rng.normal(0, rng.uniform(1, 9), (12, 12)).astype(np.float32)
    road += cv2.resize(coarse, (side, side - top))[..., None]
    noise = np.empty((side - top, side), np.float32)
    cv2.randn(noise, 0, rng.uniform(0, 8))
    road += noise[..., None]
    road = road.clip(0, 255).astype(np.uint8)
    vanishing = (int(rng.uniform(-0.3, 1.3) * side), 0)
    for _ in range(rng.integers(0, 5)):
        foot, wide = rng.uniform(-1, 2) * side, rng.uniform(0.01, 0.05) * side
        corners = [vanishing, (foot, side - top), (foot + wide, side - top)]
        level = int(rng.choice([235, 200, 60]))
        cv2.fillConvexPoly(road, np.array(corners, np.int32), (level,) * 3, cv2.LINE_AA)
    opacity = np.full(road.shape[:2], 255, np.uint8)
    if rng.random() < 0.6:  # ground of the photograph stays on both sides
        left, right = np.sort(rng.uniform(-0.8, 1.8, 2)) * side
        corners = [vanishing, (left - 0.2 * side, side - top), (right + 0.2 * side, side - top)]
        opacity[:] = 0
        cv2.fillConvexPoly(opacity, np.array(corners, np.int32), 255, cv2.LINE_AA)
    canvas[top:] = blend(canvas[top:], road, opacity)


def _feet(rng: np.random.Generator, side: int, horizon: float) -> list[tuple[float, float, float]]:
    """Gives (x of the middle, y of the wheels, width) of each car, far ones first."""
    width_per_drop = rng.uniform(0.9, 2.6)  # how wide a car is, per pixel below the horizon
    if rng.random() < 0.35:  # a row, parked or waiting
        width = side * np.exp(rng.uniform(np.log(0.06), np.log(0.5)))
        foot, slope = rng.uniform(0.45, 1.0) * side, rng.normal(0, 0.06)
        gap, first = width * rng.uniform(0.55, 1.2), rng.uniform(-0.3, 0.6) * side
        row = []
        for i in range(rng.integers(2, 7)):
            grown = width * (1 + slope) ** i
            row.append((first + i * gap, foot + i * slope * width * 0.5, grown))
        return sorted(row, key=lambda car: car[1])
    cars = []
    for _ in range(rng.choice([1, 2, 3, 5, 8], p=[0.34, 0.26, 0.2, 0.13, 0.07])):
        width = side * np.exp(rng.uniform(np.log(0.055), np.log(WIDEST)))
        drop = width / width_per_drop * np.exp(rng.normal(0, 0.15))
        cars.append((rng.uniform(-0.1, 1.1) * side, horizon + drop, width))
    return sorted(cars, key=lambda car: car[1])


def _fitted(rng: np.random.Generator, sprite: Sprite, width: float, taller: float) -> Sprite:
    """Scales a sprite; `width` is that of the car's longer side, whichever way it faces."""
    if rng.random() < 0.5:
        sprite = cv2.flip(sprite, 1)
    _, _, across, up = solid_bounds(sprite)
    scale = width / max(across, 1.7 * up)
    size = np.array(sprite.shape[1::-1]) * scale * (1, taller)
    size_wh = (max(4, round(size[0])), max(4, round(size[1])))
    shrinks = scale < 1
    return cv2.resize(
        sprite, size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )


def fill_street(
    rng: np.random.Generator,
    canvas: Picture,
    label: int,
    cars: Sequence[Sprite],
    others: Sequence[Sprite],
) -> Boxes:
    """Puts cars on a picture.

    Args:
        rng: Where all choices come from.
        canvas: (side, side, 3) uint8 BGR, changed in place.
        label: The number of the class car.
        cars: Cut-out cars, (height, width, 4) uint8 BGR and opacity, with or without a shadow.
        others: Cut-out things that may stand before the cars.

    Returns:
        (N, 5) float32: class or -1 (too little of it is seen), corners in pixels.
    """
    side = canvas.shape[0]
    horizon = rng.uniform(0.2, 0.62) * side
    if rng.random() < 0.5:
        pave(rng, canvas, horizon)
    street = Street(canvas, np.zeros((side, side), np.int32), [])
    # Detection squeezes pictures, mostly wide ones, into a square: what they show gets taller.
    taller = rng.choice((4 / 3, 1, 3 / 4), p=(0.6, 0.25, 0.15)) * rng.uniform(0.9, 1.1)
    for middle, foot, width in _feet(rng, side, horizon):
        sprite = _fitted(rng, cars[rng.integers(len(cars))], width, taller)
        x, y, across, up = solid_bounds(sprite)
        street.put(rng, sprite, (round(middle - x - across / 2), round(foot - y - up)))
        if rng.random() < OBSTACLES:
            street.hide(rng, *_obstacle(rng, others, side, (middle, foot)))
    return street.boxes(label)


def _obstacle(
    rng: np.random.Generator, others: Sequence[Sprite], side: int, near: tuple[float, float]
) -> tuple[Sprite, tuple[int, int]]:
    """Gives a pole, a trunk, or something else, and where it stands, near a car."""
    middle, foot = near
    x = round(middle + rng.normal(0, 0.08) * side)
    if not others or rng.random() < 0.5:
        height = round(rng.uniform(0.2, 1.0) * side)
        pole = np.empty((height, max(2, round(rng.uniform(0.08, 0.25) ** 2 * side)), 4), np.uint8)
        pole[:] = (*rng.integers(20, 200, 3), 255)
        return pole, (x, round(foot - height + 0.02 * side))
    sprite = others[rng.integers(len(others))]
    scale = rng.uniform(0.08, 0.4) * side / max(sprite.shape[:2])
    sprite = cv2.resize(sprite, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return sprite, (x, round(foot - sprite.shape[0] + 0.02 * side))
