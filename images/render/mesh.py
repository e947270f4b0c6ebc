"""Meshes from numbers: surfaces of revolution, tubes along a line, boxes, cloths.

Lengths are metres, z points up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bpy
import numpy as np

Array = np.ndarray


def curve(points: Sequence[Sequence[float]], count: int) -> Array:
    """A smooth line through `points` (Catmull-Rom), as an array `(count, dimensions)`."""
    p = np.asarray(points, float)
    p = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0, len(points) - 1 - 1e-9, count)
    i = t.astype(int)
    s = (t - i)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return 0.5 * (
        2 * b + (c - a) * s + (2 * a - 5 * b + 4 * c - d) * s**2 + (3 * (b - c) + d - a) * s**3
    )


def add_object(name: str, data: bpy.types.ID, material: bpy.types.Material | None = None):
    """Put mesh, curve or light `data` into the scene."""
    item = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(item)
    if material is not None:
        item.data.materials.append(material)
    return item


def solid(name, vertices, faces, material=None, smooth=False):
    """An object of any vertices `(n, 3)` and faces (lists of indices)."""
    data = bpy.data.meshes.new(name)
    data.from_pydata([tuple(map(float, v)) for v in vertices], [], [list(f) for f in faces])
    data.update()
    if smooth:
        data.shade_smooth()
    return add_object(name, data, material)


def grid(name, points: Array, material=None, closed: bool = True):
    """A smooth surface over points `(rows, columns, 3)`; `closed` joins last and first column.

    The UV map holds (column, row), both from 0 to 1.
    """
    rows, columns, _ = points.shape
    spans = columns if closed else columns - 1
    faces, uv = [], []
    for i in range(rows - 1):
        for j in range(spans):
            k = (j + 1) % columns
            faces.append(
                (i * columns + j, i * columns + k, (i + 1) * columns + k, (i + 1) * columns + j)
            )
            u0, u1, v0, v1 = j / spans, (j + 1) / spans, i / (rows - 1), (i + 1) / (rows - 1)
            uv += [u0, v0, u1, v0, u1, v1, u0, v1]
    item = solid(name, points.reshape(-1, 3), faces, material, smooth=True)
    item.data.uv_layers.new(name="UVMap").data.foreach_set("uv", uv)
    return item


def lathe(name, profile: Array, material=None, segments: int = 96, deform: Callable | None = None):
    """Turn a profile `(n, 2)` of (radius, height), listed bottom to top outside, about z.

    `deform(points, angle, along)` may move the points afterwards; `along` runs from 0 to 1.
    """
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)[None, :]
    radius, height = profile[:, :1], profile[:, 1:]
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), height + 0 * angle], axis=-1)
    if deform is not None:
        along = np.linspace(0, 1, len(profile))[:, None]
        points = deform(points, angle, along)
    return grid(name, points, material)


def tube(name, spine: Array, radius, material=None, section: Array | None = None):
    """Sweep a section along a line.

    Args:
        name: Name of the object.
        spine: The middle line, `(n, 3)`.
        radius: One radius or one per point of the spine.
        material: What it is made of.
        section: `(m, 2)` outline of unit size; a circle when left out.
    """
    if section is None:
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        section = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    tangent = np.gradient(spine, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross(tangent[0], [0.3, 1.0, 0.2])
    radius = np.broadcast_to(np.asarray(radius, float), (len(spine),))
    rows = []
    for centre, along, r in zip(spine, tangent, radius, strict=True):
        # Carrying the same side vector along keeps the section from twisting.
        side = side - along * np.dot(side, along)
        side /= np.linalg.norm(side)
        up = np.cross(along, side)
        rows.append(centre + r * (section[:, :1] * side + section[:, 1:] * up))
    return grid(name, np.array(rows), material)


def box(name, size, centre=(0, 0, 0), material=None, bevel_m: float = 0.0):
    """A box with rounded edges."""
    half = np.asarray(size, float) / 2
    corners = [
        (x, y, z)
        for x in (-half[0], half[0])
        for y in (-half[1], half[1])
        for z in (-half[2], half[2])
    ]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    item = solid(name, corners, faces, material)
    item.location = centre
    if bevel_m:
        add_bevel(item, bevel_m)
    return item


def add_bevel(item, width_m: float, segments: int = 3) -> None:
    """Round the sharp edges of an object."""
    bevel = item.modifiers.new("bevel", "BEVEL")
    bevel.width, bevel.segments, bevel.limit_method = width_m, segments, "ANGLE"
    bevel.harden_normals = False
    item.data.shade_smooth()
    item.modifiers.new("normals", "WEIGHTED_NORMAL")


def add_subdivision(item, levels: int = 2) -> None:
    """Smooth an object by Catmull-Clark subdivision."""
    modifier = item.modifiers.new("subdivision", "SUBSURF")
    modifier.levels = modifier.render_levels = levels
    item.data.shade_smooth()


def join_to(parent, *children):
    """Make `children` move with `parent`; gives the parent."""
    for child in children:
        child.parent = parent
    return parent


def value_noise(points: Array, scale: float, seed: int) -> Array:
    """Smooth noise in [-1, 1] for points `(..., 3)`: a sum of a few random waves."""
    rng = np.random.default_rng(seed)
    total = np.zeros(points.shape[:-1])
    for _ in range(6):
        direction = rng.normal(size=3) * scale
        total += np.sin(points @ direction + rng.uniform(0, 2 * np.pi))
    return total / 6
