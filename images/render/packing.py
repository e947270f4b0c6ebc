"""Let fruit fall into a bowl: rigid clusters of balls under gravity, by shape matching.

Each body is a fixed cloud of balls. In every step all balls fall, are pushed apart and out of the
bowl and the table, and then each body takes the rotation and place that fits its balls best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mathutils import Matrix

Array = np.ndarray


@dataclass
class Body:
    """An object to drop: its balls `(n, 3)` with radii `(n,)`, and where they are now."""

    item: object
    balls: Array
    radii: Array
    now: Array
    speed: Array


def drop(item, balls, radii, place, rotation: Array) -> Body:
    """A body about to fall from `place`, turned by a 3x3 `rotation`."""
    balls = np.atleast_2d(np.asarray(balls, float))
    radii = np.broadcast_to(np.asarray(radii, float), (len(balls),)).copy()
    return Body(item, balls, radii, balls @ rotation.T + place, np.zeros_like(balls))


def random_rotation(rng: np.random.Generator, tilt: float) -> Array:
    """Any turn about z, tipped over by up to `tilt` radians."""
    turn = Matrix.Rotation(rng.uniform(0, 6.28), 3, "Z")
    axis = (np.cos(a := rng.uniform(0, 6.28)), np.sin(a), 0)
    return np.array(Matrix.Rotation(rng.uniform(0, tilt), 3, axis) @ turn)


def settle(bodies: list[Body], bowl: Array | None, steps: int = 600) -> None:
    """Let all bodies come to rest, then move their objects there.

    Args:
        bodies: What falls, from the places where it was put.
        bowl: Inside of a bowl as `(n, 2)` radii and heights from its middle to its rim; without it
            there is only the table at z = 0.
        steps: Time steps; 600 are enough for twenty fruits.
    """
    owner = np.concatenate([[i] * len(b.balls) for i, b in enumerate(bodies)])
    radii = np.concatenate([b.radii for b in bodies])
    apart = owner[:, None] != owner[None, :]
    reach = radii[:, None] + radii[None, :]
    for _ in range(steps):
        before = np.concatenate([b.now for b in bodies])
        place = before + 0.90 * np.concatenate([b.speed for b in bodies])
        place[:, 2] -= 0.00009
        for _ in range(4):
            _push_apart(place, reach, apart)
            _push_inside(place, radii, bowl)
            place = _rigid(bodies, place, owner)
        for i, body in enumerate(bodies):
            body.speed = np.clip(place[owner == i] - body.now, -0.004, 0.004)
            body.now = place[owner == i]
    for body in bodies:
        rotation, shift = _fit(body.balls, body.now, body.radii)
        body.item.matrix_world = Matrix.Translation(shift) @ Matrix(rotation).to_4x4()


def _push_apart(place: Array, reach: Array, apart: Array) -> None:
    gap = place[:, None] - place[None, :]
    distance = np.linalg.norm(gap, axis=-1) + 1e-9
    overlap = np.where(apart, np.clip(reach - distance, 0, None), 0)
    place += 0.4 * (gap / distance[..., None] * overlap[..., None]).sum(axis=1)


def _push_inside(place: Array, radii: Array, bowl: Array | None) -> None:
    np.maximum(place[:, 2], radii, out=place[:, 2])
    if bowl is None:
        return
    out = np.hypot(place[:, 0], place[:, 1])
    tangent = np.gradient(bowl, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    flat = np.stack([out, place[:, 2]], axis=1)
    nearest = np.argmin(np.linalg.norm(flat[:, None] - bowl[None], axis=-1), axis=1)
    depth = ((flat - bowl[nearest]) * normal[nearest]).sum(axis=1)
    push = np.where(nearest < len(bowl) - 1, np.clip(radii - depth, 0, None), 0)
    shift = normal[nearest] * push[:, None]
    place[:, :2] *= ((out + shift[:, 0]) / (out + 1e-9))[:, None]
    place[:, 2] += shift[:, 1]


def _fit(balls: Array, now: Array, radii: Array) -> tuple[Array, Array]:
    weight = (radii / radii.sum())[:, None]
    centre, goal = (balls * weight).sum(axis=0), (now * weight).sum(axis=0)
    u, _, vt = np.linalg.svd(((now - goal) * weight).T @ (balls - centre))
    rotation = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
    return rotation, goal - rotation @ centre


def _rigid(bodies: list[Body], place: Array, owner: Array) -> Array:
    for i, body in enumerate(bodies):
        mine = owner == i
        rotation, shift = _fit(body.balls, place[mine], body.radii)
        place[mine] = body.balls @ rotation.T + shift
    return place
