"""Clocks: the case, the dial and the glass. Every clock faces +z; its dial lies at z = 0."""

from __future__ import annotations

import math

import numpy as np
from dials import hands, minute_marks, numerals
from mesh import box, curve, join_to, lathe, tube
from nodes import Shader, clear_glass, plain, srgb


def paper(colour: str):
    """The printed face of a dial, a little aged towards its edge."""
    s = Shader("dial", Roughness=0.6)
    place = s.coordinates()
    s.surface(
        Base_Color=s.mix(
            s.ramp(s.noise(place, 6, 4), (0.4, 0.0), (0.9, 0.15)), srgb(colour), srgb("d8cdb2")
        )
    )
    return s.material


def clock(
    radius_m: float,
    case,
    face: str = "fbf9f2",
    kind: str = "arabic",
    style: str = "baton",
    ink: str = "15151a",
    time=(10, 8, None),
    depth: float = 0.16,
    rim: float = 0.11,
):
    """A round clock facing +z.

    Args:
        radius_m: Radius of the dial; the rim adds `rim` of it.
        case: Material of rim and back.
        face: Colour of the dial.
        kind: `arabic`, `roman` or `bars`.
        style: Shape of the hands, a key of `HANDS`.
        ink: Colour of numerals and hands.
        time: Hour, minute, second or None.
        depth: Height of the rim above the dial, in radii.
        rim: Width of the rim, in radii.
    """
    r = radius_m
    print_ = plain("ink", ink, 0.5)
    disc = lathe(
        "dial", np.array([(1.02 * r, 0.0), (0.5 * r, 0.0), (0.0005, 0.0)]), paper(face), 128
    )
    outline = [
        (0.995, 0.0), (0.985, 0.55 * depth), (1.0, 0.92 * depth), (1.0 + rim * 0.5, depth),
        (1.0 + rim, 0.8 * depth), (1.0 + rim * 1.05, 0.2 * depth), (1.0 + rim, -depth),
        (0.9, -1.1 * depth), (0.001, -1.1 * depth),
    ]  # fmt: skip
    ring = lathe("rim", curve(outline, 120)[::-1] * r, case, 160)
    parts = [ring, *minute_marks(0.955 * r, 0.055 * r, print_)]
    at, tall = {"arabic": (0.75, 0.20), "roman": (0.73, 0.25), "bars": (0.76, 0.22)}[kind]
    parts += numerals(at * r, tall * r, kind, print_)
    parts += hands(0.93 * r, time[0], time[1], style, print_, time[2])
    dome = curve([(0.995, 0.75 * depth), (0.6, 0.83 * depth), (0.0005, 0.86 * depth)], 30) * r
    parts.append(lathe("glass", dome, clear_glass(), 96))
    return join_to(disc, *parts)


def alarm_clock(radius_m: float, paint, metal, time=(7, 3, None)):
    """A twin-bell alarm clock, facing +z with +y up; its feet end at y = -1.42 radii."""
    r = radius_m
    body = clock(r, paint, "fbf8ee", "arabic", "leaf", "201d1a", time, 0.30, 0.10)
    bell = [(0.42, 0.0), (0.43, 0.03), (0.40, 0.16), (0.28, 0.28), (0.10, 0.335), (0.001, 0.34)]
    parts = []
    for side in (-1, 1):
        lean = side * 0.62
        shell = lathe("bell", curve(bell, 50) * r, metal, 72)
        at = np.array([math.sin(lean), math.cos(lean), 0.0])
        shell.location = at * 1.26 * r
        shell.rotation_euler = (-math.pi / 2, 0, -lean)
        post = tube(
            "post", np.array([at * 1.05 * r, at * 1.4 * r, at * 1.66 * r]), 0.035 * r, metal
        )
        knob = lathe(
            "knob", curve([(0.0, -0.06), (0.06, 0.0), (0.0, 0.06)], 20) * r + [1e-5, 0], metal, 24
        )
        knob.location = at * 1.66 * r
        foot_at = np.array([side * 0.62, -0.92, 0.0]) * r
        end = np.array([side * 0.86, -1.40, 0.0]) * r
        foot = tube(
            "foot",
            np.array([foot_at, 0.5 * (foot_at + end), end]),
            np.array([0.07, 0.07, 0.055]) * r,
            metal,
        )
        ball = lathe(
            "ball", curve([(0.0, -0.08), (0.08, 0.0), (0.0, 0.08)], 20) * r + [1e-5, 0], metal, 24
        )
        ball.location = end + [0, 0.03 * r, 0]
        parts += [shell, post, knob, foot, ball]
    hammer = tube(
        "hammer", np.array([(0, 1.05, 0), (0, 1.25, 0), (0, 1.46, 0)]) * r, 0.03 * r, metal
    )
    head = box("head", (0.22 * r, 0.13 * r, 0.13 * r), (0, 1.48 * r, 0), metal, 0.02 * r)
    handle = (
        curve(
            [
                (-0.94, 1.30, 0),
                (-0.93, 1.62, 0),
                (-0.62, 1.92, 0),
                (0, 2.02, 0),
                (0.62, 1.92, 0),
                (0.93, 1.62, 0),
                (0.94, 1.30, 0),
            ],
            60,
        )
        * r
    )
    parts += [hammer, head, tube("handle", handle, 0.04 * r, metal)]
    return join_to(body, *parts)
