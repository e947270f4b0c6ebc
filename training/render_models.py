"""Render the cars of free games from all around, cut out, to paste into training pictures.

    RENDER_VENV/bin/python training/render_models.py --count 1000 --out RUN/models \
        --torcs /usr/share/games/torcs/cars --rally UNPACKED/vehicles

They are bent, painted as people paint their cars, and cast a shadow. Besides, things that are no
cars are rendered alike, so that paint and gloss alone make no car. Needs the environment of
`images/render` (see images/CREDITS.md), and models from Debian's packages `torcs-data` and
`trigger-rally-data`.
"""

import argparse
import math
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "images" / "render"))

import bpy
import numpy as np
from mathutils import Vector
from mesh import add_object, box, lathe, solid
from nodes import Shader, plain
from numpy.typing import NDArray
from scene import aim, new_scene

from training.car_models import CarModel, bent, read_models
from training.car_paint import repainted, street_paint

VIEWS = 4  # cameras for each paint: building a car costs as much as looking at it
SIZE_WH = (256, 160)
SAMPLES = 16  # and no denoising, which would take longer than the picture
NO_CAR = 0.12  # share of other things


def paint_material(rng: np.random.Generator, model: CarModel) -> bpy.types.Material:
    """A glossy material with the model's texture, painted anew."""
    picture = bpy.data.images.load(str(model.texture))
    width, height = picture.size
    pixels = np.empty(width * height * 4, np.float32)
    picture.pixels.foreach_get(pixels)
    pixels = repainted(rng, pixels.reshape(height, width, 4), model.uv.reshape(-1, 2))
    painted = bpy.data.images.new("paint", width, height)
    painted.pixels.foreach_set(pixels.ravel())
    shader = Shader("paint", Roughness=rng.uniform(0.12, 0.4), Coat_Weight=rng.uniform(0.3, 1))
    shader.surface(Metallic=rng.uniform(0, 0.35), Coat_Roughness=0.04)
    texture = shader.add("TexImage", image=painted)
    shader.surface(Base_Color=texture.outputs["Color"])
    return shader.material


def build_car(rng: np.random.Generator, model: CarModel) -> NDArray[np.float64]:
    """Puts a car on the ground; gives its (N, 3) vertices with those of its wheels."""
    mesh = bpy.data.meshes.new(model.name)
    mesh.from_pydata(model.vertices.tolist(), [], model.triangles.tolist())
    mesh.uv_layers.new().data.foreach_set("uv", model.uv.ravel())
    mesh.shade_smooth()
    mesh.set_sharp_from_angle(angle=math.radians(38))
    add_object("body", mesh, paint_material(rng, model))
    grey = rng.uniform(0.1, 0.9)
    rim = Shader("rim", Base_Color=(grey, grey, grey, 1), Metallic=0.8, Roughness=0.3).material
    points = [model.vertices]
    spokes = int(rng.integers(5, 11))
    for x, y, radius, width in model.wheels:
        build_wheel((x, y, radius), radius, width, rim, spokes)
        points.append(np.array([(x - radius, y, 0), (x + radius, y, 0), (x, y, 2 * radius)]))
    return np.concatenate(points)


def build_wheel(place, radius: float, width: float, rim: bpy.types.Material, spokes: int) -> None:
    """A tyre with a rim of spokes on both sides."""
    half, inner = width / 2, radius * 0.66
    outline = [(inner, -half), (radius * 0.95, -half), (radius, -half * 0.7)]
    outline += [(r, -z) for r, z in reversed(outline)]
    tyre = lathe("tyre", np.array(outline), plain("rubber", "151515", 0.8), segments=32)
    turns = np.arange(spokes * 4) * 2 * math.pi / (spokes * 4)
    circle = np.stack([np.cos(turns), np.sin(turns)], 1) * inner
    parts = [tyre]
    for side in (-0.8, 0.8):
        vertices = [(0, 0, side * half), *((x, y, side * half) for x, y in circle)]
        count = len(circle)
        wedges = [(0, i + 1, (i + 1) % count + 1) for i in range(count)]
        bright = [wedge for i, wedge in enumerate(wedges) if i % 4 < 2]
        dark = [wedge for i, wedge in enumerate(wedges) if i % 4 >= 2]
        parts.append(solid("spokes", vertices, bright, rim))
        parts.append(solid("gaps", vertices, dark, plain("gap", "0a0a0a", 0.9)))
    for part in parts:
        part.rotation_euler = (math.pi / 2, 0, 0)
        part.location = place


def build_thing(rng: np.random.Generator) -> NDArray[np.float64]:
    """Something of painted boxes and drums that is no car; gives its (N, 3) corners."""
    points = []
    length = rng.uniform(0.8, 4.5)
    for _ in range(rng.integers(1, 6)):
        size = rng.uniform(0.15, 1, 3) * (length, rng.uniform(0.5, 2), rng.uniform(0.4, 2.6))
        place = np.array([rng.uniform(-0.5, 0.5) * length, rng.uniform(-0.4, 0.4), size[2] / 2])
        if rng.random() < 0.35:
            place[2] += rng.uniform(0, 1.2)
        red, green, blue = street_paint(rng)
        shader = Shader("paint", Base_Color=(red, green, blue, 1), Roughness=rng.uniform(0.1, 0.9))
        if rng.random() < 0.3:
            profile = np.array([(0, -0.5), (0.5, -0.5), (rng.uniform(0.2, 0.6), 0.5), (0, 0.5)])
            item = lathe("drum", profile * (size[0], size[2]), shader.material, segments=24)
            item.location = place
            size[1] = size[0]
        else:
            item = box("box", tuple(size), tuple(place), shader.material, rng.uniform(0.005, 0.06))
        corners = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T
        points.append(corners * size + place)
    return np.concatenate(points)


def surroundings(rng: np.random.Generator) -> None:
    """Sky, houses and road for the paint to mirror, the sun, and a ground that takes a shadow."""
    height, width = 64, 128
    sky = np.linspace(rng.uniform(0.7, 1.6), rng.uniform(0.3, 1.2), height // 2)[:, None, None]
    panorama = np.ones((height, width, 4), np.float32)
    panorama[height // 2 :, :, :3] = sky * (1, 1, 1) * rng.uniform((0.7, 0.8, 0.9), 1)
    panorama[: height // 2, :, :3] = rng.uniform(0.08, 0.4) * rng.uniform(0.9, 1.1, 3)
    for _ in range(rng.integers(0, 14)):
        left, wide, tall = rng.integers(0, width), rng.integers(3, 24), rng.integers(2, 18)
        panorama[height // 2 : height // 2 + tall, left : left + wide, :3] = street_paint(rng) * 0.7
    image = bpy.data.images.new("panorama", width, height, float_buffer=True)
    image.pixels.foreach_set(panorama.ravel())
    tree = bpy.context.scene.world.node_tree
    texture = tree.nodes.new("ShaderNodeTexEnvironment")
    texture.image = image
    tree.links.new(texture.outputs[0], tree.nodes["Background"].inputs["Color"])
    tree.nodes["Background"].inputs["Strength"].default_value = rng.uniform(0.5, 1.1)
    light = bpy.data.lights.new("sun", "SUN")
    light.energy = rng.uniform(0, 4) * (rng.random() < 0.7)
    light.angle = math.radians(rng.uniform(0.5, 20))
    turn, rise = rng.uniform(0, 2 * math.pi), math.radians(rng.uniform(15, 70))
    place = (math.cos(turn) * math.cos(rise), math.sin(turn) * math.cos(rise), math.sin(rise))
    aim(add_object("sun", light), place, (0, 0, 0))
    box("road", (60, 60, 0.1), (0, 0, -0.05), plain("road", "606060", 0.9)).is_shadow_catcher = True


def settings(threads: int) -> None:
    """Small, quick pictures with transparency."""
    scene = bpy.context.scene
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"
    scene.render.film_transparent = True
    scene.render.resolution_x, scene.render.resolution_y = SIZE_WH
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.use_persistent_data = True
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 3


def look(rng: np.random.Generator, points: NDArray[np.float64]) -> None:
    """Points a camera at something so that it fills the picture."""
    yaw = rng.uniform(0, 2 * math.pi)
    if rng.random() < 0.4:  # just from a side, the front or the back
        yaw = rng.integers(4) * math.pi / 2 + rng.normal(0, 0.15)
    distance, height = math.exp(rng.uniform(1.6, 3.3)), rng.uniform(0.6, 2.2)
    if rng.random() < 0.35:  # from a window, a bridge, a hill
        height = distance * rng.uniform(0.15, 0.75)
    place = Vector((distance * math.cos(yaw), distance * math.sin(yaw), height))
    middle = Vector(((points.min(axis=0) + points.max(axis=0)) / 2).tolist())
    data = bpy.data.cameras.new("camera")
    item = add_object("camera", data)
    aim(item, place, middle)
    bpy.context.scene.camera = item
    bpy.context.view_layer.update()
    seen = np.c_[points, np.ones(len(points))] @ np.array(item.matrix_world.inverted()).T
    across, up = seen[:, 0] / -seen[:, 2], seen[:, 1] / -seen[:, 2]
    # The lens that just holds it, and the shift that centres it.
    span = max(np.ptp(across), np.ptp(up) * SIZE_WH[0] / SIZE_WH[1]) * 1.12
    data.lens = data.sensor_width / span
    data.shift_x = (across.max() + across.min()) / 2 / span
    data.shift_y = (up.max() + up.min()) / 2 / span
    bpy.context.scene.view_settings.exposure = rng.uniform(-0.7, 0.5)


def main() -> None:
    """Renders PNG pictures with transparency, one thing each: car-*.png and none-*.png."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--torcs", type=Path, required=True)
    parser.add_argument("--rally", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    models = read_models(options.torcs, options.rally)
    options.out.mkdir(parents=True, exist_ok=True)
    for number in range(options.count):
        started = time.perf_counter()
        if number % VIEWS == 0:
            new_scene()
            settings(options.threads)
            name = "none" if rng.random() < NO_CAR else "car"
            model = models[rng.integers(len(models))]
            points = build_thing(rng) if name == "none" else build_car(rng, bent(rng, model))
            surroundings(rng)
        look(rng, points)
        path = options.out / f"{name}-{options.seed}-{number:04d}.png"
        bpy.context.scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)
        print(f"{path.name}: {time.perf_counter() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
