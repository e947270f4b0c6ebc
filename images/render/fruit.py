"""Apples, oranges and bananas: shape and skin; lengths in metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mesh import Array, curve, join_to, lathe, tube, value_noise
from nodes import Shader, plain, srgb

APPLE_PROFILE = [
    (0.012, -0.70), (0.08, -0.72), (0.20, -0.82), (0.36, -0.905), (0.54, -0.87), (0.76, -0.64),
    (0.93, -0.28), (1.0, 0.10), (0.965, 0.42), (0.82, 0.70), (0.60, 0.845), (0.40, 0.84),
    (0.22, 0.72), (0.10, 0.55), (0.012, 0.48),
]  # fmt: skip


@dataclass(frozen=True)
class Variety:
    """How a kind of apple looks: ground colour, blush, how far the blush reaches, freckles."""

    ground: str
    blush: str
    deep: str
    reach: float
    streaks: float
    freckle: str


VARIETIES = {
    "gala": Variety("d9a846", "b3231a", "86130f", 0.72, 0.75, "e8cf8a"),
    "red": Variety("8f2a1c", "8e1016", "55070f", 0.85, 0.45, "c98f6a"),
    "green": Variety("8fae34", "9bb53f", "7fa02c", 0.35, 0.3, "d9e0a0"),
    "golden": Variety("cfb53e", "d99a45", "d2a848", 0.40, 0.35, "6f5520"),
    "braeburn": Variety("b3ad42", "a8321f", "7a1715", 0.50, 1.0, "dcc58a"),
}


def apple_skin(kind: str, seed: int):
    """The skin of a variety: streaks from pole to pole, a sunny side, freckles, a russet dimple."""
    v = VARIETIES[kind]
    s = Shader(f"apple {kind} {seed}")
    place = s.coordinates("Object")
    x, y, z = s.separate(place)
    # The direction around the core, not the place, drives the streaks: they run to the stem.
    around = s.add("VectorMath", {0: s.combine(x, y, 0.0)}, operation="NORMALIZE").outputs[0]
    shift = (seed * 1.7 % 9.1, seed * 2.9 % 7.3, seed * 0.7 % 5.9)
    stretched = s.combine(*s.separate(around)[:2], s.math("MULTIPLY", z, 9.0))
    moved = s.add("VectorMath", {0: stretched, 1: shift}, operation="ADD").outputs[0]
    fine = s.noise(moved, 11.0, 5, 0.65)
    broad = s.noise(moved, 1.1, 2)
    blotch = s.noise(place, 28.0, 3)
    streak = s.math("MULTIPLY", s.math("SUBTRACT", fine, 0.5), v.streaks)
    level = s.math("ADD", s.math("ADD", s.math("MULTIPLY", broad, 0.9), streak), v.reach - 0.5)
    level = s.math("ADD", level, s.math("MULTIPLY", s.math("SUBTRACT", blotch, 0.5), 0.35))
    ground = s.mix(s.noise(place, 18, 2), srgb(v.ground), srgb("9aa53c"))
    blush = s.mix(s.ramp(fine, (0.38, 0.0), (0.62, 1.0)), srgb(v.blush), srgb(v.deep))
    colour = s.mix(s.ramp(level, (0.28, 0.0), (0.62, 1.0)), ground, blush)
    dots = s.ramp(s.cells(place, 260.0), (0.10, 1.0), (0.17, 0.0))
    colour = s.mix(s.math("MULTIPLY", dots, 0.55), colour, srgb(v.freckle))
    height = s.separate(s.coordinates("UV"))[1]
    colour = s.mix(s.ramp(height, (0.86, 0.0), (0.95, 0.75)), colour, srgb("8a8a35"))
    russet = s.math("MULTIPLY", s.ramp(height, (0.90, 0.0), (0.985, 1.0)), s.noise(place, 160, 4))
    colour = s.mix(russet, colour, srgb("5d4a22"))
    s.surface(
        Base_Color=colour,
        Roughness=s.ramp(s.noise(place, 60, 4), (0.3, 0.24), (0.75, 0.42)),
        Specular_IOR_Level=0.5,
        Coat_Weight=0.25,
        Coat_Roughness=0.12,
        Subsurface_Weight=0.12,
        Subsurface_Radius=(0.6, 0.25, 0.1),
        Subsurface_Scale=0.006,
    )
    s.bump(s.noise(place, 70.0, 3), 0.25, 0.0012)
    s.bump(s.noise(place, 420.0, 2), 0.10, 0.0003)
    return s.material


def stem(length_m: float, thickness_m: float, seed: int):
    """A woody stalk that leans a little and widens where it broke off."""
    rng = np.random.default_rng(seed)
    lean = rng.uniform(-0.35, 0.35, 2) * length_m
    spine = curve([(0, 0, 0), (*(lean * 0.3), length_m * 0.5), (*lean, length_m)], 14)
    radius = thickness_m * np.interp(np.linspace(0, 1, 14), [0, 0.2, 0.8, 1], [1.2, 0.8, 0.9, 1.5])
    spine, radius = np.vstack([spine, spine[-1:] + [0, 0, 1e-5]]), np.append(radius, 1e-5)
    s = Shader("stem", Roughness=0.8)
    grain = s.noise(s.scaled(s.coordinates(), (1, 1, 0.2)), 900, 3)
    s.surface(Base_Color=s.ramp(grain, (0.3, srgb("3a2513")), (0.7, srgb("7c5a30"))))
    s.bump(grain, 0.6, 0.0005)
    return tube("stem", spine, radius, s.material)


def apple(kind: str = "gala", radius_m: float = 0.038, seed: int = 0):
    """An apple of a variety, its origin at its middle; no two seeds look alike."""
    rng = np.random.default_rng(seed + 100)
    tall = rng.uniform(0.93, 1.06) * (1.08 if kind == "red" else 1.0)
    profile = curve(APPLE_PROFILE, 90) * radius_m * [1.0, tall]
    phase = rng.uniform(0, 6.28)
    slant = rng.uniform(-0.05, 0.05)

    def lobes(points: Array, angle: Array, along: Array) -> Array:
        weight = 0.024 * np.clip(1 - 1.25 * along, 0, 1) + 0.010
        points = points * (1 + weight * np.cos(5 * angle + phase))[..., None]
        points = points * (1 + 0.022 * value_noise(points / radius_m, 1.6, seed))[..., None]
        points[..., 2] += slant * points[..., 0]
        return points

    body = lathe(f"apple {seed}", profile, apple_skin(kind, seed), 128, lobes)
    stalk = stem(radius_m * rng.uniform(0.55, 0.8), radius_m * 0.035, seed)
    stalk.location = (0, 0, 0.46 * radius_m * tall)
    calyx = lathe(
        "calyx",
        curve([(0.0, -0.745), (0.05, -0.76), (0.10, -0.745), (0.11, -0.70)], 8)
        * radius_m
        * [1, tall],
        plain("calyx", "33261a", 0.9),
        12,
    )
    return join_to(body, stalk, calyx)


def orange_skin(seed: int, tone: str):
    """Pores in the bump and the gloss, with slow changes of colour."""
    s = Shader(f"orange {seed}")
    place = s.coordinates("Object")
    shift = (seed * 1.3 % 7.7, seed * 2.1 % 6.1, seed * 0.9 % 5.3)
    moved = s.add("VectorMath", {0: place, 1: shift}, operation="ADD").outputs[0]
    pores = s.ramp(s.cells(moved, 560.0), (0.05, 0.0), (0.50, 1.0))
    slow = s.noise(moved, 22, 3)
    colour = s.mix(s.ramp(slow, (0.3, 0.0), (0.7, 1.0)), srgb(tone), srgb("ef9a12"))
    colour = s.mix(s.math("MULTIPLY", s.math("SUBTRACT", 1.0, pores), 0.35), colour, srgb("c65a08"))
    height = s.separate(s.coordinates("UV"))[1]
    colour = s.mix(s.ramp(height, (0.90, 0.0), (1.0, 0.55)), colour, srgb("b9a03a"))
    s.surface(
        Base_Color=colour,
        Roughness=s.ramp(s.noise(moved, 90, 3), (0.3, 0.34), (0.7, 0.48)),
        Subsurface_Weight=0.18,
        Subsurface_Radius=(0.9, 0.35, 0.08),
        Subsurface_Scale=0.007,
    )
    s.bump(pores, 0.45, 0.0007)
    s.bump(s.noise(moved, 120.0, 3), 0.3, 0.0012)
    return s.material


def orange(radius_m: float = 0.040, seed: int = 0, tone: str = "e06504"):
    """An orange with the scar of its stem on top, its origin at its middle."""
    rng = np.random.default_rng(seed + 500)
    outline = [
        (0.012, -0.955), (0.16, -0.96), (0.42, -0.88), (0.70, -0.68), (0.92, -0.36), (1.0, 0.0),
        (0.93, 0.36), (0.72, 0.68), (0.44, 0.88), (0.17, 0.955), (0.07, 0.935), (0.012, 0.92),
    ]  # fmt: skip
    profile = curve(outline, 80) * radius_m * [1.0, rng.uniform(0.93, 1.0)]

    def dents(points: Array, angle: Array, along: Array) -> Array:
        folds = 0.010 * np.exp(-(((along - 0.93) / 0.06) ** 2)) * np.cos(7 * angle + seed)
        bulge = 0.020 * value_noise(points / radius_m, 1.7, seed + 50)
        return points * (1 + folds + bulge)[..., None]

    body = lathe(f"orange {seed}", profile, orange_skin(seed, tone), 112, dents)
    star = [(0.062, -0.02), (0.075, 0.014), (0.05, 0.028), (0.022, 0.018), (0.002, 0.022)]

    def points_of_star(points: Array, angle: Array, along: Array) -> Array:
        reach = 1 + 0.28 * np.cos(5 * angle) * (1 - along)
        return points * np.stack([reach, reach, np.ones_like(reach)], axis=-1)

    scar = lathe(
        "scar", curve(star, 16) * radius_m, plain("scar", "6d7434", 0.8), 40, points_of_star
    )
    scar.location = (0, 0, float(profile[-1, 1]))
    return join_to(body, scar)


def banana_skin(seed: int, ripeness: float):
    """Yellow with darker ridges, green towards the stalk, brown flecks with ripeness."""
    s = Shader(f"banana {seed}")
    place = s.coordinates("Object")
    around, along, _ = s.separate(s.coordinates("UV"))
    wobble = s.math("MULTIPLY", s.math("SUBTRACT", s.noise(place, 40, 3), 0.5), 0.12)
    at = s.math("ADD", along, wobble)
    yellow = s.mix(s.noise(place, 30, 3), srgb("e3b21f"), srgb("efc63a"))
    green = s.ramp(at, (0.06, 1.0), (0.30, 0.0))
    colour = s.mix(s.math("MULTIPLY", green, 0.75 - 0.5 * ripeness), yellow, srgb("93a032"))
    streaks = s.noise(
        s.combine(s.math("MULTIPLY", around, 26.0), s.math("MULTIPLY", along, 3.0), 0.0), 3.0, 4
    )
    colour = s.mix(s.ramp(streaks, (0.60, 0.0), (0.80, 0.5 * ripeness)), colour, srgb("7d5316"))
    flecks = s.ramp(s.noise(place, 320, 3, 0.6), (0.64 - 0.05 * ripeness, 0.0), (0.72, 0.85))
    colour = s.mix(s.math("MULTIPLY", flecks, ripeness), colour, srgb("4b2c10"))
    ridge = s.math("ABSOLUTE", s.math("SINE", s.math("MULTIPLY", around, np.pi * 5)))
    colour = s.mix(s.ramp(ridge, (0.0, 0.35), (0.14, 0.0)), colour, srgb("9a7a1c"))
    colour = s.mix(s.ramp(at, (0.955, 0.0), (0.985, 1.0)), colour, srgb("2a1a0e"))
    colour = s.mix(s.ramp(at, (0.012, 1.0), (0.03, 0.0)), colour, srgb("4a3618"))
    s.surface(
        Base_Color=colour,
        Roughness=s.ramp(s.noise(place, 60, 3), (0.3, 0.38), (0.7, 0.55)),
        Subsurface_Weight=0.12,
        Subsurface_Radius=(0.8, 0.5, 0.1),
        Subsurface_Scale=0.004,
    )
    s.bump(s.noise(place, 160.0, 4), 0.2, 0.0008)
    return s.material


def banana(length_m: float = 0.19, bend: float = 1.15, seed: int = 0, ripeness: float = 0.5):
    """A banana lying in the xz plane, ends up, stalk at -x; `bend` is its turn in radians."""
    count = 110
    t = np.linspace(0, 1, count)
    turn = bend * (t - 0.5) * (1 + 0.25 * (t - 0.5))
    step = length_m / (count - 1)
    spine = np.zeros((count, 3))
    spine[:, 0] = np.cumsum(np.cos(turn)) * step
    spine[:, 2] = np.cumsum(np.sin(turn)) * step
    spine -= spine[count // 2]
    shape = [
        (0, 0.30), (0.03, 0.27), (0.12, 0.31), (0.20, 0.58), (0.32, 0.88), (0.5, 1.0), (0.7, 0.95),
        (0.84, 0.70), (0.93, 0.36), (0.965, 0.21), (0.99, 0.20), (1.0, 0.03),
    ]  # fmt: skip
    radius = 0.0175 * np.interp(t, *np.array(shape).T)
    kernel = np.hanning(9) / np.hanning(9).sum()
    radius[4:-4] = np.convolve(radius, kernel, "valid")
    radius[0] = 1e-4
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    pentagon = 1 + 0.055 * np.cos(5 * angle) + 0.012 * np.cos(10 * angle)
    section = np.stack([np.cos(angle) * pentagon, np.sin(angle) * pentagon], axis=1)
    return tube(f"banana {seed}", spine, radius, banana_skin(seed, ripeness), section)
