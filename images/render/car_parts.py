"""Wheels, lamps, mirrors, handles and plates: what is screwed onto the skin of a car."""

from __future__ import annotations

import math

import bpy
import numpy as np
from car_shape import Shape, Skin
from mesh import add_object, box, curve, grid, join_to, lathe, tube
from nodes import Shader, brushed_metal, clear_glass, plain, srgb


def wheel(radius: float, width: float = 0.205):
    """A tyre on a ten-spoke alloy rim; the axle along y, the outside at -y."""
    rubber = Shader("rubber", Base_Color=srgb("161617"), Roughness=0.75)
    a, _, _ = rubber.separate(rubber.coordinates("UV"))
    rubber.bump(rubber.math("SINE", rubber.math("MULTIPLY", a, 700.0)), 0.2, 0.002)
    rim_radius = 0.69 * radius
    w = width / 2
    outline = [
        (rim_radius, -0.80 * w), (rim_radius + 0.012, -0.93 * w), (0.86 * radius, -1.0 * w),
        (0.955 * radius, -0.88 * w), (0.995 * radius, -0.6 * w), (radius, 0),
        (0.995 * radius, 0.6 * w), (0.955 * radius, 0.88 * w), (0.86 * radius, w),
        (rim_radius, 0.8 * w),
    ]  # fmt: skip
    tyre = lathe("tyre", curve(outline, 90), rubber.material, 128)
    alloy = brushed_metal("b9bcc0", 0.22)
    dark = plain("well", "0b0b0c", 0.8)
    lip = [
        (rim_radius * 0.90, 0.3 * w),
        (rim_radius * 0.93, -0.62 * w),
        (rim_radius * 0.97, -0.84 * w),
        (rim_radius * 1.01, -0.90 * w),
        (rim_radius * 1.035, -0.86 * w),
    ]
    parts = [lathe("lip", curve(lip, 40), alloy, 96)]
    parts.append(
        lathe("disc", np.array([(rim_radius * 0.94, 0.25 * w), (0.001, 0.25 * w)]), dark, 48)
    )
    parts.append(
        lathe(
            "brake",
            np.array([(rim_radius * 0.72, -0.02 * w), (0.25 * rim_radius, -0.02 * w), (0.02, 0.0)]),
            brushed_metal("77797c", 0.35),
            64,
        )
    )
    hub = [
        (rim_radius * 0.24, 0.0),
        (rim_radius * 0.23, -0.50 * w),
        (rim_radius * 0.16, -0.60 * w),
        (0.001, -0.62 * w),
    ]
    parts.append(lathe("hub", curve(hub, 24), alloy, 48))
    for k in range(10):
        # Spokes come in pairs that open towards the rim.
        a = (k // 2) * 2 * math.pi / 5 + (0.17 if k % 2 else -0.17)
        b = (k // 2) * 2 * math.pi / 5 + (0.27 if k % 2 else -0.27)
        start = np.array(
            [0.16 * rim_radius * math.sin(a), 0.16 * rim_radius * math.cos(a), -0.52 * w]
        )
        end = np.array(
            [0.965 * rim_radius * math.sin(b), 0.965 * rim_radius * math.cos(b), -0.74 * w]
        )
        flat = np.array(
            [
                (0.55 * math.cos(t), math.sin(t))
                for t in np.linspace(0, 2 * math.pi, 24, endpoint=False)
            ]
        )
        parts.append(
            tube(
                "spoke",
                curve([start, 0.5 * (start + end) + [0, 0, -0.02 * w], end], 14),
                np.linspace(0.030, 0.022, 14),
                alloy,
                flat,
            )
        )
    join_to(tyre, *parts)
    tyre.rotation_euler = (-math.pi / 2, 0, 0)
    holder = add_object("wheel", None)
    tyre.parent = holder
    return holder


def patch(name: str, skin: Skin, corners, sign: int, material, lift_m: float = 0.006):
    """A piece of surface following nose or tail: `corners` are (y, z) bottom, in, top, out."""
    c = np.array(corners, float)
    u, v = np.meshgrid(np.linspace(0, 1, 26), np.linspace(0, 1, 14))
    yz = (
        ((1 - u) * (1 - v))[..., None] * c[0]
        + (u * (1 - v))[..., None] * c[1]
        + (u * v)[..., None] * c[2]
        + ((1 - u) * v)[..., None] * c[3]
    )
    x = np.vectorize(lambda y, z: skin.end(y, z, sign))(yz[..., 0], yz[..., 1])
    return grid(
        name, np.concatenate([x[..., None] + sign * lift_m, yz], axis=-1), material, closed=False
    )


def well(shape: Shape, x_m: float, sign: int, material):
    """The dark inside of a wheel arch: half a drum, closed towards the middle of the car."""
    a = np.radians(np.linspace(-12, 192, 50))
    rim = shape.arch_radius + 0.015
    rows = [
        np.column_stack(
            [x_m + r * np.cos(a), sign * y + 0 * a, shape.wheel_radius + 0.01 + r * np.sin(a)]
        )
        for r, y in ((0.001, 0.46), (rim, 0.46), (rim, shape.half_width - 0.055))
    ]
    return grid("well", np.array(rows), material, closed=False)


def running_gear(shape: Shape, skin: Skin) -> list:
    """Four wheels in dark wells with lips around them, and a floor under the car."""
    dark = plain("underbody", "060606", 0.9)
    black = plain("lip", "0d0d0e", 0.5)
    track = shape.half_width - 0.125
    pieces = [box("floor", (3.6, 1.3, 0.25), (0, 0, 0.34), dark)]
    for x in shape.wheels:
        for sign in (-1, 1):
            item = wheel(shape.wheel_radius)
            item.location = (x, sign * track, shape.wheel_radius)
            item.rotation_euler = (0, 0.4 + x + sign, 0 if sign < 0 else math.pi)
            pieces.append(well(shape, x, sign, dark))
            a = np.radians(np.linspace(-14, 194, 60))
            xs, zs = (
                x + shape.arch_radius * np.cos(a),
                shape.wheel_radius + 0.01 + shape.arch_radius * np.sin(a),
            )
            ys = [sign * (skin.side(p, q) - 0.004) for p, q in zip(xs, zs, strict=True)]
            pieces += [item, tube("lip", np.column_stack([xs, ys, zs]), 0.010, black)]
    return pieces


def lamps(skin: Skin, shape: Shape) -> list:
    """Head lamps with projector lenses behind clear covers, and red tail lamps."""
    silver = plain("reflector", "8d9196", 0.18, Metallic=0.9)
    dark = plain("lamp house", "17181a", 0.25)
    lens = plain("lens", "eef3f8", 0.03, Metallic=0.6, Coat_Weight=1.0)
    red = plain("tail lamp", "8e0b10", 0.12, Coat_Weight=1.0)
    glow = Shader("day light", Emission_Color=(1, 1, 1, 1), Emission_Strength=2.5).material
    pieces = []
    for side in (-1, 1):

        def corners(points, side=side):
            return [(side * y, z) for y, z in points]

        head = [(0.53, 0.602), (0.80, 0.618), (0.815, 0.712), (0.56, 0.690)]
        pieces.append(patch("lamp", skin, corners(head), -1, dark, 0.003))
        pieces.append(
            patch(
                "chrome",
                skin,
                corners([(0.54, 0.604), (0.80, 0.620), (0.80, 0.632), (0.545, 0.616)]),
                -1,
                glow,
                0.006,
            )
        )
        for y, size in ((0.605, 0.030), (0.69, 0.034), (0.765, 0.028)):
            ball = lathe(
                "lens",
                curve([(0.0, -1), (0.7, -0.7), (1, 0), (0.7, 0.7), (0.0, 1)], 30) * size
                + [1e-5, 0],
                lens,
                32,
            )
            ball.location = (skin.end(y, 0.66, -1) + 0.012, side * y, 0.66)
            ring = lathe(
                "ring",
                curve([(1.0, 0), (1.15, 0.1), (1.2, 0.0), (1.1, -0.1)], 20) * size,
                silver,
                32,
            )
            ring.location = (skin.end(y, 0.66, -1) - 0.003, side * y, 0.66)
            ring.rotation_euler = (0, math.pi / 2, side * 0.5 * (y - 0.5))
            pieces += [ball, ring]
        pieces.append(patch("cover", skin, corners(head), -1, clear_glass(), 0.022))
        pieces.append(
            patch(
                "tail",
                skin,
                corners([(0.46, 0.76), (0.70, 0.765), (0.69, 0.865), (0.48, 0.86)]),
                1,
                red,
                0.010,
            )
        )
    return pieces


def fittings(skin: Skin, colour: str, plate: str) -> list:
    """Mirrors, door handles, grille bars and number plates."""
    paint = plain("mirror paint", colour, 0.3, Metallic=0.4, Coat_Weight=1.0)
    black = plain("plastic", "111112", 0.5)
    chrome = brushed_metal("c9ccd0", 0.08)
    white = plain("plate", "eeeee8", 0.4)
    pieces = []
    for side in (-1, 1):
        cap = lathe(
            "mirror",
            curve([(0.0, -1), (0.75, -0.72), (1, 0), (0.8, 0.65), (0.0, 0.8)], 40) + [1e-4, 0],
            paint,
            48,
        )
        cap.scale, cap.location = (0.075, 0.105, 0.070), (-0.60, side * 0.955, 1.015)
        foot = np.array(
            [(-0.58, side * 0.80, 0.955), (-0.585, side * 0.86, 0.965), (-0.59, side * 0.92, 0.985)]
        )
        pieces += [cap, tube("arm", foot, 0.022, black)]
        for x, z in ((0.17, 0.845), (1.00, 0.865)):
            y = side * (skin.side(x, z) + 0.018)
            bow = [
                (x - 0.10, y - side * 0.02, z),
                (x - 0.08, y, z),
                (x + 0.08, y, z),
                (x + 0.10, y - side * 0.02, z),
            ]
            pieces.append(tube("handle", curve(bow, 24), 0.012, paint))
    for z in (0.612, 0.640, 0.668):
        ys = np.linspace(-0.46, 0.46, 40)
        bar = np.array([(skin.end(y, z, -1) - 0.004, y, z) for y in ys])
        pieces.append(tube("grille", bar, 0.006, chrome))
    for sign, z in ((-1, 0.475), (1, 0.60)):
        at = (skin.end(0, z, sign) + sign * 0.012, 0, z)
        pieces.append(box("plate", (0.01, 0.50, 0.11), at, white, 0.003))
        data = bpy.data.curves.new("number", "FONT")
        data.body, data.size, data.align_x, data.align_y = plate, 0.105, "CENTER", "CENTER"
        text = add_object("number", data, black)
        text.location = (at[0] + sign * 0.0065, 0, z)
        text.rotation_euler = (math.pi / 2, 0, sign * math.pi / 2)
        pieces.append(text)
    return pieces
