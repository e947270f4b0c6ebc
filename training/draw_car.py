"""Draw cars: a body of flat faces in perspective, lit from above, on round wheels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.draw_clock import Sprite

SIZE = (320, 480)  # height, width of the canvas
# Shapes of a car seen from its left side, in metres: x forward and z up, of the body from the front
# bumper's lower edge over the bonnet to the rear, and of the roof that stands on it.
BODIES = {
    "saloon": (
        ((2.2, 2.25, 2.1, 0.95, -1.35, -2.2, -2.25), (0.3, 0.6, 0.78, 0.95, 0.98, 0.9, 0.3)),
        ((0.95, 0.2, -0.8, -1.55), (0.95, 1.42, 1.42, 0.97)),
    ),
    "hatchback": (
        ((1.9, 1.98, 1.8, 0.85, -1.75, -1.9, -1.9), (0.3, 0.6, 0.82, 1.0, 1.02, 0.7, 0.3)),
        ((0.95, 0.25, -1.2, -1.78), (0.98, 1.5, 1.5, 1.0)),
    ),
    "estate": (
        ((2.2, 2.28, 2.1, 0.95, -2.1, -2.25, -2.25), (0.3, 0.6, 0.8, 0.97, 1.0, 0.6, 0.3)),
        ((0.95, 0.2, -1.6, -2.1), (0.96, 1.47, 1.47, 1.0)),
    ),
    "offroader": (
        ((2.1, 2.15, 2.0, 0.9, -2.0, -2.15, -2.15), (0.42, 0.8, 1.05, 1.12, 1.15, 0.8, 0.42)),
        ((0.95, 0.45, -1.75, -2.05), (1.1, 1.78, 1.8, 1.14)),
    ),
    "van": (
        ((2.0, 2.1, 2.0, 1.5, -2.1, -2.15, -2.15), (0.35, 0.7, 0.95, 1.1, 1.1, 0.7, 0.35)),
        ((1.65, 0.85, -1.95, -2.12), (1.05, 1.8, 1.85, 1.08)),
    ),
}
LIGHT = np.array([0.3, 0.4, 0.87])
Points = NDArray[np.float64]


class _Camera:
    """Projects metres to pixels of the canvas."""

    def __init__(self, rng: np.random.Generator) -> None:
        yaw = rng.uniform(0, 2 * np.pi)
        if rng.random() < 0.45:  # sides, fronts and rears are what streets show most
            yaw = rng.choice([0, 0.5, 1, 1.5]) * np.pi + rng.normal(0, 0.12)
        distance, height = rng.uniform(5, 14), rng.uniform(0.5, 3.5)
        self.eye = np.array([distance * np.cos(yaw), distance * np.sin(yaw), height])
        forward = np.array([0, 0, 0.7]) - self.eye
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1])
        right /= np.linalg.norm(right)
        self.axes = np.stack([right, -np.cross(right, forward), forward])
        self.focal = 85 * distance

    def project(self, points: Points) -> NDArray[np.int32]:
        seen = (np.asarray(points) - self.eye) @ self.axes.T
        flat = seen[:, :2] / np.maximum(seen[:, 2:], 0.5) * self.focal
        return np.round((flat + np.array(SIZE[::-1]) / 2) * 16).astype(np.int32)

    def faces(self, points: Points, normal: Points) -> bool:
        return float((self.eye - points.mean(axis=0)) @ normal) > 0


def _fill(canvas: Sprite, camera: _Camera, points: Points, colour: Points) -> None:
    bgr = (*(int(v) for v in np.clip(colour, 0, 255)), 255)
    cv2.fillPoly(canvas, [camera.project(points)], bgr, cv2.LINE_AA, shift=4)


def _shade(colour: Points, normal: Points) -> Points:
    glow = max(0.0, float(normal @ LIGHT))
    return colour * (0.45 + 0.6 * glow) + 35 * max(0.0, float(normal[2])) ** 2


def _normal(points: Points) -> Points:
    normal = np.cross(points[1] - points[0], points[2] - points[1])
    return normal / (np.linalg.norm(normal) + 1e-9)


def _inset(points: Points, share: float) -> Points:
    return points + (points.mean(axis=0) - points) * share


def _prism(
    canvas: Sprite,
    camera: _Camera,
    profile: Points,
    half: Points,
    paint: Points,
    glass: Points | None,
) -> None:
    """Draws a profile between the two sides; with `glass`, windows into it."""
    left = np.c_[profile[:, 0], half, profile[:, 1]]
    right = left * [1, -1, 1]
    count = len(profile)
    last = count - 1 if glass is not None else count  # a roof has no floor
    for i in range(last):
        j = (i + 1) % count
        quad = np.array([left[i], right[i], right[j], left[j]])
        normal = _normal(quad)
        if normal @ (quad.mean(axis=0) - left.mean(axis=0) * [1, 0, 1]) < 0:
            normal = -normal
        if camera.faces(quad, normal):
            _fill(canvas, camera, quad, _shade(paint, normal))
            if glass is not None and i != 1:
                _fill(canvas, camera, _inset(quad, 0.14), glass + 45 * normal[2])
    for side, sign in ((left, 1), (right, -1)):
        normal = np.array([0.0, sign * 0.95, 0.3])
        if camera.faces(side, normal):
            _fill(canvas, camera, side, _shade(paint, normal))
            if glass is not None:
                _windows(canvas, camera, side, glass)


def _windows(canvas: Sprite, camera: _Camera, side: Points, glass: Points) -> None:
    pane = _inset(side, 0.16)
    middle = (pane[0] + pane[3]) / 2 * [1, 1, 0] - np.array([0.1, 0, 0])
    low, high = (middle + np.array([0, 0, pane[i][2]]) for i in (0, 1))
    high[1] = pane[1][1]
    gap = np.array([0.05, 0, 0])
    _fill(canvas, camera, np.array([pane[0], pane[1], high + gap, low + gap]), glass)
    _fill(canvas, camera, np.array([low - gap, high - gap, pane[2], pane[3]]), glass * 0.9)


def _wheel(canvas: Sprite, camera: _Camera, x: float, y: float, radius: float, rim: Points) -> None:
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    for share, colour in ((1.18, 12), (1.0, 28), (0.66, None), (0.2, 60)):
        ring = np.c_[
            x + radius * share * np.cos(turn),
            np.full(28, y),
            radius + radius * share * np.sin(turn),
        ]
        if share > 1:  # the arch: dark, and only above the road
            ring[:, 2] = ring[:, 2].clip(0.22)
        _fill(canvas, camera, ring, rim if colour is None else np.full(3, float(colour)))


def _tyres(canvas: Sprite, camera: _Camera, x: float, half: float, radius: float) -> None:
    """The treads under the body, seen from the front and from behind."""
    for sign in (-1, 1):
        inner, outer = sign * half * 0.72, sign * half * 0.98
        for edge in (x - radius * 0.8, x, x + radius * 0.8):
            low = 0.0 if edge == x else radius * 0.4
            _fill(canvas, camera, _across(edge, inner, outer, low, radius), np.full(3, 22.0))


def _across(x: float, y_low: float, y_high: float, z_low: float, z_high: float) -> Points:
    return np.array(
        [[x, y_low, z_low], [x, y_high, z_low], [x, y_high, z_high], [x, y_low, z_high]]
    )


def _ends(
    rng: np.random.Generator, canvas: Sprite, camera: _Camera, profile: Points, half: float
) -> None:
    """Lamps, grille, bumper and number plate."""
    floor = profile[0, 1]
    for x, sign in ((profile[1, 0] + 0.02, 1.0), (profile[-1, 0] - 0.02, -1.0)):
        if not camera.faces(_across(x, -half, half, 0.4, 0.7), np.array([sign, 0, 0])):
            continue
        lamp = np.array([225.0, 235, 240]) if sign > 0 else np.array([30.0, 25, 170])
        top = floor + 0.28 + rng.uniform(0.05, 0.12)
        for y in (-1, 1):
            edge, inner = sorted((y * half * 0.95, y * half * rng.uniform(0.55, 0.68)))
            _fill(canvas, camera, _across(x, edge, inner, top, top + rng.uniform(0.1, 0.2)), lamp)
        dark, wide = np.full(3, rng.uniform(15, 60)), half * rng.uniform(0.35, 0.55)
        if sign > 0:
            _fill(canvas, camera, _across(x, -wide, wide, top - 0.02, top + 0.13), dark)
        _fill(canvas, camera, _across(x, -half * 0.9, half * 0.9, floor, floor + 0.13), dark)
        plate = np.array([rng.uniform(60, 230), 225, 235])
        _fill(
            canvas, camera, _across(x + sign * 0.01, -0.26, 0.26, floor + 0.14, floor + 0.25), plate
        )


def _paint(rng: np.random.Generator) -> Points:
    if rng.random() < 0.65:  # white, silver, grey, black
        return np.full(3, rng.choice([245.0, 190, 130, 70, 30])) + rng.normal(0, 8, 3)
    return rng.uniform(10, 220, 3)


def _finish(rng: np.random.Generator, canvas: Sprite) -> Sprite:
    """Cuts to the car's own bounds; a round body is lighter above, and mirrors its surroundings."""
    rows, columns = np.nonzero(canvas[..., 3] > 40)
    canvas = canvas[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    height, width = canvas.shape[:2]
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    waves = np.sin(2 * np.pi * (rng.uniform(2, 7) * y + rng.uniform(0, 2) * np.sin(4 * x)))
    noise = cv2.resize(rng.normal(0, 1, (12, 18)), (width, height), interpolation=cv2.INTER_CUBIC)
    gain = 1 + rng.uniform(0, 0.12) * waves + rng.uniform(0, 0.06) * noise
    gain += rng.uniform(0, 0.5) * (0.45 - y)
    canvas[..., :3] = (canvas[..., :3] * gain[..., None]).clip(0, 255)
    return canvas


def draw_car(rng: np.random.Generator) -> Sprite:
    """Draws a car from a random side.

    Args:
        rng: Where all choices come from.

    Returns:
        (height, width, 4) uint8, BGR and opacity, cut to the car's own bounds.
    """
    canvas = np.zeros((*SIZE, 4), np.uint8)
    camera, paint = _Camera(rng), _paint(rng)
    body, roof = (np.array(part).T for part in BODIES[str(rng.choice(list(BODIES)))])
    stretch = rng.uniform(0.92, 1.08, 2)
    body, roof = body * stretch, roof * stretch
    half = rng.uniform(0.82, 0.95)
    glass = np.array([60.0, 50, 45]) * rng.uniform(0.3, 1.8)
    if rng.random() < 0.25:  # the sky in it
        glass = np.array([200.0, 185, 170]) * rng.uniform(0.6, 1.1)
    radius, wheels = rng.uniform(0.29, 0.36), (body[0, 0] - 0.75, body[-1, 0] + 0.8)
    rim = np.full(3, rng.uniform(70, 210))
    near, far = (half, -half) if camera.eye[1] > 0 else (-half, half)
    for x in wheels:
        _wheel(canvas, camera, x, far * 0.9, radius, rim * 0.2)
        _tyres(canvas, camera, x, half, radius)
    taper = np.where(np.abs(body[:, 0]) > 2.0, half * 0.93, half)
    _prism(canvas, camera, body, taper, paint, None)
    lean = half * np.array([0.95, 0.76, 0.76, 0.93])
    _prism(canvas, camera, roof, lean, paint, glass)
    _ends(rng, canvas, camera, body, half * 0.93)
    if abs(camera.eye[1]) > half:
        for x in wheels:
            _wheel(canvas, camera, x, near * 1.005, radius, rim)
    return _finish(rng, canvas)
