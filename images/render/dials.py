"""What is on the face of a clock: numerals, minute marks and hands, as thin slabs near z = 0."""

from __future__ import annotations

import math

import bpy
import numpy as np
from mesh import Array, add_object, lathe, solid
from nodes import plain

ROMAN = ["XII", "I", "II", "III", "IIII", "V", "VI", "VII", "VIII", "IX", "X", "XI"]
HANDS = {
    "baton": [(-0.045, -0.2), (0.045, -0.2), (0.035, 1.0), (-0.035, 1.0)],
    "leaf": [
        (-0.02, -0.16), (0.02, -0.16), (0.03, 0.1), (0.075, 0.38), (0.04, 0.7), (0.008, 1.0),
        (-0.008, 1.0), (-0.04, 0.7), (-0.075, 0.38), (-0.03, 0.1),
    ],
    "spade": [
        (-0.03, -0.2), (0.03, -0.2), (0.022, 0.52), (0.05, 0.56), (0.115, 0.66), (0.10, 0.75),
        (0.03, 0.83), (0.012, 1.0), (-0.012, 1.0), (-0.03, 0.83), (-0.10, 0.75), (-0.115, 0.66),
        (-0.05, 0.56), (-0.022, 0.52),
    ],
}  # fmt: skip


def slab(name: str, outline, material, z_m: float = 0.0, thick_m: float = 0.0008):
    """A flat piece cut along a 2D `outline` (counter-clockwise), its underside at `z_m`."""
    outline = np.asarray(outline, float)
    n = len(outline)
    bottom = np.column_stack([outline, np.full(n, z_m)])
    top = bottom + [0, 0, thick_m]
    sides = [(i, (i + 1) % n, n + (i + 1) % n, n + i) for i in range(n)]
    faces = [tuple(reversed(range(n))), tuple(range(n, 2 * n)), *sides]
    return solid(name, np.vstack([bottom, top]), faces, material)


def strokes(text: str, height_m: float) -> list[Array]:
    """Outlines of a Roman numeral, centred on the origin: thick and thin strokes with serifs."""
    thick, thin, serif = 0.15, 0.055, 0.05
    widths = {"I": 0.34, "V": 0.78, "X": 0.80}
    left, pieces = -sum(widths[c] for c in text) / 2, []

    def bar(x0: float, x1: float, width: float) -> None:
        pieces.append(
            [
                (x0 - width / 2, -0.5),
                (x0 + width / 2, -0.5),
                (x1 + width / 2, 0.5),
                (x1 - width / 2, 0.5),
            ]
        )

    def foot(x: float, y: float, width: float) -> None:
        y0, y1 = (y, y + serif) if y < 0 else (y - serif, y)
        pieces.append(
            [(x - width / 2, y0), (x + width / 2, y0), (x + width / 2, y1), (x - width / 2, y1)]
        )

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
            data.align_x, data.align_y = "CENTER", "CENTER"
            item = add_object("numeral", data, ink)
            item.location = (*at, 0.0006)
            pieces.append(item)
            continue
        if kind == "bars":
            w, h = height_m * (0.34 if hour % 3 == 0 else 0.24), height_m
            outlines = [
                np.array([(-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2)])
            ]
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
        mark = np.array([(-w / 2, -length_m), (w / 2, -length_m), (w / 2, 0), (-w / 2, 0)]) + [
            0,
            radius_m,
        ]
        pieces.append(slab("minute", turned(mark, minute * math.pi / 30), ink, 0.0003, 0.0003))
    return pieces


def hands(
    radius_m: float,
    hour: int,
    minute: int,
    kind: str,
    ink,
    second: int | None = None,
    lift_m: float = 0.004,
) -> list:
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
        pieces.append(
            slab(
                "second",
                turned(thin, 2 * math.pi * second / 60),
                red,
                lift_m + 0.04 * radius_m,
                thick,
            )
        )
    top = lift_m + 0.05 * radius_m
    cap = np.array(
        [
            (0.045, 0.0),
            (0.045, top),
            (0.03, top + 0.008 * radius_m),
            (0.0005, top + 0.01 * radius_m),
        ]
    )
    cap[:3, 0] *= radius_m
    return [*pieces, lathe("cap", cap, ink, 24)]
