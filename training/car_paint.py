"""Paint the cars of racing games as people paint theirs."""

import colorsys

import cv2
import numpy as np
from numpy.typing import NDArray

LETTERS = np.ones((15, 15), np.uint8)  # in pixels of a texture
DARK = 0.32  # what is darker is glass or rubber, hardly paint
NEAR = 0.16  # between shades of one paint


def street_paint(rng: np.random.Generator) -> NDArray[np.float64]:
    """Gives a colour of the street, sRGB from 0 to 1: grey ones more often than bright ones."""
    if rng.random() < 0.65:  # white, silver, grey, black
        grey = rng.choice([0.93, 0.75, 0.45, 0.25, 0.06]) + rng.uniform(-0.05, 0.05)
        return (grey + rng.uniform(-0.02, 0.02, 3)).clip(0.01, 1)
    hue = rng.choice([0.0, 0.6, 0.33, 0.12, rng.random()]) + rng.normal(0, 0.02)
    return np.array(colorsys.hsv_to_rgb(hue % 1, rng.uniform(0.3, 0.95), rng.uniform(0.2, 0.85)))


def main_colour(pixels: NDArray[np.float32], used: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gives the colour that a texture shows most often at the places (N, 2) that a model uses."""
    height, width = pixels.shape[:2]
    columns = (used[:, 0] % 1 * (width - 1)).astype(int)
    rows = (used[:, 1] % 1 * (height - 1)).astype(int)
    seen = pixels[rows, columns, :3]
    seen = seen[seen.max(axis=1) >= min(DARK, seen.max())]
    codes, counts = np.unique((seen * 7.99).astype(int) @ [64, 8, 1], return_counts=True)
    code = codes[counts.argmax()]
    return (np.array([code // 64, code // 8 % 8, code % 8]) + 0.5) / 8


def repainted(
    rng: np.random.Generator, pixels: NDArray[np.float32], used: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Gives a texture with another paint; glass gets dark, lamps and tyres stay.

    Args:
        rng: Where all choices come from.
        pixels: (height, width, 4) RGB and opacity from 0 to 1, the lowest row first.
        used: (N, 2) places that the model uses, to find out which colour is the paint.

    Returns:
        The same shape, opaque.
    """
    pixels = pixels.copy()
    pixels[pixels[..., 3] < 0.8, :3] = 0.02
    pixels[..., 3] = 1
    paint = main_colour(pixels, used)
    red_part, others = pixels[..., 0], pixels[..., 1:3].max(axis=2)
    high, low = pixels[..., :3].max(axis=2), pixels[..., :3].min(axis=2)
    near = np.abs(pixels[..., :3] - paint).max(axis=2) < NEAR
    colourful = (high - low > 0.22) & (high > 0.25)
    red = (red_part - others > 0.35) & (paint[0] - paint[1:].max() < 0.3)
    amber = (red_part > 0.75) & (pixels[..., 2] < 0.3) & (paint[2] > 0.3)
    mask = near | (colourful & ~red & ~amber)
    if rng.random() < 0.75:  # closes over letters
        mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, LETTERS) > 0
    glass = (high < 0.6) & (high - low < 0.1) & ~mask
    pixels[glass, :3] *= rng.uniform(0.2, 0.8)
    if rng.random() < 0.2:  # some keep their stripes, in other colours
        new = pixels[..., rng.permutation(3)] * rng.uniform(0.7, 1.1)
    else:
        light = np.where(near, (high / max(paint.max(), 0.1)).clip(0.75, 1.1), 1)
        new = street_paint(rng) * light[..., None]
    pixels[..., :3] = np.where(mask[..., None], new, pixels[..., :3]).clip(0, 1)
    return pixels
