"""What stands around the fruit: table, wall, window light, cloth, bowl, out-of-focus things."""

from __future__ import annotations

import numpy as np
from mesh import add_subdivision, box, curve, grid, join_to, lathe, value_noise
from nodes import Shader, plain, srgb
from scene import area_light


def wood(name: str, light: str, dark: str, plank_m: float = 0.14, gloss: float = 0.42):
    """Planks along x: every plank shows another cut of the grain, with a gap beside it."""
    s = Shader(name)
    x, y, _ = s.separate(s.coordinates("Object"))
    across = s.math("DIVIDE", y, plank_m)
    number = s.math("FLOOR", across)
    place = s.combine(
        s.math("ADD", x, s.math("MULTIPLY", number, 3.71)),
        s.math("ADD", y, s.math("MULTIPLY", number, 1.37)),
        s.math("MULTIPLY", number, 0.9),
    )
    figure = s.noise(s.scaled(place, (1.3, 13, 3)), 2.6, 6, 0.62)
    fibre = s.noise(s.scaled(place, (9, 260, 30)), 2.0, 4, 0.7)
    pores = s.ramp(s.noise(s.scaled(place, (2.0, 38, 6)), 6.0, 3, 0.6), (0.56, 0.0), (0.74, 1.0))
    tone = s.math("ADD", s.math("MULTIPLY", figure, 0.75), s.math("MULTIPLY", fibre, 0.25))
    each = s.add("TexWhiteNoise", {"W": number}, noise_dimensions="1D").outputs["Value"]
    tone = s.math("ADD", tone, s.math("MULTIPLY", s.math("SUBTRACT", each, 0.5), 0.16))
    colour = s.ramp(tone, (0.30, srgb(dark)), (0.68, srgb(light)))
    colour = s.mix(s.math("MULTIPLY", pores, 0.35), colour, srgb(dark))
    edge = s.math("ABSOLUTE", s.math("SUBTRACT", s.math("FRACT", across), 0.5))
    gap = s.ramp(edge, (0.488, 0.0), (0.497, 1.0))
    colour = s.mix(gap, colour, srgb("1b120b"))
    s.surface(Base_Color=colour, Roughness=s.ramp(fibre, (0.2, gloss - 0.08), (0.8, gloss + 0.14)))
    s.bump(s.math("SUBTRACT", tone, gap), 0.25, 0.0015)
    return s.material


def table(light: str = "b98a5a", dark: str = "6b4426", size_m=(2.4, 1.1), gloss: float = 0.42):
    """A table top, its surface at z = 0, its middle at the origin."""
    return box(
        "table", (*size_m, 0.035), (0, 0, -0.0175), wood("wood", light, dark, gloss=gloss), 0.004
    )


def linen(colour: str, stripe: str | None = None):
    """Woven cloth: threads in the bump, a soft sheen, stripes near the hem if asked for."""
    s = Shader("linen", Roughness=0.9, Sheen_Weight=0.3)
    u, v, _ = s.separate(s.coordinates("UV"))
    threads = [s.math("SINE", s.math("MULTIPLY", axis, 1400.0)) for axis in (u, v)]
    weave = s.math("MULTIPLY", *threads)
    slub = s.noise(s.combine(s.math("MULTIPLY", u, 8.0), s.math("MULTIPLY", v, 160.0), 0.0), 3.0, 3)
    tint = s.mix(s.ramp(slub, (0.35, 0.0), (0.75, 0.35)), srgb(colour), srgb("a89c86"))
    if stripe:
        edge = s.math("ABSOLUTE", s.math("SUBTRACT", v, 0.5))
        bands = s.ramp(
            edge,
            (0.36, 0.0),
            (0.362, 1.0),
            (0.385, 1.0),
            (0.387, 0.0),
            (0.40, 0.0),
            (0.402, 1.0),
            (0.41, 1.0),
            (0.412, 0.0),
        )
        tint = s.mix(s.math("MULTIPLY", bands, 0.85), tint, srgb(stripe))
    s.surface(Base_Color=tint)
    s.bump(weave, 0.25, 0.0004)
    s.bump(slub, 0.3, 0.0006)
    return s.material


def cloth(
    size_m, centre=(0, 0), turn: float = 0.0, colour: str = "e6dfd0", stripe=None, seed: int = 3
):
    """A cloth lying on the table with soft folds."""
    n = 120
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, n), np.linspace(-0.5, 0.5, n))
    flat = np.stack([u * size_m[0], v * size_m[1], 0 * u], axis=-1)
    folds = (
        value_noise(flat * [1, 0.35, 1], 26, seed) * 0.5 + value_noise(flat, 55, seed + 1) * 0.25
    )
    flat[..., 2] = 0.002 + 0.009 * np.clip(folds, 0, 1) ** 1.5
    flat[..., :2] += 0.006 * np.stack(
        [value_noise(flat, 9, seed + 2), value_noise(flat, 9, seed + 5)], -1
    )
    item = grid("cloth", flat, linen(colour, stripe), closed=False)
    item.location, item.rotation_euler = (*centre, 0), (0, 0, turn)
    item.modifiers.new("thick", "SOLIDIFY").thickness = 0.0012
    return item


def wall(colour: str = "cfc8ba", y_m: float = 1.6):
    """A plastered wall across the back of the room, with a skirting line far below."""
    s = Shader("plaster", Roughness=0.9)
    place = s.coordinates()
    s.surface(Base_Color=s.mix(s.noise(place, 1.3, 4), srgb(colour), srgb("b9b1a2")))
    s.bump(s.noise(place, 60, 4), 0.2, 0.002)
    return box("wall", (9, 0.1, 4), (0, y_m, 0.6), s.material)


def window_light(
    place, target, size_m=(1.1, 1.4), watts: float = 60, colour: str = "eaf1ff", bars: bool = True
):
    """A window: an area light behind a cross of bars, which shows in every glossy skin."""
    lamp = area_light(place, target, size_m, watts, colour)
    if bars:
        white = plain("window frame", "e8e4da", 0.5)
        width, height = size_m
        frame = [
            box("bar", (0.045, height, 0.03), (0, 0, -0.03), white),
            box("bar", (width, 0.045, 0.03), (0, 0.12 * height, -0.03), white),
        ]
        join_to(lamp, *frame)
    return lamp


def pottery(name: str, colour: str, speckle: str | None = "6b5a48", roughness: float = 0.22):
    """Glazed stoneware with specks of iron."""
    s = Shader(name, Roughness=roughness, Coat_Weight=0.5, Coat_Roughness=0.08)
    place = s.coordinates()
    tint = s.mix(
        s.noise(place, 9, 4), srgb(colour), tuple(0.86 * c for c in srgb(colour)[:3]) + (1,)
    )
    if speckle:
        specks = s.ramp(s.cells(place, 190.0), (0.06, 0.8), (0.13, 0.0))
        tint = s.mix(
            s.math("MULTIPLY", specks, s.ramp(s.noise(place, 30, 2), (0.45, 0.0), (0.6, 1.0))),
            tint,
            srgb(speckle),
        )
    s.surface(Base_Color=tint)
    s.bump(s.noise(place, 35, 3), 0.12, 0.001)
    return s.material


BOWL = [
    (0.0, 0.010), (0.30, 0.010), (0.34, 0.0), (0.40, 0.0), (0.44, 0.03), (0.70, 0.16), (0.90, 0.36),
    (0.99, 0.54), (1.0, 0.56), (0.985, 0.565), (0.965, 0.54), (0.875, 0.375), (0.68, 0.19),
    (0.42, 0.075), (0.2, 0.05), (0.0, 0.045),
]  # fmt: skip


def bowl(radius_m: float = 0.15, colour: str = "e9e2d2"):
    """A wide bowl standing on z = 0; gives the object and its inner profile (radius, height)."""
    profile = curve(BOWL, 160) * radius_m
    profile[:, 0] = np.maximum(profile[:, 0], 1e-4)

    def thrown(points, angle, along):
        return points * (1 + 0.006 * value_noise(points / radius_m, 2.0, 8))[..., None]

    item = lathe("bowl", profile, pottery("glaze", colour), 160, thrown)
    inner = profile[int(len(profile) * 9 / 15) :][::-1]
    return item, inner


def plate(radius_m: float, colour: str = "e9e6df"):
    """A flat plate standing on z = 0."""
    outline = [
        (0.001, 0.02), (0.5, 0.02), (0.55, 0.0), (0.62, 0.0), (0.66, 0.03), (0.98, 0.115),
        (1.0, 0.13), (0.985, 0.14), (0.72, 0.075), (0.6, 0.05), (0.3, 0.045), (0.001, 0.045),
    ]  # fmt: skip
    return lathe("plate", curve(outline, 120) * radius_m, pottery("plate glaze", colour, None), 128)


def leaf(length_m: float = 0.07, seed: int = 0, colour: str = "3f6b26"):
    """A folded, slightly wavy leaf along +x."""
    rng = np.random.default_rng(seed)
    t, w = np.meshgrid(np.linspace(0, 1, 40), np.linspace(-1, 1, 17), indexing="ij")
    half = 0.24 * np.sin(np.pi * np.clip(t, 0.001, 0.999) ** 0.8) ** 0.85
    curl = rng.uniform(0.2, 0.5)
    x, y = t, w * half
    z = 0.35 * np.abs(y) + curl * (t - t**2) + 0.02 * np.sin(9 * t + 3 * w) * np.abs(w)
    s = Shader("leaf", Roughness=0.4, Subsurface_Weight=0.1, Subsurface_Scale=0.002)
    v, u, _ = s.separate(s.coordinates("UV"))
    vein = s.math("ABSOLUTE", s.math("SUBTRACT", v, 0.5))
    side = s.math("ABSOLUTE", s.math("SINE", s.math("MULTIPLY", s.math("SUBTRACT", u, vein), 34.0)))
    lines = s.math(
        "MAXIMUM", s.ramp(vein, (0.0, 1.0), (0.03, 0.0)), s.ramp(side, (0.0, 0.6), (0.16, 0.0))
    )
    tint = s.mix(s.noise(s.coordinates(), 90, 3), srgb(colour), srgb("5d8433"))
    s.surface(Base_Color=s.mix(s.math("MULTIPLY", lines, 0.5), tint, srgb("9db35c")))
    s.bump(lines, -0.3, 0.0008)
    item = grid("leaf", np.stack([x, y, z], -1) * length_m, s.material, closed=False)
    add_subdivision(item, 1)
    return item
