"""The three pictures with clocks."""

from __future__ import annotations

import math

import numpy as np
from clocks import alarm_clock, clock
from fruit_pictures import put
from kitchen import books, glowing_window, jar, plant
from mesh import box, tube
from nodes import Shader, brushed_metal, plain, srgb
from room import pottery, table, wall, window_light, wood
from scene import area_light, camera, outdoor_sky
from still_pictures import book

FACING = math.pi / 2  # turns +z (where clocks look) to -y (where the camera stands)


def clock_picture():
    """A kitchen clock on a painted wall above a shelf."""
    wall("7f9a94", 1.6)
    item = clock(0.15, plain("case", "1d1c1c", 0.3, Coat_Weight=0.5), time=(10, 8, 36))
    item.location, item.rotation_euler = (-0.06, 1.52, 0.86), (FACING, 0, 0)
    wide = wood("board", "a77a4c", "6a4527", 0.3)
    box("shelf", (2.2, 0.22, 0.03), (0, 1.44, 0.345), wide, 0.003)
    books((-0.42, 1.44, 0.36), 2, 6)
    jar((0.16, 1.42, 0.36), 0.15, "d9d2c0")
    plant((0.42, 1.42, 0.36), 0.36, 6)
    window_light((-1.7, 0.2, 1.5), (0, 1.6, 0.7), watts=90)
    area_light((1.5, -0.5, 1.2), (0, 1.5, 0.5), (1.5, 1.5), 26, "fff0dc")
    camera((0.28, -0.30, 0.74), (0.01, 1.55, 0.71), 60, 2.8, focus=(-0.06, 1.5, 0.86))
    return {"size_wh": (800, 600), "exposure": 0.75}


def clock2_picture():
    """A twin-bell alarm clock on a bedside table, early light."""
    table("8a5a38", "4a2a18", (1.0, 0.6))
    wall("c9b7a2", 1.3)
    glowing_window((-0.75, 1.22, 0.6), (0.9, 1.2), 4.0)
    paint = plain("enamel", "2f6f73", 0.25, Coat_Weight=0.7, Coat_Roughness=0.05)
    item = alarm_clock(0.055, paint, brushed_metal("d9b26a", 0.22), (7, 3, None))
    item.location, item.rotation_euler = (0.0, 0.0, 0.0805), (FACING, 0, 0.12)
    lying = [
        ("2f4a5f", 0.0, 0.035, 0.1),
        ("a8432f", 0.035, 0.028, -0.12),
        ("d8cfb8", 0.063, 0.022, 0.22),
    ]
    for colour, z, thick, turn in lying:
        put(book(thick, colour), 0.19, 0.12, z, turn=turn)
    plant((-0.24, 0.22, 0.0), 0.26, 9, "d8cbb6", 30)
    window_light((-0.8, -0.35, 0.6), (0, 0, 0.06), watts=26, colour="fff0d8")
    area_light((0.35, -1.1, 0.55), (0, 0, 0.07), (0.8, 0.8), 7, "fff4e6")
    camera((0.03, -0.55, 0.17), (0.02, 0, 0.075), 58, 4.0, focus=(0, -0.02, 0.08))
    return {"size_wh": (800, 600), "exposure": 0.75}


def bricks():
    """A wall of old bricks."""
    s = Shader("bricks", Roughness=0.9)
    place = s.coordinates()
    x, y, z = s.separate(place)
    flat = s.combine(s.math("ADD", x, y), z, 0.0)
    rough = s.noise(place, 14, 5)
    inputs = {
        "Vector": flat, "Scale": 1.0, "Brick Width": 0.225, "Row Height": 0.075,
        "Mortar Size": 0.006, "Bias": -0.2, "Color1": srgb("6f4334"), "Color2": srgb("55342b"),
        "Mortar": srgb("9c9182"), "Mortar Smooth": 0.4,
    }  # fmt: skip
    node = s.add("TexBrick", inputs)
    s.surface(
        Base_Color=s.mix(s.math("MULTIPLY", rough, 0.6), node.outputs["Color"], srgb("3f2a22"))
    )
    s.bump(node.outputs["Fac"], -0.8, 0.008)
    s.bump(rough, 0.4, 0.004)
    return s.material


def clock3_picture():
    """A street clock with Roman numerals on an iron bracket, seen from below."""
    brick = bricks()
    box("house", (8, 0.4, 12), (0, 1.3, 3), brick)
    stone = pottery("stone", "b9ae9a", "7d7466", 0.8)
    pane = plain("pane", "1a222b", 0.08)
    white = plain("sash", "e6e0d2", 0.5)
    for x in (-1.75, 1.55):
        box("window", (0.9, 0.1, 1.5), (x, 1.12, 3.6), pane)
        box("sill", (1.15, 0.3, 0.12), (x, 1.05, 2.80), stone, 0.01)
        box("lintel", (1.2, 0.1, 0.22), (x, 1.08, 4.45), stone, 0.01)
        for dx, dz, w, h in (
            (-0.42, 0, 0.07, 1.5),
            (0.42, 0, 0.07, 1.5),
            (0, 0, 0.05, 1.5),
            (0, 0.1, 0.9, 0.06),
            (0, 0.72, 0.9, 0.07),
            (0, -0.72, 0.9, 0.07),
        ):
            box("sash", (w, 0.05 if h > w else 0.06, h), (x + dx, 1.06, 3.6 + dz), white, 0.005)
    iron = plain("iron", "16201c", 0.45, Coat_Weight=0.3)
    item = clock(0.42, iron, "f8f4e8", "roman", "spade", time=(3, 41, None), depth=0.22, rim=0.13)
    back = clock(0.42, iron, "f8f4e8", "roman", "spade", time=(3, 41, None), depth=0.22, rim=0.13)
    item.location, item.rotation_euler = (0.0, -0.02, 3.4), (FACING, 0, -0.06)
    back.location, back.rotation_euler = (0.012, 0.185, 3.4), (FACING, 0, math.pi - 0.06)
    arm = np.array([(0.06, 1.1, 4.15), (0.04, 0.6, 4.15), (0.015, 0.02, 4.15)])
    tube("arm", arm, 0.035, iron)
    tube(
        "drop", np.array([(0.015, 0.02, 4.17), (0.015, 0.02, 4.0), (0.015, 0.02, 3.84)]), 0.03, iron
    )
    t = np.linspace(0, 5.2, 70)
    curl = np.stack(
        [0.03 + 0 * t, 0.75 + 0.055 * t * np.cos(t), 3.86 + 0.055 * t * np.sin(t)], axis=1
    )
    tube("scroll", curl, 0.014, iron)
    outdoor_sky(38, 150, 0.12, 0.6)
    camera((-0.75, -3.4, 1.75), (0.0, 0.1, 3.42), 62, 2.8, focus=(0, -0.05, 3.4))
    return {"size_wh": (560, 700), "exposure": 0.0}


PICTURES = {"clock": clock_picture, "clock2": clock2_picture, "clock3": clock3_picture}
