"""The two pictures with cars."""

from __future__ import annotations

from car import car
from car_maps import hatchback_side, saloon_side
from car_shape import BELT, Shape
from mesh import box
from nodes import plain
from scene import camera, outdoor_sky
from street import hedge, house, road, tree

SALOON = Shape(
    tail=2.22,
    belt=(*BELT[:7], (1.5, 0.985), (2.0, 0.985), (2.3, 0.955)),
    house_base=(-1.02, 1.68, 0.79),
    house_top=(-0.16, 0.98, 0.585),
)


def opposite() -> None:
    """The other side of the street, seen only as reflections in paint and glass."""
    walls = [
        (-15.0, 5.6, "b9a58a"),
        (-5.0, 6.6, "8f6a55"),
        (5.2, 5.2, "cbc3b2"),
        (15.0, 6.2, "9c8f80"),
    ]
    for x, height, colour in walls:
        box("opposite", (8.6, 1, height), (x, -20.0, height / 2), plain("opposite", colour, 0.9))
    box("hedge", (40, 0.8, 1.3), (0, -17.0, 0.65), plain("far hedge", "2c4419", 0.9))


def car_picture():
    """A silver hatchback at the kerb, seen from the front quarter."""
    road(kerb_y=1.25)
    house(-9.0, 6.0, 7.0, "c9b08a")
    house(-2.2, 6.0, 6.4, "d9d3c5")
    house(4.6, 6.0, 7.0, "a9b3ad")
    hedge(-12, 16, 4.6, 1.0)
    house(11.8, 6.0, 7.4, "c7b9a0")
    house(19.5, 6.0, 7.4, "b58d70")
    opposite()
    tree((-4.4, 3.2, 0), 5.0, 5)
    tree((11.0, 3.2, 0), 5.5, 28)
    tree((5.0, 3.2, 0), 5.5, 8)
    car(Shape(), "9aa1a8", hatchback_side())
    outdoor_sky(42, 150, 0.10, 0.5)
    camera((-6.9, -6.1, 1.75), (-0.35, -0.05, 0.75), 55, 2.8, focus=(-1.5, -0.8, 0.7))
    return {"size_wh": (720, 504), "exposure": 0.5}


def car2_picture():
    """A blue saloon from the side."""
    road(kerb_y=1.3)
    house(-6.5, 7.5, 8.0, "b98a6a")
    house(1.2, 7.5, 7.0, "d5cbb4")
    house(8.4, 7.5, 7.0, "97a3a8")
    hedge(-12, 12, 5.5, 1.25, 4)
    opposite()
    tree((-2.9, 3.4, 0), 5.2, 15, "5a7f30", "8fa544")
    tree((4.2, 3.4, 0), 5.0, 18)
    car(SALOON, "24508c", saloon_side(), "LAB 80")
    outdoor_sky(35, 200, 0.10, 0.5)
    camera((-0.8, -8.4, 1.35), (0.05, 0.0, 0.78), 62, 2.8, focus=(0, -0.88, 0.7))
    return {"size_wh": (720, 450), "exposure": 0.5}


PICTURES = {"car": car_picture, "car2": car2_picture}
