"""Colours of classes: always the same, and told apart by colour-blind people."""

import itertools

import numpy as np
import pytest

from detectlab.vision.colours import PALETTE, class_colour, ink_on

# How colours are seen without one kind of cones: Machado, Oliveira and Fernandes (2009), severity
# 1.0, on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# From linear RGB to CIE XYZ, relative to the white of D65.
TO_XYZ = np.array([[0.4339, 0.3762, 0.1899], [0.2126, 0.7152, 0.0722], [0.0178, 0.1095, 0.8727]])


def linear(rgb: object) -> np.ndarray:
    share = np.array(rgb, float) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(linear_rgb: np.ndarray) -> np.ndarray:
    xyz = linear_rgb.clip(0, 1) @ TO_XYZ.T
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize("vision", VISIONS)
def test_any_two_colours_are_told_apart(vision: str) -> None:
    seen = lab(linear(PALETTE) @ np.array(VISIONS[vision]).T)

    # A difference of about 2 is just seen; maps use 10 and more.
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 25


@pytest.mark.parametrize("colour", PALETTE)
def test_text_is_readable_on_its_bar(colour: tuple[int, int, int]) -> None:
    bar, ink = (linear(c) @ [0.2126, 0.7152, 0.0722] + 0.05 for c in (colour, ink_on(colour)))

    assert max(bar, ink) / min(bar, ink) >= 4.5  # the contrast that WCAG asks of text


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("apple", "orange", "banana", "clock", "car"), id="nano"),
        pytest.param(("person", "bicycle", "car", "motorcycle", "bus", "truck"), id="street"),
        pytest.param(("apple", "orange", "banana", "bowl"), id="fruit"),
    ],
)
def test_classes_that_stand_together_have_different_colours(names: tuple[str, ...]) -> None:
    assert len({class_colour(name) for name in names}) == len(names)


def test_colour_of_a_class_is_the_same_in_every_process() -> None:
    assert class_colour("orange") == (255, 221, 136)
    assert class_colour("Größe") in PALETTE
