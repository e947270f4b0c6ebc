"""Clocks: dials, numerals, hands and cases. Every clock faces +z; its dial lies near z = 0."""

from __future__ import annotations

import math

import bpy
import numpy as np
from mesh import Array, add_object, box, curve, join_to, lathe, solid, tube
from nodes import Shader, plain, srgb

ROMAN = ["XII", "I", "II", "III", "IIII", "V", "VI", "VII", "VIII", "IX", "X", "XI"]


def slab(name: str, outline, material, z_m: float = 0.0, thick_m: float = 0.0008):
    """A flat piece cut along a 2D `outline` (counter-clockwise), its underside at `z_m`."""
    outline = np.asarray(outline, float)
    n = len(outline)
    bottom = np.column_stack([outline, np.full(n, z_m)])
    top = bottom + [0, 0, thick_m]
    sides = [(i, (i + 1) % n, n + (i + 1) % n, n + i) for i in range(n)]
    faces = [tuple(reversed(range(n))), tuple(range(n, 2 * n)), *sides]
    return solid(name, np.vstack([bottom, top]), faces, material)


def clear_glass() -> bpy.types.Material:
    """Window glass that lets light through straight and mirrors at grazing angles."""
    s = Shader("pane")
    fresnel = s.add("Fresnel", {"IOR": 1.45}).outputs[0]
    clear = s.add("BsdfTransparent").outputs[0]
    mirror = s.add("BsdfGlossy", {"Roughness": 0.02}).outputs[0]
    both = s.add("MixShader", {0: fresnel, 1: clear, 2: mirror}).outputs[0]
    s.tree.links.new(both, s.tree.nodes["Material Output"].inputs["Surface"])
    return s.material


def brushed_metal(colour: str, roughness: float = 0.25):
    """Metal with fine scratches in its gloss."""
    s = Shader("metal", Base_Color=srgb(colour), Metallic=1.0)
    place = s.coordinates()
    s.surface(Roughness=s.ramp(s.noise(place, 40, 5), (0.3, roughness * 0.7), (0.7, roughness * 1.5)))
    return s.material


def paper(colour: str):
    """The printed face of a dial, a little aged towards its edge."""
    s = Shader("dial", Roughness=0.6)
    place = s.coordinates()
    s.surface(Base_Color=s.mix(s.ramp(s.noise(place, 6, 4), (0.3, 0.0), (0.8, 0.25)), srgb(colour), srgb("cfc2a4")))
    return s.material


def strokes(text: str, height_m: float) -> list[Array]:
    """Outlines of a Roman numeral, centred on the origin: thick and thin strokes with serifs."""
    thick, thin, serif = 0.15, 0.055, 0.05
    widths = {"I": 0.34, "V": 0.78, "X": 0.80}
    left, pieces = -sum(widths[c] for c in text) / 2, []

    def bar(x0: float, x1: float, width: float) -> None:
        pieces.append([(x0 - width / 2, -0.5), (x0 + width / 2, -0.5), (x1 + width / 2, 0.5), (x1 - width / 2, 0.5)])

    def foot(x: float, y: float, width: float) -> None:
        y0, y1 = (y, y + serif) if y < 0 else (y - serif, y)
        pieces.append([(x - width / 2, y0), (x + width / 2, y0), (x + width / 2, y1), (x - width / 2, y1)])

    for letter in text:
        middle = left + widths[letter] / 2
        if letter == "I":
            bar(middle, middle, thick)
            foot(middle, -0.5, 0.30)
            foot(middle, 0.5, 0.30)
        elif letter == "V":
            bar(middle, middle - 0.25, thick)
            bar(middle, middle + 0.25, thin)
            foot(middle - 0.25, 0.5, 0.27)
            foot(middle + 0.25, 0.5, 0.24)
        else:
            bar(middle + 0.25, middle - 0.25, thick)
            bar(middle - 0.25, middle + 0.25, thin)
            for x in (-0.25, 0.25):
                foot(middle + x, 0.5, 0.26)
                foot(middle + x, -0.5, 0.26)
        left += widths[letter]
    return [np.array(piece) * height_m for piece in pieces]


def turned(outline: Array, angle: float) -> Array:
    """A 2D outline turned clockwise by `angle`, as clock hands turn."""
    c, s = math.cos(angle), math.sin(angle)
    return outline @ np.array([[c, -s], [s, c]])


def numerals(radius_m: float, height_m: float, kind: str, ink) -> list:
    """Twelve numerals on a circle: `arabic` upright, `roman` pointing outwards, or `bars`."""
    pieces = []
    for hour in range(12):
        angle = hour * math.pi / 6
        at = np.array([math.sin(angle), math.cos(angle)]) * radius_m
        if kind == "arabic":
            data = bpy.data.curves.new("numeral", "FONT")
            data.body, data.size = str(hour or 12), height_m * 1.35
            data.align_x, data.align_y, data.offset = "CENTER", "CENTER", 0.012 * height_m
            item = add_object("numeral", data, ink)
            item.location = (*at, 0.0006)
            pieces.append(item)
            continue
        if kind == "bars":
            w, h = height_m * (0.34 if hour % 3 == 0 else 0.24), height_m
            outlines = [np.array([(-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2)])]
        else:
            outlines = strokes(ROMAN[hour], height_m)
        for k, outline in enumerate(outlines):
            z = 0.0003 + 0.00002 * k
            pieces.append(slab("numeral", turned(outline, angle) + at, ink, z, 0.0003))
    return pieces


def minute_marks(radius_m: float, length_m: float, ink) -> list:
    """Sixty strokes around the dial, every fifth one bolder."""
    pieces = []
    for minute in range(60):
        w = length_m * (0.34 if minute % 5 == 0 else 0.12)
        mark = np.array([(-w / 2, -length_m), (w / 2, -length_m), (w / 2, 0), (-w / 2, 0)]) + [0, radius_m]
        pieces.append(slab("minute", turned(mark, minute * math.pi / 30), ink, 0.0003, 0.0003))
    return pieces


HANDS = {
    "baton": [(-0.045, -0.2), (0.045, -0.2), (0.035, 1.0), (-0.035, 1.0)],
    "leaf": [(-0.02, -0.16), (0.02, -0.16), (0.03, 0.1), (0.075, 0.38), (0.04, 0.7), (0.008, 1.0), (-0.008, 1.0),
             (-0.04, 0.7), (-0.075, 0.38), (-0.03, 0.1)],
    "spade": [(-0.03, -0.2), (0.03, -0.2), (0.022, 0.52), (0.05, 0.56), (0.115, 0.66), (0.10, 0.75), (0.03, 0.83),
              (0.012, 1.0), (-0.012, 1.0), (-0.03, 0.83), (-0.10, 0.75), (-0.115, 0.66), (-0.05, 0.56), (-0.022, 0.52)],
}  # fmt: skip


def hands(radius_m: float, hour: int, minute: int, kind: str, ink, second: int | None = None, lift_m: float = 0.004) -> list:
    """Hour, minute and (with `second`) a red second hand, one above the other."""
    outline = np.array(HANDS[kind])
    turn = 2 * math.pi * minute / 60
    short = outline * [0.72 * radius_m, 0.56 * radius_m]
    long = outline * [0.62 * radius_m, 0.84 * radius_m]
    thick = 0.006 * radius_m
    pieces = [
        slab("hour", turned(short, (hour % 12) * math.pi / 6 + turn / 12), ink, lift_m, thick),
        slab("minute hand", turned(long, turn), ink, lift_m + 0.02 * radius_m, thick),
    ]
    if second is not None:
        red = plain("second", "b5201c", 0.4)
        thin = np.array([(-0.012, -0.3), (0.012, -0.3), (0.006, 0.86), (-0.006, 0.86)]) * radius_m
        pieces.append(slab("second", turned(thin, 2 * math.pi * second / 60), red, lift_m + 0.04 * radius_m, thick))
    top = lift_m + 0.05 * radius_m
    cap = np.array([(0.045, 0.0), (0.045, top), (0.03, top + 0.008 * radius_m), (0.0005, top + 0.01 * radius_m)])
    cap[:3, 0] *= radius_m
    return [*pieces, lathe("cap", cap, ink, 24)]


def clock(radius_m: float, case, face: str = "f4f1e8", kind: str = "arabic", style: str = "baton", ink: str = "15151a",
          time=(10, 8, None), depth: float = 0.16, rim: float = 0.11, glass: bool = True):  # fmt: skip
    """A round clock facing +z.

    Args:
        radius_m: Radius of the dial; the rim adds `rim` of it.
        case: Material of rim and back.
        kind: `arabic`, `roman` or `bars`.
        style: Shape of the hands, a key of `HANDS`.
        time: Hour, minute, second or None.
        depth: Height of the rim above the dial, in radii.
    """
    r = radius_m
    print_ = plain("ink", ink, 0.5)
    disc = lathe("dial", np.array([(1.02 * r, 0.0), (0.5 * r, 0.0), (0.0005, 0.0)]), paper(face), 128)
    outline = [(0.995, 0.0), (0.985, 0.55 * depth), (1.0, 0.92 * depth), (1.0 + rim * 0.5, depth), (1.0 + rim, 0.8 * depth),
               (1.0 + rim * 1.05, 0.2 * depth), (1.0 + rim, -depth), (0.9, -1.1 * depth), (0.001, -1.1 * depth)]  # fmt: skip
    ring = lathe("rim", curve(outline, 120)[::-1] * r, case, 160)
    parts = [ring, *minute_marks(0.955 * r, 0.055 * r, print_)]
    at, tall = {"arabic": (0.75, 0.20), "roman": (0.73, 0.25), "bars": (0.76, 0.22)}[kind]
    parts += numerals(at * r, tall * r, kind, print_)
    parts += hands(0.93 * r, time[0], time[1], style, print_, time[2])
    if glass:
        dome = curve([(0.995, 0.75 * depth), (0.6, 0.83 * depth), (0.0005, 0.86 * depth)], 30) * r
        parts.append(lathe("glass", dome, clear_glass(), 96))
    return join_to(disc, *parts)


def alarm_clock(radius_m: float, paint, metal, time=(7, 3, None)):
    """A twin-bell alarm clock, facing +z with +y up; its feet end at y = -1.42 radii."""
    r = radius_m
    body = clock(r, paint, "f6f2e4", "arabic", "leaf", "201d1a", time, 0.30, 0.10)
    bell = [(0.42, 0.0), (0.43, 0.03), (0.40, 0.16), (0.28, 0.28), (0.10, 0.335), (0.001, 0.34)]
    parts = []
    for side in (-1, 1):
        lean = side * 0.62
        shell = lathe("bell", curve(bell, 50) * r, metal, 72)
        at = np.array([math.sin(lean), math.cos(lean), 0.0])
        shell.location = at * 1.26 * r
        shell.rotation_euler = (-math.pi / 2, 0, -lean)
        post = tube("post", np.array([at * 1.05 * r, at * 1.4 * r, at * 1.66 * r]), 0.035 * r, metal)
        knob = lathe("knob", curve([(0.0, -0.06), (0.06, 0.0), (0.0, 0.06)], 20) * r + [1e-5, 0], metal, 24)
        knob.location = at * 1.66 * r
        foot_at = np.array([side * 0.62, -0.92, 0.0]) * r
        end = np.array([side * 0.86, -1.40, 0.0]) * r
        foot = tube("foot", np.array([foot_at, 0.5 * (foot_at + end), end]), np.array([0.07, 0.07, 0.055]) * r, metal)
        ball = lathe("ball", curve([(0.0, -0.08), (0.08, 0.0), (0.0, 0.08)], 20) * r + [1e-5, 0], metal, 24)
        ball.location = end + [0, 0.03 * r, 0]
        parts += [shell, post, knob, foot, ball]
    hammer = tube("hammer", np.array([(0, 1.05, 0), (0, 1.25, 0), (0, 1.46, 0)]) * r, 0.03 * r, metal)
    head = box("head", (0.22 * r, 0.13 * r, 0.13 * r), (0, 1.48 * r, 0), metal, 0.02 * r)
    handle = curve([(-0.94, 1.30, 0), (-0.93, 1.62, 0), (-0.62, 1.92, 0), (0, 2.02, 0), (0.62, 1.92, 0), (0.93, 1.62, 0), (0.94, 1.30, 0)], 60) * r
    parts += [hammer, head, tube("handle", handle, 0.04 * r, metal)]
    return join_to(body, *parts)
