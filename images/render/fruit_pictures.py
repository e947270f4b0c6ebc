"""The pictures with fruit, and the one with nothing to find."""

from __future__ import annotations

import math

import numpy as np
from fruit import apple, banana, orange
from kitchen import kitchen
from mathutils import Euler
from packing import drop, random_rotation, settle
from room import bowl, cloth, leaf, table, window_light
from scene import area_light, camera

BANANA_BALLS = 9


def fruit_body(kind: str, seed: int, place, rng: np.random.Generator):
    """A fruit to drop: `apple-<variety>`, `orange` or `banana`."""
    name, _, variety = kind.partition("-")
    if name == "banana":
        item = banana(0.185, 1.2, seed, 0.45)
        spine = np.array([v.co for v in item.data.vertices]).reshape(-1, 60, 3)
        middle = spine.mean(axis=1)
        radii = np.linalg.norm(spine - middle[:, None], axis=-1).mean(axis=1)
        rows = np.linspace(6, len(middle) - 8, BANANA_BALLS).astype(int)
        flat = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)
        turn = rng.uniform(0, 6.28)
        spin = np.array(
            [[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]]
        )
        return drop(item, middle[rows], radii[rows], place, spin @ flat)
    if name == "orange":
        radius = rng.uniform(0.036, 0.041)
        item = orange(radius, seed, str(rng.choice(["e06504", "e26a06", "da5c02"])))
        return drop(item, [(0, 0, 0)], 0.985 * radius, place, random_rotation(rng, 1.9))
    radius = rng.uniform(0.035, 0.040)
    item = apple(variety, radius, seed)
    balls = radius * np.array(
        [(0, 0, 0.06), (0.13, 0, -0.12), (-0.13, 0, -0.12), (0, 0.13, 0.12), (0, -0.13, 0.12)]
    )
    return drop(item, balls, 0.84 * radius, place, random_rotation(rng, 1.1))


def fill(kinds: list[str], seed: int, inner, start_m: float = 0.12, spread_m: float = 0.05) -> None:
    """Drop fruit one above the other and let it settle."""
    rng = np.random.default_rng(seed)
    bodies = []
    for i, kind in enumerate(kinds):
        angle = i * 2.4
        place = (spread_m * math.cos(angle), spread_m * math.sin(angle), start_m + 0.03 * i)
        bodies.append(fruit_body(kind, seed * 100 + i, np.array(place), rng))
    settle(bodies, inner)


def put(item, x: float, y: float, z: float, tilt=(0.0, 0.0), turn: float = 0.0):
    """Stand an object on height `z` by its lowest point; `tilt`: its rotations about x and y."""
    rotation = Euler((*tilt, turn)).to_matrix()
    lowest = min((rotation @ vertex.co).z for vertex in item.data.vertices)
    item.location, item.rotation_euler = (x, y, z - lowest), (*tilt, turn)
    return item


def apple_picture():
    """One apple on a wooden table by a window."""
    table()
    kitchen(3)
    put(apple("gala", 0.039, seed=1), 0, 0, 0.0, (0.10, -0.12), 0.6)
    window_light((-0.9, -0.25, 0.7), (0, 0, 0.05), watts=38)
    area_light((1.2, -0.6, 0.8), (0, 0, 0), (1, 1), 5, "ffe7c8")
    camera((0.04, -0.48, 0.17), (0.010, 0, 0.040), 80, 4.0, focus=(0, -0.03, 0.04))
    return {"size_wh": (800, 600), "exposure": 0.85}


def apples_picture():
    """Five apples of different varieties on a linen cloth, one leaf."""
    table("8a6a4a", "4a3020")
    cloth((0.62, 0.42), (0, 0.02), 0.15, "e3dccb", "49627c")
    kitchen(5, "b9c0b6", window_x=0.6)
    put(apple("red", 0.039, 11), -0.105, 0.03, 0.0, (0.1, 0.15), 0.4)
    put(apple("green", 0.040, 12), -0.022, 0.065, 0.0, (-0.1, -0.1), 1.4)
    put(apple("braeburn", 0.038, 13), 0.065, 0.035, 0.0, (0.2, 0.1), 2.2)
    put(apple("gala", 0.036, 14), -0.035, -0.045, 0.0, (0.35, -0.25), 4.4)
    put(apple("golden", 0.037, 15), 0.125, -0.03, 0.0, (0.15, 0.3), 0.2)
    put(leaf(0.06, 4), 0.035, -0.075, 0.0, (0.1, -0.1), 0.5)
    window_light((-0.9, 0.1, 0.75), (0, 0, 0.05), watts=34)
    area_light((1.0, -0.8, 0.9), (0, 0, 0), (1, 1), 5, "ffe7c8")
    camera((0.05, -0.66, 0.30), (0.01, 0.0, 0.032), 65, 5.0, focus=(0, -0.02, 0.04))
    return {"size_wh": (800, 600), "exposure": 0.85}


def oranges_picture():
    """Three oranges with their leaves on a grey table."""
    table("b8ac9b", "8a7c6a", gloss=0.5)
    kitchen(8, "d8cdb8", window_x=-0.6)
    put(orange(0.041, 21), -0.062, 0.0, 0.0, (0.5, -0.4), 0.3)
    put(orange(0.039, 22, "e26a06"), 0.026, 0.028, 0.0, (-0.2, 0.3), 1.0)
    put(orange(0.040, 23, "da5c02"), 0.058, -0.058, 0.0, (1.0, 0.5), 2.0)
    put(leaf(0.065, 7), -0.045, -0.075, 0.0, (0.1, -0.05), -0.5)
    put(leaf(0.055, 8), -0.05, -0.062, 0.0, (-0.3, -0.3), 0.6)
    window_light((-0.9, -0.1, 0.8), (0, 0, 0.05), watts=34)
    area_light((1.0, -0.8, 0.9), (0, 0, 0), (1, 1), 5, "ffe7c8")
    camera((0.0, -0.58, 0.25), (0.005, 0.0, 0.032), 70, 4.5, focus=(0, -0.04, 0.04))
    return {"size_wh": (800, 600), "exposure": 0.85}


def fruits_picture():
    """A wide bowl of many kinds in a kitchen lit by a lamp, seen from above."""
    table("9a714a", "50331d")
    kitchen(12, "c4bba8", window_x=-0.7)
    _, inner = bowl(0.19)
    kinds = [
        "apple-green", "orange", "apple-golden", "apple-red", "orange", "apple-gala",
        "apple-green", "orange", "apple-golden", "orange", "apple-braeburn", "orange",
        "apple-golden", "banana", "banana", "apple-green", "orange", "apple-gala",
    ]  # fmt: skip
    fill(kinds, 11, inner, spread_m=0.09)
    window_light((-1.0, 0.25, 0.7), (0, 0, 0.1), watts=9)
    area_light((1.0, -0.8, 0.9), (0, 0, 0), (1, 1), 1.5, "ffb070")
    camera((0.0, -0.95, 0.75), (0.0, 0.0, 0.07), 60, 5.0)
    return {"size_wh": (800, 600), "exposure": 0.85, "lamplight": True}


PICTURES = {
    "apple": apple_picture,
    "apples": apples_picture,
    "oranges": oranges_picture,
    "fruits": fruits_picture,
}
