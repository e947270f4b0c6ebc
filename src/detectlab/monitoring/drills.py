"""Drills: changes of pictures that a monitor has to notice, made from pictures that are there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.vision.images import encode_image, read_image

Pixels = NDArray[np.uint8]
Drill = Callable[[Pixels, np.random.Generator], Pixels]


def jittered(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """No drill: a picture like this one, with another crop and light, perhaps mirrored.

    Args:
        pixels: `(height, width, 3)` uint8 BGR.
        rng: Decides on all of that.
    """
    height, width = pixels.shape[:2]
    share = rng.uniform(0.85, 1)
    h, w = max(1, round(height * share)), max(1, round(width * share))
    y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    crop = pixels[y : y + h, x : x + w]
    crop = crop[:, ::-1] if rng.random() < 0.5 else crop
    return _as_pixels(crop * (rng.uniform(0.95, 1.05) * rng.uniform(0.98, 1.02, 3)))


def fog(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Fog: light scattered into the camera, more towards the top of the picture.

    Args:
        pixels: `(height, width, 3)` uint8 BGR.
        rng: Decides how thick it is.
    """
    top, bottom = rng.uniform(0.55, 0.8), rng.uniform(0.3, 0.5)
    share = np.linspace(top, bottom, len(pixels))[:, None, None]
    grey = np.array([222.0, 218.0, 214.0])
    return _as_pixels(pixels * (1 - share) + grey * share)


def night(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Night: little light, more of it blue, and the noise of a camera that amplifies it.

    Args:
        pixels: `(height, width, 3)` uint8 BGR.
        rng: Decides how dark it is, and draws the noise.
    """
    light = (pixels / 255.0) ** 2.2 * rng.uniform(0.06, 0.14) * np.array([1.25, 0.95, 0.8])
    noisy = light + rng.normal(0, 0.004, pixels.shape) + rng.normal(0, 0.05, pixels.shape) * light
    return _as_pixels(255 * np.clip(noisy, 0, 1) ** (1 / 2.2))


def blur(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Blur: a lens out of focus.

    Args:
        pixels: `(height, width, 3)` uint8 BGR.
        rng: Decides how far.
    """
    sigma = max(pixels.shape[:2]) * rng.uniform(0.006, 0.012)
    return _as_pixels(cv2.GaussianBlur(pixels, (0, 0), sigma))


def camera(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Another camera: lower resolution, warmer colours, a wide lens with dark corners.

    Args:
        pixels: `(height, width, 3)` uint8 BGR.
        rng: Decides on the colours.
    """
    height, width = pixels.shape[:2]
    scale = 320 / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    corners = 1 - 0.25 * (x * x + y * y)[..., None]
    gains = np.array([0.82, 1.0, 1.15]) * rng.uniform(0.95, 1.05)
    return _as_pixels(small * corners * gains)


def new_fruit(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A fruit of another colour: reds, oranges and yellows become violet, as plums are.

    Args:
        pixels: `(height, width, 3)` uint8 BGR.
        rng: Decides on the hue.
    """
    hue, saturation, value = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV))
    is_fruit = ((hue < 35) | (hue > 165)) & (saturation > 120)
    violet = np.full_like(hue, int(rng.integers(125, 150)))
    hue = np.where(is_fruit, violet, hue)
    value = np.where(is_fruit, (value * 0.7).astype(np.uint8), value)
    return _as_pixels(cv2.cvtColor(cv2.merge([hue, saturation, value]), cv2.COLOR_HSV2BGR))


def drilled_pictures(
    pictures: Sequence[Path], kind: str, *, count: int, seed: int = 0
) -> Iterator[bytes]:
    """JPEG files of pictures as a camera would send them, under a drill.

    Args:
        pictures: Picture files; each is jittered anew every time.
        kind: One of `DRILLS`, or `"none"`.
        count: How many.
        seed: Of the random changes.

    Raises:
        ValueError: There is no such drill.
    """
    if kind != "none" and kind not in DRILLS:
        raise ValueError(f"The drill must be one of none, {', '.join(DRILLS)}. Received: {kind!r}")
    rng = np.random.default_rng(seed)
    originals = [read_image(path) for path in pictures]
    for _ in range(count):
        pixels = jittered(originals[rng.integers(len(originals))], rng)
        changed = DRILLS[kind](pixels, rng) if kind != "none" else pixels
        yield encode_image(changed, "JPEG", quality=int(rng.integers(80, 95)))


def _as_pixels(values: NDArray[np.generic]) -> Pixels:
    pixels: Pixels = np.clip(values, 0, 255).astype(np.uint8)
    return pixels


DRILLS: Mapping[str, Drill] = {
    "fog": fog,
    "night": night,
    "blur": blur,
    "camera": camera,
    "new-fruit": new_fruit,
}
