"""Read car models of free games: AC3D files of TORCS, Wavefront files of Trigger Rally.

Axes after reading: x to the front, y to the left, z up, in metres, the ground at z = 0. Wheels are
no part of the models; where they belong stands in a file beside them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

UNLIKE_CARS = {"buggy", "car1-ow1", "baja-bug"}  # no roof, no doors, a texture hard to read
STREET_CARS = {"p406": 4, "155-DTM": 2}  # how many times each counts among the racing cars
RALLY_SCALE, RALLY_CLEARANCE = 1.14, 0.14  # its cars are smaller than life
INCH, MM = 0.0254, 0.001
NO_STREET = ("REARWING", "FRONTWING", "ANTENNA", "DRIVER")  # parts of racing cars
STRIP = 4  # the kind of an AC3D surface that is a strip of triangles


@dataclass(frozen=True)
class CarModel:
    """A car without its wheels.

    Attributes:
        name: Folder and file, as in `p406`.
        vertices: (N, 3) float, in metres.
        triangles: (M, 3) int, rows of `vertices`.
        uv: (M, 3, 2) float: where each corner lies on the texture.
        texture: The picture that is wrapped around it.
        wheels: (x, y, radius, width) of each wheel, in metres.
    """

    name: str
    vertices: NDArray[np.float64]
    triangles: NDArray[np.int64]
    uv: NDArray[np.float64]
    texture: Path
    wheels: tuple[tuple[float, float, float, float], ...]


def triangulate(corners: list[list[float]], *, strip: bool) -> Iterator[list[list[float]]]:
    """Gives the triangles of a strip, or of a convex polygon."""
    for i in range(2, len(corners)):
        if strip:
            first, second = (i - 2, i - 1) if i % 2 == 0 else (i - 1, i - 2)
            yield [corners[first], corners[second], corners[i]]
        else:
            yield [corners[0], corners[i - 1], corners[i]]


def _number(text: str, section: str, name: str) -> float:
    part = re.search(rf'<section name="{section}">(.*?)</section>', text, re.DOTALL)
    value = re.search(rf'name="{name}"[^>]*?val="([^"]+)"', part[1] if part else "")
    if value is None:
        raise ValueError(f"The description of a car must give `{name}` of `{section}`.")
    return float(value[1])


def _read_ac(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Gives vertices as in the file, triangles, and their texture coordinates."""
    lines = iter(path.read_text(errors="replace").splitlines())
    vertices: list[list[float]] = []
    triangles: list[list[list[float]]] = []
    first, kind, left_out = 0, 0, False
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "name":
            left_out = rest.strip('"').startswith(NO_STREET)
        elif word == "numvert":
            first = len(vertices)
            vertices += [[float(n) for n in next(lines).split()[:3]] for _ in range(int(rest))]
        elif word == "SURF":
            kind = int(rest, 16)
        elif word == "refs":
            corners = [[float(n) for n in next(lines).split()[:3]] for _ in range(int(rest))]
            corners = [[first + row, u, v] for row, u, v in corners]
            if not left_out:
                triangles += triangulate(corners, strip=kind & 15 == STRIP)
    found = np.array(triangles)
    return np.array(vertices), found[..., 0].astype(int), found[..., 1:]


def read_torcs(folder: Path) -> CarModel:
    """Reads a car of TORCS.

    Args:
        folder: The car's, such as `/usr/share/games/torcs/cars/p406`.

    Returns:
        The model.

    Raises:
        ValueError: The description beside it lacks a measure of the wheels.
    """
    vertices, triangles, uv = _read_ac(folder / f"{folder.name}.acc")
    text = (folder / f"{folder.name}.xml").read_text(errors="replace")
    wheels = []
    for end in ("Front", "Rear"):
        x = _number(text, f"{end} Axle", "xpos")
        for side in ("Right", "Left"):
            section = f"{end} {side} Wheel"
            width = _number(text, section, "tire width") * MM
            flank = width * _number(text, section, "tire height-width ratio")
            radius = _number(text, section, "rim diameter") * INCH / 2 + flank
            wheels.append((x, _number(text, section, "ypos"), radius, width))
    lift = _number(text, "Front Right Wheel", "ride height") * MM
    upright = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1] + lift], 1)
    texture = folder / f"{folder.name}.rgb"
    return _welded(CarModel(folder.name, upright, triangles, uv, texture, tuple(wheels)))


def read_rally(folder: Path) -> CarModel:
    """Reads a car of Trigger Rally.

    Args:
        folder: The car's, unpacked from the game's `data.zip`.

    Returns:
        The model.
    """
    text = (folder / f"{folder.name}.vehicle").read_text()
    body = re.search(r'\smodel="[^"]+"\s+scale="([\d.]+)"', text)
    scale = float(body[1] if body else 1) * RALLY_SCALE
    vertices: list[list[float]] = []
    places: list[list[float]] = []
    triangles: list[list[list[float]]] = []
    for line in (folder / f"{folder.name}.obj").read_text().splitlines():
        word, *rest = line.split() or [""]
        if word == "v":
            vertices.append([float(n) for n in rest])
        elif word == "vt":
            places.append([float(n) for n in rest[:2]])
        elif word == "f":
            pairs = [[int(n) - 1 for n in corner.split("/")[:2]] for corner in rest]
            triangles += triangulate([[v, *places[t]] for v, t in pairs], strip=False)
    corners = np.array(triangles)
    x, y, z = np.array(vertices).T * scale
    upright = np.stack([y, -x, z - z.min() + RALLY_CLEARANCE], 1)
    wheels = []
    for place, radius in re.findall(r'<wheel[^>]*?pos="([^"]+)" radius="([\d.]+)"', text):
        side, front, _ = (float(n) * RALLY_SCALE for n in place.split(","))
        wheels.append((front, -side, float(radius) * RALLY_SCALE, 0.2))
    faces = corners[..., 0].astype(int)
    texture = folder / f"{folder.name}.png"
    return _welded(CarModel(folder.name, upright, faces, corners[..., 1:], texture, tuple(wheels)))


def _welded(model: CarModel) -> CarModel:
    """Joins vertices at the same place, so that light runs smoothly over them."""
    corners = model.vertices[model.triangles].reshape(-1, 3).round(4)
    rounded, rows = np.unique(corners, axis=0, return_inverse=True)
    triangles = rows.reshape(-1, 3)
    a, b, c = triangles.T
    whole = (a != b) & (b != c) & (a != c)
    return replace(model, vertices=rounded, triangles=triangles[whole], uv=model.uv[whole])


def read_models(torcs: Path, rally: Path | None) -> list[CarModel]:
    """Reads all models that look like cars.

    Args:
        torcs: The folder of all cars of TORCS.
        rally: The folder of all cars of Trigger Rally, if there is one.
    """
    folders = [
        path.parent for path in sorted(torcs.glob("*/*.acc")) if path.stem == path.parent.name
    ]
    models = [read_torcs(folder) for folder in folders if folder.name not in UNLIKE_CARS]
    models = [model for model in models for _ in range(STREET_CARS.get(model.name, 1))]
    folders = sorted(path.parent for path in rally.glob("*/*.vehicle")) if rally else []
    return models + [read_rally(folder) for folder in folders]


def bent(rng: np.random.Generator, model: CarModel) -> CarModel:
    """Gives another car of a model: longer, taller, with another cabin or a steeper rear.

    So a saloon becomes an estate or something between a car and a van, and a racing car loses some
    of its flatness.
    """
    x, y, z = model.vertices.T.copy()
    top, belt = z.max(), z.max() * 0.62
    length = x.max() - x.min()
    above = ((z - belt) / (top - belt)).clip(0, 1)
    steeper, forward = (rng.uniform(0, limit) * (rng.random() < 0.5) for limit in (0.75, 0.35))
    x -= steeper * above * (-(x - x.mean()) / length * 3).clip(0, 1)
    x += forward * above * ((x - x.mean()) / length * 3).clip(0, 1)
    x = x.clip(model.vertices[:, 0].min(), model.vertices[:, 0].max())
    z += rng.uniform(0.0, 0.35) * above
    stretch = np.array([rng.uniform(0.88, 1.06), rng.uniform(0.95, 1.03), rng.uniform(0.95, 1.18)])
    wheels = tuple(
        (wx * stretch[0], wy * stretch[1], radius * stretch[2], width)
        for wx, wy, radius, width in model.wheels
    )
    return replace(model, vertices=np.stack([x, y, z], 1) * stretch, wheels=wheels)
