"""Rooms to put behind a still life; they are seen out of focus."""

from __future__ import annotations

import numpy as np
from mesh import box, curve, lathe, tube
from nodes import Shader, plain, srgb
from room import leaf, pottery, wall, wood


def glowing_window(centre, size_m, strength: float = 6.0, tint: str = "ffffff") -> None:
    """A window in the back wall: bright sky above, garden green below, a white frame."""
    x, y, z = centre
    width, height = size_m
    s = Shader("outside", Roughness=1.0, Base_Color=(0, 0, 0, 1))
    place = s.coordinates()
    height_ = s.separate(s.coordinates("Generated"))[2]
    bushes = s.ramp(
        s.noise(place, 7.0, 3), (0.3, srgb("4d5f38")), (0.5, srgb("7d8c5c")), (0.72, srgb("b7c09a"))
    )
    treeline = s.math(
        "ADD", height_, s.math("MULTIPLY", s.math("SUBTRACT", s.noise(place, 3.0, 4), 0.5), 0.8)
    )
    view = s.mix(s.ramp(treeline, (0.42, 0.0), (0.56, 1.0)), bushes, srgb("e9eff5"))
    view = s.mix(1.0, view, srgb(tint), "MULTIPLY")
    s.surface(Emission_Color=view, Emission_Strength=strength)
    box("outside", (width, 0.01, height), (x, y, z), s.material)
    white = plain("frame", "efece4", 0.4)
    for dx in (-0.5, 0.0, 0.5):
        box("post", (0.06, 0.06, height + 0.06), (x + dx * width, y - 0.04, z), white, 0.006)
    for dz in (-0.5, 0.18, 0.5):
        box("bar", (width, 0.05, 0.05), (x, y - 0.04, z + dz * height), white, 0.006)
    box("sill", (width + 0.2, 0.18, 0.04), (x, y - 0.1, z - 0.5 * height - 0.03), white, 0.006)


def jar(place, height_m: float, colour: str) -> None:
    """A stoneware jar with a lid."""
    outline = [
        (0.0, 0), (0.30, 0), (0.34, 0.04), (0.36, 0.5), (0.33, 0.78), (0.28, 0.84), (0.30, 0.86),
        (0.29, 0.93), (0.1, 0.97), (0.05, 1.02), (0.0, 1.03),
    ]  # fmt: skip
    item = lathe(
        "jar", np.abs(curve(outline, 90)) * height_m + [1e-4, 0], pottery("jar", colour, None), 64
    )
    item.location = place


def bottle(place, height_m: float, colour: str) -> None:
    """A glass bottle."""
    outline = [
        (0.0, 0), (0.13, 0), (0.14, 0.03), (0.14, 0.55), (0.11, 0.66), (0.05, 0.74), (0.045, 0.95),
        (0.055, 0.96), (0.055, 1.0), (0.0, 1.0),
    ]  # fmt: skip
    glass = plain("glass", colour, 0.05, Transmission_Weight=0.85, IOR=1.45)
    item = lathe("bottle", np.abs(curve(outline, 90)) * height_m + [1e-4, 0], glass, 48)
    item.location = place


def plant(place, height_m: float, seed: int = 0, pot: str = "b5613c", leaves: int = 40) -> None:
    """A pot plant with arching leaves."""
    rng = np.random.default_rng(seed)
    outline = [
        (0.0, 0), (0.17, 0), (0.18, 0.01), (0.24, 0.33), (0.27, 0.34), (0.27, 0.41), (0.23, 0.41),
        (0.22, 0.36), (0.0, 0.36),
    ]  # fmt: skip
    clay = pottery("clay", pot, None, 0.75)
    body = lathe("pot", np.abs(curve(outline, 80)) * height_m + [1e-4, 0], clay, 64)
    body.location = place
    foot = np.array(place) + [0, 0, 0.36 * height_m]
    green = plain("stalk", "4c6b2c", 0.6)
    for _ in range(leaves):
        turn, rise = rng.uniform(0, 6.28), rng.uniform(0.25, 0.7) * height_m
        out = rng.uniform(0.05, 0.34) * height_m
        tip = foot + [out * np.cos(turn), out * np.sin(turn), rise]
        tube("stalk", curve([foot, foot * 0.4 + tip * 0.6 - [0, 0, 0.02], tip], 10), 0.0012, green)
        item = leaf(rng.uniform(0.16, 0.3) * height_m, int(rng.integers(1e6)), "47772c")
        item.location = tip
        item.rotation_euler = (rng.uniform(-0.4, 0.4), rng.uniform(-0.5, 0.5), turn)


def books(place, seed: int = 0, count: int = 7) -> None:
    """A row of books standing on `place`."""
    rng = np.random.default_rng(seed)
    colours = ["7a2f2a", "2f4a5f", "c9b28a", "3f5a40", "8a6a3a", "d8d2c2", "54405f"]
    x, y, z = place
    for i in range(count):
        thick, tall = rng.uniform(0.018, 0.045), rng.uniform(0.19, 0.26)
        cover = plain("cover", colours[i % len(colours)], 0.6)
        box("book", (thick, 0.15, tall), (x + thick / 2, y, z + tall / 2), cover, 0.003)
        x += thick + 0.001


def shelf(y_m: float, z_m: float, x_m: float = 0.0, width_m: float = 1.6, seed: int = 1) -> None:
    """A board on the wall with jars, bottles and books."""
    box(
        "shelf",
        (width_m, 0.22, 0.03),
        (x_m, y_m, z_m),
        wood("board", "a77a4c", "6a4527", 0.3),
        0.003,
    )
    rng = np.random.default_rng(seed)
    at = x_m - width_m / 2 + 0.12
    while at < x_m + width_m / 2 - 0.2:
        place = (at, y_m, z_m + 0.015)
        kind = rng.integers(4)
        if kind == 0:
            jar(
                place,
                rng.uniform(0.14, 0.22),
                str(rng.choice(["d9d2c0", "7f97a0", "b6552f", "3f5e66"])),
            )
        elif kind == 1:
            bottle(place, rng.uniform(0.2, 0.3), str(rng.choice(["6f8f5a", "c9d8d8", "8a5a2a"])))
        elif kind == 2:
            books((at - 0.05, y_m, z_m + 0.015), int(rng.integers(99)), 4)
            at += 0.06
        else:
            jar(place, rng.uniform(0.10, 0.15), str(rng.choice(["e6ddca", "9a6b45"])))
        at += rng.uniform(0.13, 0.2)


def kitchen(seed: int = 1, paint: str = "cfc8ba", window_x: float | None = -0.75) -> None:
    """A wall with a shelf, a plant and, at `window_x`, a bright window."""
    wall(paint, 1.7)
    shelf(1.5, 0.16, 0.55, 1.5, seed)
    shelf(1.5, 0.62, 0.55, 1.5, seed + 7)
    if window_x is not None:
        glowing_window((window_x, 1.62, 0.62), (1.0, 1.2))
        plant((window_x + 0.2, 1.45, 0.0), 0.45, seed)
