"""The hard picture and the one without any of the classes."""

from __future__ import annotations

import math

import numpy as np
from clocks import clock
from fruit import apple, banana, orange
from fruit_pictures import put
from kitchen import bottle, glowing_window, jar, plant, shelf
from mesh import box, curve, join_to, lathe, tube
from nodes import Shader, plain, srgb
from room import cloth, plate, pottery, table, wall, window_light
from scene import ambient, area_light, camera


def teapot(radius_m: float, glaze):
    """A round teapot standing on z = 0, spout towards +x."""
    r = radius_m
    body = [
        (0.0, 0.03), (0.5, 0.02), (0.56, 0.0), (0.62, 0.02), (0.86, 0.28), (1.0, 0.72),
        (0.93, 1.12), (0.68, 1.42), (0.50, 1.52), (0.49, 1.56), (0.40, 1.56), (0.0, 1.56),
    ]  # fmt: skip
    lid = [
        (0.47, 1.55), (0.47, 1.60), (0.36, 1.69), (0.14, 1.77), (0.07, 1.80), (0.06, 1.84),
        (0.13, 1.90), (0.12, 1.98), (0.0, 2.02),
    ]  # fmt: skip
    pot = lathe("teapot", np.abs(curve(body, 120)) * r + [1e-4, 0], glaze, 128)
    top = lathe("lid", np.abs(curve(lid, 80)) * r + [1e-4, 0], glaze, 96)
    spout = (
        curve(
            [(0.80, 0, 0.50), (1.12, 0, 0.62), (1.36, 0, 0.98), (1.50, 0, 1.32), (1.66, 0, 1.42)],
            50,
        )
        * r
    )
    neck = tube(
        "spout",
        spout,
        np.interp(np.linspace(0, 1, 50), [0, 0.4, 1], [0.30, 0.19, 0.105]) * r,
        glaze,
    )
    neck.modifiers.new("thick", "SOLIDIFY").thickness = 0.03 * r
    bow = (
        curve(
            [
                (-0.86, 0, 1.18),
                (-1.18, 0, 1.36),
                (-1.50, 0, 1.22),
                (-1.52, 0, 0.86),
                (-1.25, 0, 0.52),
                (-0.93, 0, 0.42),
            ],
            60,
        )
        * r
    )
    return join_to(pot, top, neck, tube("handle", bow, 0.085 * r, glaze))


def cup(radius_m: float, glaze):
    """A cup of tea on a saucer."""
    r = radius_m
    wall_ = [
        (0.0, 0.12), (0.45, 0.12), (0.5, 0.10), (0.55, 0.14), (0.82, 0.5), (0.96, 1.1), (1.0, 1.42),
        (0.97, 1.44), (0.94, 1.38), (0.90, 1.1), (0.76, 0.55), (0.4, 0.2), (0.0, 0.18),
    ]  # fmt: skip
    body = lathe("cup", np.abs(curve(wall_, 100)) * r + [1e-4, 0], glaze, 96)
    tea = plain("tea", "6b2f0c", 0.04, Transmission_Weight=0.2)
    surface = lathe("tea", np.array([(0.918 * r, 1.2 * r), (1e-4, 1.2 * r)]), tea, 64)
    bow = (
        curve(
            [(0.93, 0, 1.22), (1.28, 0, 1.26), (1.42, 0, 0.95), (1.2, 0, 0.62), (0.84, 0, 0.56)], 40
        )
        * r
    )
    return join_to(body, surface, plate(1.75 * r), tube("handle", bow, 0.075 * r, glaze))


def none_picture():
    """Tea by the window: a teapot, a cup, books and a plant, and nothing that nano knows."""
    table("b08a5e", "6a4728")
    wall("c2c7bd", 1.5)
    glowing_window((-0.55, 1.42, 0.62), (1.0, 1.2), 4.5)
    cloth((0.5, 0.34), (-0.01, -0.02), -0.12, "dcd6c6", "7d8b78", 6)
    pot = teapot(0.068, pottery("celadon", "8fa9a3", "54605c"))
    put(pot, -0.05, 0.02, 0.006, turn=0.35)
    put(cup(0.038, pottery("white", "ece7db", "a8947c")), 0.125, -0.085, 0.006, turn=-0.5)
    stack = [
        ("34506a", 0.0, 0.034, 0.15),
        ("b7a27c", 0.034, 0.026, -0.06),
        ("74423a", 0.060, 0.030, 0.24),
    ]
    for colour, z, thick, turn in stack:
        put(book(thick, colour), 0.25, 0.20, z, turn=turn)
    plant((-0.33, 0.26, 0.0), 0.36, 21, "cbbfa8", 44)
    window_light((-0.9, 0.0, 0.75), (0, 0, 0.06), watts=30)
    area_light((1.0, -0.8, 0.9), (0, 0, 0), (1, 1), 5, "ffe7c8")
    camera((0.06, -0.86, 0.34), (0.0, 0.0, 0.075), 55, 4.0, focus=(-0.03, -0.04, 0.07))
    return {"size_wh": (800, 600), "exposure": 0.75}


def book(thick_m: float, colour: str):
    """A closed book lying on z = 0: cover boards around a block of pages."""
    board = plain("cover", colour, 0.65)
    s = Shader("pages", Roughness=0.9)
    lines = s.math("SINE", s.math("MULTIPLY", s.separate(s.coordinates())[2], 9000.0))
    s.surface(Base_Color=s.ramp(lines, (0.0, srgb("cfc4ac")), (1.0, srgb("e9e1cd"))))
    block = box("book", (0.145, 0.205, thick_m - 0.006), (0, 0, 0), s.material)
    boards = [
        box("board", (0.155, 0.215, 0.003), (0, 0, sign * (thick_m / 2 - 0.0015)), board, 0.001)
        for sign in (-1, 1)
    ]
    spine = box("spine", (0.003, 0.215, thick_m), (-0.077, 0, 0), board, 0.001)
    join_to(block, *boards, spine)
    for vertex in block.data.vertices:
        vertex.co.z += thick_m / 2
    for part in (*boards, spine):
        part.location.z += thick_m / 2
    return block


def hard_picture():
    """Evening in the kitchen: small fruit half hidden in clutter, lamp light against dusk."""
    table("8f6a48", "4a2f1c")
    wall("8d8a86", 1.5)
    glowing_window((-0.7, 1.42, 0.62), (1.0, 1.2), 0.8, "8296c4")
    shelf(1.36, 0.24, 0.85, 1.1, 3)
    dial = clock(0.085, plain("case", "2b2b2b", 0.4), time=(8, 47, None))
    dial.location, dial.rotation_euler = (0.12, 1.44, 0.35), (math.pi / 2, 0, 0)
    ambient("5a6f9a", 0.22)
    put(apple("braeburn", 0.037, 41), -0.30, 0.10, 0.0, (0.2, 0.3), 1.0)
    put(apple("green", 0.036, 42), -0.21, 0.30, 0.0, (0.1, -0.2), 2.0)
    put(apple("red", 0.037, 43), 0.33, 0.28, 0.0, (-0.2, 0.2), 3.0)
    put(orange(0.039, 44), 0.10, 0.33, 0.0, (0.4, 0.2), 1.0)
    put(orange(0.038, 45), 0.165, 0.27, 0.0, (-0.4, 0.5), 2.0)
    put(orange(0.040, 46), -0.44, 0.26, 0.0, (0.9, 0.1), 0.5)
    lying = banana(0.18, 1.1, 47, 0.35)
    put(lying, -0.02, 0.14, 0.0, (math.pi / 2, 0.0), 0.5)
    bottle((-0.33, 0.04, 0.0), 0.30, "5f7a4c")
    bottle((0.13, 0.20, 0.0), 0.27, "8a5a2a")
    jar((-0.17, 0.22, 0.0), 0.17, "7f97a0")
    jar((0.40, 0.20, 0.0), 0.15, "d9d2c0")
    put(teapot(0.06, pottery("brown", "6b4a35", None)), 0.27, 0.40, 0.0, turn=2.6)
    put(book(0.035, "34506a"), 0.30, 0.02, 0.0, turn=0.4)
    put(book(0.028, "8a3a2a"), 0.31, 0.02, 0.035, turn=0.15)
    put(cup(0.036, pottery("white", "ece7db", "a8947c")), -0.08, -0.02, 0.0, turn=0.6)
    plant((-0.60, 0.42, 0.0), 0.42, 33, "a65a3a", 44)
    area_light((0.75, 0.45, 0.62), (0.0, 0.15, 0.0), (0.2, 0.2), 14, "ffbe80")
    area_light((-0.9, -0.9, 0.9), (0, 0.2, 0), (0.8, 0.8), 5, "9db4e0")
    area_light((-0.8, 1.2, 0.8), (0, 0.2, 0), (0.9, 1.0), 12, "8fabdc")
    camera((0.08, -1.05, 0.56), (0.0, 0.25, 0.115), 42, 3.5, focus=(0, 0.15, 0.05))
    return {"size_wh": (720, 520), "exposure": 1.0}


PICTURES = {"hard": hard_picture, "none": none_picture}
