"""A street for cars: asphalt, kerb, pavement, hedges, trees and houses."""

from __future__ import annotations

import numpy as np
from mesh import box, curve, solid, tube
from nodes import Shader, plain, srgb


def asphalt():
    """Grey road with grit, worn tracks and a few damp patches."""
    s = Shader("asphalt")
    place = s.coordinates()
    grit = s.noise(place, 160, 4, 0.7)
    worn = s.noise(s.scaled(place, (0.25, 1.2, 1)), 1.3, 5, 0.6)
    stone = s.ramp(s.cells(place, 95), (0.15, 1.0), (0.5, 0.0))
    tint = s.mix(s.ramp(grit, (0.35, 0.0), (0.65, 1.0)), srgb("3b3b3d"), srgb("6a6966"))
    tint = s.mix(s.math("MULTIPLY", stone, 0.25), tint, srgb("8d8b86"))
    tint = s.mix(s.ramp(worn, (0.4, 0.0), (0.65, 0.5)), tint, srgb("4a4948"))
    s.surface(Base_Color=tint, Roughness=s.ramp(worn, (0.35, 0.65), (0.6, 0.9)))
    s.bump(stone, 0.4, 0.004)
    s.bump(grit, 0.5, 0.003)
    return s.material


def paving(width_m: float = 0.5):
    """Concrete slabs."""
    s = Shader("paving", Roughness=0.9)
    place = s.coordinates()
    inputs = {
        "Vector": place, "Scale": 1.0, "Brick Width": width_m, "Row Height": width_m,
        "Mortar Size": 0.008, "Color1": srgb("a39d92"), "Color2": srgb("8f8a80"),
        "Mortar": srgb("4c4943"),
    }  # fmt: skip
    node = s.add("TexBrick", inputs)
    dirt = s.noise(place, 3, 6, 0.65)
    s.surface(
        Base_Color=s.mix(
            s.ramp(dirt, (0.4, 0.0), (0.8, 0.6)), node.outputs["Color"], srgb("6e685d")
        )
    )
    s.bump(node.outputs["Fac"], -0.5, 0.008)
    return s.material


def road(length_m: float = 60, depth_m: float = 7, kerb_y: float = 1.5) -> None:
    """Road in front of, pavement behind a kerb along y = `kerb_y`."""
    box("road", (length_m, depth_m + 12, 0.1), (0, kerb_y - (depth_m + 12) / 2, -0.05), asphalt())
    stone = paving(0.9)
    box("kerb", (length_m, 0.14, 0.24), (0, kerb_y + 0.07, 0.0), stone, 0.015)
    box("pavement", (length_m, 2.6, 0.22), (0, kerb_y + 1.44, 0.0), paving())


def foliage_material(colour: str, other: str):
    """Leaves that let some light through."""
    s = Shader("foliage", Roughness=0.55)
    tint = s.mix(s.add("NewGeometry").outputs["Random Per Island"], srgb(colour), srgb(other))
    s.surface(Base_Color=tint)
    shine = s.add("BsdfTranslucent", {"Color": tint}).outputs[0]
    both = s.add("MixShader", {0: 0.35, 1: s.bsdf.outputs[0], 2: shine}).outputs[0]
    s.tree.links.new(both, s.tree.nodes["Material Output"].inputs["Surface"])
    return s.material


def leaves(centre, size_m, count: int, leaf_m: float, material, seed: int, boxy: bool = False):
    """Many loose leaves filling an ellipsoid, or a block for a clipped hedge."""
    rng = np.random.default_rng(seed)
    at = rng.normal(size=(count, 3))
    at /= np.linalg.norm(at, axis=1, keepdims=True)
    at *= rng.uniform(0.45, 1.0, (count, 1)) ** 0.5
    if boxy:
        at = rng.uniform(-1, 1, (count, 3))
        at[:, 1] = -(np.abs(at[:, 1]) ** 0.3)
    # Clumps make light and dark places.
    clump = np.sin(at * 5.1 + seed).sum(axis=1) + np.sin(at[:, [1, 2, 0]] * 8.3).sum(axis=1)
    at = at[clump > -1.6] * (1 + 0.04 * clump[clump > -1.6, None] * (not boxy))
    at = at * np.asarray(size_m) / 2 + centre
    n = len(at)
    a, b = rng.normal(size=(2, n, 3))
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    b -= a * (a * b).sum(axis=1, keepdims=True)
    b *= 0.5 / np.linalg.norm(b, axis=1, keepdims=True)
    size = leaf_m * rng.uniform(0.6, 1.3, (n, 1)) / 2
    corners = np.stack([at - a * size, at + b * size, at + a * size, at - b * size], axis=1)
    faces = np.arange(4 * n).reshape(n, 4)
    return solid("leaves", corners.reshape(-1, 3), faces, material)


def tree(place, height_m: float, seed: int, colour: str = "4f7a2c", other: str = "7f9c3e") -> None:
    """A street tree: trunk, a few boughs, a crown of leaves."""
    x, y, _ = place
    bark = plain("bark", "4a3d30", 0.95)
    tube(
        "trunk",
        curve([(x, y, 0), (x + 0.05, y, 0.4 * height_m), (x, y, 0.8 * height_m)], 12),
        np.linspace(0.15, 0.06, 12),
        bark,
    )
    material = foliage_material(colour, other)
    rng = np.random.default_rng(seed)
    for _ in range(7):
        centre = (
            np.array([x, y, 0.68 * height_m]) + rng.uniform(-1, 1, 3) * [0.22, 0.2, 0.16] * height_m
        )
        leaves(
            centre,
            rng.uniform(0.3, 0.5, 3) * height_m,
            2600,
            0.14,
            material,
            int(rng.integers(999)),
        )


def hedge(x0: float, x1: float, y_m: float, height_m: float, seed: int = 1) -> None:
    """A clipped hedge along x."""
    middle, length = (x0 + x1) / 2, x1 - x0
    box(
        "hedge core",
        (length, 0.5, height_m - 0.05),
        (middle, y_m + 0.1, height_m / 2),
        plain("shade", "18220f", 1.0),
    )
    material = foliage_material("35561f", "5c7d33")
    leaves(
        (middle, y_m, height_m / 2),
        (length, 0.8, height_m + 0.1),
        int(2600 * length),
        0.06,
        material,
        seed,
        boxy=True,
    )


def house(x_m: float, y_m: float, width_m: float, paint: str, floors: int = 3) -> None:
    """The front of a town house with a row of windows on every floor."""
    s = Shader("render", Roughness=0.9)
    place = s.coordinates()
    s.surface(
        Base_Color=s.mix(
            s.ramp(s.noise(place, 0.7, 6), (0.35, 0.0), (0.8, 0.5)), srgb(paint), srgb("9a8f80")
        )
    )
    height = 3.1 * floors
    box("house", (width_m, 1, height), (x_m, y_m + 0.5, height / 2), s.material)
    base = plain("base", "6f6a63", 0.9)
    box("base", (width_m, 0.08, 0.7), (x_m, y_m - 0.02, 0.35), base)
    pane = plain("pane", "11181f", 0.06, Coat_Weight=1.0)
    white = plain("sash", "e9e5dc", 0.5)
    count = max(2, round(width_m / 2.2))
    for k in range(count):
        x = x_m - width_m / 2 + (k + 0.5) * width_m / count
        for floor in range(floors):
            z = 1.75 + 3.0 * floor
            box("pane", (1.0, 0.06, 1.5), (x, y_m - 0.02, z), pane)
            box("sill", (1.3, 0.24, 0.1), (x, y_m - 0.1, z - 0.82), white, 0.01)
            for dx in (-0.52, 0.0, 0.52):
                box("sash", (0.07, 0.08, 1.55), (x + dx, y_m - 0.04, z), white)
            for dz in (-0.76, 0.15, 0.76):
                box("sash", (1.1, 0.09, 0.07), (x, y_m - 0.045, z + dz), white)
