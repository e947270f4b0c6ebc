"""Change a picture's light, colour and quality, as other cameras and other days would."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data import Picture
from training.draw_clock import Sprite


def recolour(rng: np.random.Generator, picture: Picture) -> Picture:
    """Changes light and colour as cameras do; hue hardly, for it tells oranges from apples."""
    if rng.random() < 0.02:
        return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    hue, saturation, value = cv2.split(hsv)
    steps = np.arange(256)
    hue = cv2.LUT(hue, ((steps + rng.uniform(-4, 4)) % 180).astype(np.uint8))
    gain, gamma = rng.uniform(0.55, 1.4), rng.uniform(0.65, 1.5)
    saturation = cv2.LUT(saturation, (steps * gain).clip(0, 255).astype(np.uint8))
    curve = 255 * (steps / 255) ** gamma * rng.uniform(0.75, 1.2)
    value = cv2.LUT(value, curve.clip(0, 255).astype(np.uint8))
    picture = cv2.cvtColor(cv2.merge([hue, saturation, value]), cv2.COLOR_HSV2BGR)
    if rng.random() < 0.3:  # the colour of the light
        tint = rng.uniform(0.85, 1.15, 3)
        curves = (steps[:, None] * tint).clip(0, 255).astype(np.uint8)[:, None]
        picture = cv2.LUT(picture, curves)
    return picture


def relight(picture: Picture, like: Picture) -> Picture:
    """Gives a picture the light of another one: its mean and deviation of each channel of Lab.

    Reinhard et al., "Color Transfer between Images", 2001.
    """
    lab, other = (cv2.cvtColor(it, cv2.COLOR_BGR2LAB).astype(np.float32) for it in (picture, like))
    (mean, deviation), (wanted_mean, wanted) = map(cv2.meanStdDev, (lab, other))
    gain = np.ravel(wanted / np.maximum(deviation, 1))
    moved = (lab - mean.ravel()) * gain + wanted_mean.ravel()
    return cv2.cvtColor(moved.clip(0, 255).astype(np.uint8), cv2.COLOR_LAB2BGR)


def repaint(rng: np.random.Generator, sprite: Sprite) -> Sprite:
    """Gives a car another colour, greyer ones more often than bright ones."""
    hsv = cv2.cvtColor(sprite[..., :3], cv2.COLOR_BGR2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(0, 180)) % 180
    hsv[..., 1] *= rng.uniform(0, 1.2)
    hsv[..., 2] *= rng.uniform(0.7, 1.6)
    bgr = cv2.cvtColor(hsv.clip(0, 255).astype(np.uint8), cv2.COLOR_HSV2BGR)
    return np.dstack([bgr, sprite[..., 3]])


def degrade(rng: np.random.Generator, picture: Picture) -> Picture:
    """Blurs, adds noise or compresses, at times."""
    chance = rng.random()
    if chance < 0.12:
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 1.6))
    if chance < 0.24:
        noise = np.empty(picture.shape, np.int16)
        cv2.randn(noise, 0, rng.uniform(2, 14))
        return cv2.add(picture, noise, dtype=cv2.CV_8U)
    if chance < 0.36:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))]
        return cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR)
    return picture


def blend(behind: Picture, before: Picture, opacity: NDArray[np.uint8]) -> Picture:
    """Gives `before` over `behind`, all three of one height and width."""
    share = cv2.merge([opacity] * 3).astype(np.uint16)
    mixed = before.astype(np.uint16) * share + behind.astype(np.uint16) * (255 - share)
    return (mixed // 255).astype(np.uint8)


def settle(rng: np.random.Generator, ground: Picture, sprite: Sprite) -> Picture:
    """Gives the ground with the sprite on it in the same light, haze and focus."""
    if rng.random() < 0.6:
        sprite = cv2.GaussianBlur(sprite, (0, 0), rng.uniform(0.3, 1.3))
    colour = recolour(rng, np.ascontiguousarray(sprite[..., :3]))
    haze = np.empty_like(colour)
    haze[:] = ground.mean(axis=(0, 1))
    share = rng.uniform(0, 0.6) ** 2
    colour = cv2.addWeighted(colour, 1 - share, haze, share, 0)
    return blend(ground, colour, sprite[..., 3])
