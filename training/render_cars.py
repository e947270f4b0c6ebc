"""Render cars from all around, cut out, to paste into training pictures.

    RENDER_VENV/bin/python training/render_cars.py --count 150 --out RUN/rendered

Needs the environment of `images/render` (see images/CREDITS.md), whose car it is: with other
measures, colours, lights and cameras than in the sample pictures.
"""

import argparse
import dataclasses
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "images" / "render"))

import bpy
import numpy as np
from car import car
from car_maps import hatchback_side, saloon_side
from car_shape import Shape
from mesh import box
from nodes import plain
from scene import camera, new_scene, outdoor_sky
from street_pictures import SALOON

VIEWS = 12  # cameras for each car: building one costs as much as looking at it several times
SIZE_WH = (240, 136)
SAMPLES = 8


def _colour(rng: np.random.Generator) -> str:
    if rng.random() < 0.65:  # white, silver, grey, black
        grey = int(rng.choice([235, 180, 110, 60, 20]) + rng.integers(-15, 15))
        return f"{grey:02x}{grey:02x}{grey:02x}"
    return "".join(f"{int(value):02x}" for value in rng.integers(5, 200, 3))


def _shape(rng: np.random.Generator) -> tuple[Shape, bool]:
    saloon = rng.random() < 0.5
    shape = SALOON if saloon else Shape()
    low, high = shape.house_z
    measures = {"half_width": shape.half_width * rng.uniform(0.97, 1.03)}
    measures["house_z"] = (low, high * rng.uniform(0.96, 1.12))
    return dataclasses.replace(shape, **measures), saloon


def _surroundings(rng: np.random.Generator) -> None:
    """What the paint mirrors, without being in the picture."""
    things = [box("road", (60, 60, 0.1), (0, 0, -0.05), plain("road", "4a4a4c", 0.8))]
    for turn in np.arange(6) * np.pi / 3 + rng.uniform(0, 1):
        if rng.random() < 0.6:
            size = (7, 7, rng.uniform(2, 9))
            place = (18 * np.cos(turn), 18 * np.sin(turn), size[2] / 2)
            things.append(box("wall", size, place, plain("wall", _colour(rng), 0.9)))
    for thing in things:
        thing.visible_camera = False
    outdoor_sky(rng.uniform(15, 65), rng.uniform(0, 360), 0.1, rng.uniform(0.1, 1.0))


def _settings() -> None:
    scene = bpy.context.scene
    scene.render.film_transparent = True
    scene.render.resolution_x, scene.render.resolution_y = SIZE_WH
    scene.render.threads_mode, scene.render.threads = "FIXED", 2
    scene.render.use_persistent_data = True
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces = 4


def _look(rng: np.random.Generator) -> None:
    yaw = rng.uniform(0, 2 * np.pi)
    if rng.random() < 0.4:
        yaw = rng.integers(4) * np.pi / 2 + rng.normal(0, 0.12)
    distance = rng.uniform(6, 14)
    place = (distance * np.cos(yaw), distance * np.sin(yaw), rng.uniform(0.6, 3.2))
    camera(place, (0, 0, 0.7), 8.2 * distance, 16)
    bpy.context.scene.view_settings.exposure = rng.uniform(0.2, 1.6)


def main() -> None:
    """Renders PNG pictures with transparency, one car each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    for number in range(options.count):
        started = time.perf_counter()
        if number % VIEWS == 0:
            new_scene()
            shape, saloon = _shape(rng)
            car(shape, _colour(rng), saloon_side() if saloon else hatchback_side())
            _surroundings(rng)
            _settings()
        _look(rng)
        bpy.context.scene.render.filepath = str(options.out / f"car-{number:04d}.png")
        bpy.ops.render.render(write_still=True)
        print(f"car {number}: {time.perf_counter() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
