"""Drawings projected onto a car, like an engineer's side, front and rear views.

Each drawing is an RGB image: red = glass, green = black trim, blue = gaps between panels.
"""

from __future__ import annotations

import bpy
import cv2
import numpy as np

MM = 1000
VIEW_M = {"side": (4.6, 1.6), "end": (2.0, 1.6)}  # width and height that a drawing covers


class Drawing:
    """A drawing at one millimetre per pixel; places are metres, the road at the bottom."""

    def __init__(self, view: str) -> None:
        """Start an empty `side` or `end` view."""
        self.view = view
        width, height = VIEW_M[view]
        self.pixels = np.zeros((int(height * MM), int(width * MM), 3), np.uint8)

    def _at(self, points) -> np.ndarray:
        width, height = VIEW_M[self.view]
        points = np.asarray(points, float)
        flat = np.column_stack([points[:, 0] + width / 2, height - points[:, 1]])
        return np.round(flat * MM * 16).astype(np.int32)[None]

    def area(self, points, channel: int, grow_m: float = 0.0, value: int = 255) -> None:
        """Fill a polygon with rounded corners, `grow_m` larger than drawn."""
        plane = np.zeros(self.pixels.shape[:2], np.uint8)
        cv2.fillPoly(plane, self._at(points), 255, cv2.LINE_AA, 4)
        soft = cv2.GaussianBlur(plane, (0, 0), 22)
        plane = np.clip((soft.astype(float) - 127) * 12 + 127, 0, 255).astype(np.uint8)
        if grow_m:
            size = int(2 * grow_m * MM) + 1
            plane = cv2.dilate(plane, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
        layer = self.pixels[..., channel]
        self.pixels[..., channel] = np.where(
            plane > 0, (layer * (255.0 - plane) + value * 1.0 * plane) / 255, layer
        )

    def line(self, points, width_m: float = 0.006, channel: int = 2) -> None:
        """Draw a line, by default a gap between panels."""
        plane = np.ascontiguousarray(self.pixels[..., channel])
        cv2.polylines(
            plane, self._at(points), False, 255, max(1, int(width_m * MM)), cv2.LINE_AA, 4
        )
        self.pixels[..., channel] = plane

    def image(self, name: str) -> bpy.types.Image:
        """The drawing as a Blender image."""
        height, width = self.pixels.shape[:2]
        image = bpy.data.images.new(name, width, height, is_data=True)
        rgba = np.ones((height, width, 4), np.float32)
        rgba[..., :3] = self.pixels[::-1] / 255
        image.pixels.foreach_set(rgba.ravel())
        image.pack()
        return image


def arc(centre, radius: float, start: float, stop: float, count: int = 24) -> list:
    """Points on a circle, angles in degrees."""
    a = np.radians(np.linspace(start, stop, count))
    return [(centre[0] + radius * np.cos(t), centre[1] + radius * np.sin(t)) for t in a]


def hatchback_side() -> Drawing:
    """Windows, doors and flaps of a five-door hatchback."""
    d = Drawing("side")
    front = [(-0.66, 0.975), (-0.10, 1.335), (0.30, 1.372), (0.30, 0.985)]
    back = [(0.36, 0.985), (0.36, 1.372), (0.95, 1.355), (1.12, 1.31), (1.20, 1.02), (1.10, 1.005)]
    quarter = [(1.25, 1.03), (1.20, 1.30), (1.42, 1.24), (1.60, 1.07)]
    for window in (front, back, quarter):
        d.area(window, 1, 0.018)
    d.area([(0.29, 0.98), (0.29, 1.38), (0.37, 1.38), (0.37, 0.98)], 1)
    for window in (front, back, quarter):
        d.area(window, 0)
    d.line(
        [(-0.80, 0.93), (-0.86, 0.62), (-0.80, 0.30), (0.31, 0.27), (0.335, 0.60), (0.325, 0.97)]
    )
    d.line(
        [
            (0.325, 0.97),
            (0.335, 0.60),
            (0.31, 0.27),
            (0.86, 0.27),
            (0.93, 0.42),
            (1.10, 0.75),
            (1.21, 0.98),
        ]
    )
    d.line([(-1.98, 0.66), (-1.72, 0.64), (-1.66, 0.53)])
    d.line([(1.70, 0.52), (1.76, 0.66), (2.05, 0.68)])
    d.line(arc((1.45, 0.83), 0.085, 0, 360, 60), 0.004)
    d.area([(-0.9, 0.20), (-0.9, 0.245), (0.92, 0.245), (0.92, 0.20)], 1)
    return d


def saloon_side() -> Drawing:
    """Windows, doors and flaps of a four-door saloon."""
    d = Drawing("side")
    front = [(-0.66, 0.975), (-0.12, 1.325), (0.30, 1.365), (0.30, 0.985)]
    back = [(0.36, 0.985), (0.36, 1.365), (0.72, 1.345), (0.92, 1.27), (1.03, 1.03), (0.95, 1.0)]
    quarter = [(1.08, 1.03), (1.00, 1.23), (1.12, 1.18), (1.28, 1.04)]
    for window in (front, back, quarter):
        d.area(window, 1, 0.016)
    d.area([(0.29, 0.98), (0.29, 1.372), (0.37, 1.372), (0.37, 0.98)], 1)
    for window in (front, back, quarter):
        d.area(window, 0)
    d.line(
        [(-0.80, 0.93), (-0.86, 0.62), (-0.80, 0.30), (0.31, 0.27), (0.335, 0.60), (0.325, 0.97)]
    )
    d.line(
        [
            (0.325, 0.97),
            (0.335, 0.60),
            (0.31, 0.27),
            (0.86, 0.27),
            (0.93, 0.42),
            (1.06, 0.75),
            (1.08, 0.98),
        ]
    )
    d.line([(-1.98, 0.66), (-1.72, 0.64), (-1.66, 0.53)])
    d.line([(1.70, 0.52), (1.78, 0.62), (2.15, 0.64)])
    d.line(arc((1.50, 0.83), 0.08, 0, 360, 60), 0.004)
    d.area([(-0.9, 0.20), (-0.9, 0.235), (0.92, 0.235), (0.92, 0.20)], 1)
    return d


def front_view() -> Drawing:
    """Windscreen, grilles and number plate recess."""
    d = Drawing("end")
    screen = [
        (-0.66, 0.93),
        (-0.535, 1.35),
        (-0.3, 1.385),
        (0.3, 1.385),
        (0.535, 1.35),
        (0.66, 0.93),
    ]
    d.area(screen, 1, 0.015)
    d.area(screen, 0)
    d.area([(-0.47, 0.595), (-0.50, 0.685), (0.50, 0.685), (0.47, 0.595)], 1)
    d.area([(-0.52, 0.27), (-0.58, 0.43), (0.58, 0.43), (0.52, 0.27)], 1)
    for side in (-1, 1):
        d.area(
            [(side * 0.64, 0.30), (side * 0.66, 0.42), (side * 0.80, 0.44), (side * 0.77, 0.30)], 1
        )
    d.line([(-0.9, 0.55), (-0.55, 0.545), (0.55, 0.545), (0.9, 0.55)], 0.005)
    return d


def rear_view() -> Drawing:
    """Rear window, tailgate gap and lower trim."""
    d = Drawing("end")
    screen = [(-0.58, 1.05), (-0.50, 1.33), (0.50, 1.33), (0.58, 1.05)]
    d.area(screen, 1, 0.02)
    d.area(screen, 0)
    d.line([(-0.62, 1.0), (-0.60, 0.62), (-0.45, 0.56), (0.45, 0.56), (0.60, 0.62), (0.62, 1.0)])
    d.area([(-0.7, 0.20), (-0.7, 0.36), (0.7, 0.36), (0.7, 0.20)], 1)
    return d
