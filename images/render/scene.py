"""The camera, the light and the way from a scene to a JPEG file."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
import cv2
import numpy as np
from mathutils import Vector
from mesh import add_object
from nodes import srgb

MAX_BYTES = 120_000
SATURATION = 1.18  # AgX keeps highlights pale; cameras do not


def new_scene() -> None:
    """An empty scene rendered by Cycles on the processor."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    scene.world = world
    ambient("e8eef5", 0.25)


def ambient(colour: str, strength: float) -> None:
    """Even light from everywhere."""
    background = bpy.context.scene.world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = srgb(colour)
    background.inputs["Strength"].default_value = strength


def outdoor_sky(sun_height: float, sun_turn: float, strength: float, sun: float = 1.0) -> None:
    """The physical sky. Angles in degrees; `sun` scales its disc, `strength` all of it."""
    tree = bpy.context.scene.world.node_tree
    sky = tree.nodes.new("ShaderNodeTexSky")
    sky.sky_type = "NISHITA"
    sky.sun_elevation, sky.sun_rotation = math.radians(sun_height), math.radians(sun_turn)
    sky.sun_intensity, sky.sun_size = sun, math.radians(1.2)
    sky.dust_density = 1.5
    tree.links.new(sky.outputs[0], tree.nodes["Background"].inputs["Color"])
    tree.nodes["Background"].inputs["Strength"].default_value = strength


def area_light(place, target, size_m, watts: float, colour: str = "ffffff"):
    """A rectangle of light at `place` that faces `target`."""
    data = bpy.data.lights.new("area", "AREA")
    data.shape, data.energy, data.color = "RECTANGLE", watts, srgb(colour)[:3]
    data.size, data.size_y = size_m
    item = add_object("area", data)
    aim(item, place, target)
    return item


def aim(item, place, target) -> None:
    """Move a camera or a light to `place`, looking at `target`."""
    item.location = place
    direction = Vector(target) - Vector(place)
    item.rotation_euler = direction.to_track_quat("-Z", "Y").to_euler()


def camera(place, target, lens_mm: float, f_stop: float, focus=None, roll: float = 0.0) -> None:
    """A full-frame camera; everything out of focus that lies off `focus` (or `target`)."""
    data = bpy.data.cameras.new("camera")
    data.lens, data.clip_start, data.clip_end = lens_mm, 0.01, 500
    data.dof.use_dof = True
    data.dof.aperture_fstop = f_stop
    data.dof.aperture_blades = 7
    data.dof.focus_distance = (Vector(focus or target) - Vector(place)).length
    item = add_object("camera", data)
    aim(item, place, target)
    item.rotation_euler.rotate_axis("Z", math.radians(roll))
    bpy.context.scene.camera = item


def render(
    path: Path, size_wh, samples: int, scale: float = 1.0, exposure: float = 0.0,
    lamplight: bool = False,
) -> None:  # fmt: skip
    """Render the scene, finish it like a photograph and write a JPEG of at most 120 KB."""
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = size_wh
    scene.render.resolution_percentage = round(100 * scale)
    scene.render.threads_mode, scene.render.threads = "FIXED", 2
    scene.cycles.samples = samples
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.adaptive_threshold = 0.02
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.cycles.max_bounces, scene.cycles.transparent_max_bounces = 6, 8
    scene.cycles.sample_clamp_indirect = 6.0
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.view_settings.exposure = exposure
    scene.render.use_persistent_data = False
    raw = path.with_suffix(".render.png")
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(raw)
    bpy.ops.render.render(write_still=True)
    picture = finish(cv2.imread(str(raw)))
    if lamplight:
        picture = in_lamplight(picture)
    raw.unlink()
    path.write_bytes(jpeg(picture))


def finish(picture: np.ndarray) -> np.ndarray:
    """What a camera adds: glow around lights, contrast, colour, darker corners, fine grain."""
    height, width = picture.shape[:2]
    image = picture.astype(np.float32) / 255
    bright = np.clip(image - 0.82, 0, 1)
    image += 0.35 * cv2.GaussianBlur(bright, (0, 0), width / 60)
    grey = image.mean(axis=-1, keepdims=True)
    image = grey + SATURATION * (image - grey)
    image = np.clip(image, 0, 1)
    image = 0.7 * image + 0.3 * image**2 * (3 - 2 * image)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    image *= (1 - 0.13 * (x**2 + y**2))[..., None].astype(np.float32)
    rng = np.random.default_rng(42)
    grain = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 0.6)
    image += (0.009 * grain)[..., None]
    return (np.clip(image, 0, 1) * 255).round().astype(np.uint8)


def in_lamplight(picture: np.ndarray) -> np.ndarray:
    """The picture as a camera set to daylight takes it under a lamp: warm, and darker."""
    light = (picture / 255) ** 2.2 * (0.7, 1.0, 1.3)  # blue, green, red
    return (np.clip(light, 0, 1) ** (1.15 / 2.2) * 255).astype(np.uint8)


def jpeg(picture: np.ndarray) -> bytes:
    """The picture as JPEG, in the best quality up to 92 that fits in 120 KB."""
    for quality in range(92, 40, -2):
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(data) <= MAX_BYTES:
            return data
    raise ValueError(f"The picture does not fit in {MAX_BYTES} bytes even at quality 42.")
