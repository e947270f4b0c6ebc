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
from training.task import CLASSES

LONGEST_SIDE = 200
SMALLEST_CUT = 40  # pixels; smaller objects make poor sprites
CUT_COPIES = 2  # there are few photographed ones among many drawn ones
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


def draw_sprites(count: int, seed: int, cache: Path) -> list[tuple[int, Sprite]]:
    """Draws clocks, cars and plain things, once: later calls read them from `cache`."""
    if cache.is_file():
        return pickle.loads(cache.read_bytes())
    rng = np.random.default_rng(seed)
    drawers = (("clock", draw_clock), ("car", draw_car), ("car", draw_car))  # cars vary more
    sprites = []
    for _ in tqdm(range(count), desc="drawing clocks and cars", mininterval=5):
        for name, draw in drawers:
            if name in CLASSES:
                sprites.append((CLASSES.index(name), _shrunk(draw(rng))))
    sprites += [(BACKGROUND, draw_plain(rng)) for _ in range(round(count * PLAIN_SHARE))]
    cache.write_bytes(pickle.dumps(sprites))
    return sprites


def read_sprites(folder: Path, copies: int) -> list[tuple[int, Sprite]]:
    """Reads PNG pictures with transparency, named `CLASS-ANYTHING.png`; each counts many times."""
    sprites = []
    for path in sorted(folder.glob("*-*.png")):
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        left, top, width, height = cv2.boundingRect((picture[..., 3] > 40).astype(np.uint8))
        sprite = _shrunk(picture[top : top + height, left : left + width])
        sprites += [(CLASSES.index(path.stem.split("-")[0]), sprite)] * copies
    return sprites


def cut_sprites(samples: Sequence[Sample]) -> list[tuple[int, Sprite]]:
    """Cuts the objects out of those photographs that come with outlines."""
    sprites = []
    for sample in samples:
        for label, points in sample.outlines:
            sprite = cut_out(sample, points)
            if sprite is not None:
                sprites += [(label, _shrunk(sprite))] * CUT_COPIES
    return sprites
