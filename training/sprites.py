"""Things to paste into training pictures: drawn clocks and cars, objects cut from photographs."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data import BACKGROUND, Sample
from training.draw_car import draw_car
from training.draw_clock import Sprite, draw_clock
from training.draw_plain import draw_plain
from training.streets import SOLID
from training.task import CLASSES

LONGEST_SIDE = 240
SMALLEST_CUT = 40  # pixels; smaller objects make poor sprites
CUT_COPIES = 2  # there are few photographed ones among many drawn ones
FADE = 12  # pixels
ROUND = 1.15  # longer by shorter side of a dial seen from the front
PLAIN_SHARE = 0.4  # plain things for each drawn clock


def cut_out(sample: Sample, points: NDArray[np.float32]) -> Sprite | None:
    """Gives an object cut along its outline, or None if it is too small."""
    height, width = sample.picture.shape[:2]
    corners = np.round(points * (width, height)).astype(np.int32)
    left, top, w, h = cv2.boundingRect(corners)
    if max(w, h) < SMALLEST_CUT or min(w, h) < SMALLEST_CUT // 3:
        return None
    opacity = np.zeros((height, width), np.uint8)
    cv2.fillPoly(opacity, [corners], 255, cv2.LINE_AA)
    sprite = np.dstack([sample.picture, opacity])
    return sprite[top : top + h, left : left + w].copy()


def _shrunk(sprite: Sprite) -> Sprite:
    ratio = min(1.0, LONGEST_SIDE / max(sprite.shape[:2]))
    return cv2.resize(sprite, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)


def draw_sprites(
    count: int, seed: int, cache: Path, names: Sequence[str]
) -> list[tuple[int, Sprite]]:
    """Draws objects and plain things, once: later calls read them from `cache`.

    Args:
        count: How many clocks; there are twice as many cars, which vary more.
        seed: Of the random choices.
        cache: File for the drawings.
        names: Which of "clock" and "car" to draw.
    """
    if cache.is_file():
        return pickle.loads(cache.read_bytes())
    rng = np.random.default_rng(seed)
    drawers = (("clock", draw_clock), ("car", draw_car), ("car", draw_car))
    sprites = []
    for _ in tqdm(range(count), desc="drawing", mininterval=5):
        for name, draw in drawers:
            if name in CLASSES and name in names:
                sprites.append((CLASSES.index(name), _shrunk(draw(rng))))
    sprites += [(BACKGROUND, draw_plain(rng)) for _ in range(round(count * PLAIN_SHARE))]
    cache.write_bytes(pickle.dumps(sprites))
    return sprites


def read_sprites(folder: Path, copies: int) -> list[tuple[int, Sprite]]:
    """Reads PNG pictures with transparency, named `CLASS-ANYTHING.png`; each counts many times.

    `none-ANYTHING.png` is none of the classes.
    """
    sprites = []
    for path in sorted(folder.glob("*-*.png")):
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        picture[..., 3] = _faded(picture[..., 3])
        left, top, width, height = cv2.boundingRect((picture[..., 3] > 40).astype(np.uint8))
        sprite = _shrunk(picture[top : top + height, left : left + width])
        name = path.stem.split("-")[0]
        label = BACKGROUND if name == "none" else CLASSES.index(name)
        sprites += [(label, sprite)] * copies
    return sprites


def _faded(opacity: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lets a shadow end softly before the picture's edge cuts it."""
    height, width = opacity.shape
    x, y = np.arange(width), np.arange(height)[:, None]
    edge = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y))
    faded = opacity * (edge / FADE).clip(0, 1)
    return np.where(opacity >= SOLID, opacity, faded).astype(np.uint8)


def cut_sprites(samples: Sequence[Sample]) -> list[tuple[int, Sprite]]:
    """Cuts the objects out of those photographs that come with outlines."""
    sprites = []
    for sample in samples:
        for label, points in sample.outlines:
            sprite = cut_out(sample, points)
            if sprite is not None:
                sprites += [(label, _shrunk(sprite))] * CUT_COPIES
    return sprites


def dial_sprites(samples: Sequence[Sample], copies: int) -> list[tuple[int, Sprite]]:
    """Cuts round clocks out of photographs: the ellipse in each box that is about square."""
    if "clock" not in CLASSES:
        return []
    label, sprites = CLASSES.index("clock"), []
    for sample in samples:
        height, width = sample.picture.shape[:2]
        for _, *corners in sample.boxes[sample.boxes[:, 0] == label].tolist():
            x_min, y_min, x_max, y_max = (
                round(corner * side)
                for corner, side in zip(corners, (width, height) * 2, strict=True)
            )
            w, h = x_max - x_min, y_max - y_min
            if min(w, h) < SMALLEST_CUT or max(w, h) > ROUND * min(w, h):
                continue
            opacity = np.zeros((h, w), np.uint8)
            cv2.ellipse(opacity, ((w / 2, h / 2), (w - 1, h - 1), 0), 255, -1, cv2.LINE_AA)
            cut = np.dstack([sample.picture[y_min:y_max, x_min:x_max], opacity])
            sprites += [(label, _shrunk(cut))] * copies
    return sprites
