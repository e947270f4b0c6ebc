"""Draw clocks of many styles: dials, rims, numerals, hands, stands."""

import cv2
import numpy as np
from numpy.typing import NDArray

Sprite = NDArray[np.uint8]  # (height, width, 4): BGR and opacity
SIDE = 320
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
ROMAN = ("I", "II", "III", "IIII", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
Colour = tuple[int, ...]


def _colour(rng: np.random.Generator, low: int, high: int, tint: int = 30) -> Colour:
    base = rng.integers(low, high)
    return tuple(int(v) for v in (base + rng.integers(-tint, tint + 1, 3)).clip(0, 255))


def _any_colour(rng: np.random.Generator) -> Colour:
    if rng.random() < 0.5:
        return _colour(rng, 10, 245, 15)
    return tuple(int(v) for v in rng.integers(0, 256, 3))


def _at(centre: float, radius: float, hour: float) -> tuple[int, int]:
    angle = np.pi * hour / 6
    return round(centre + radius * np.sin(angle)), round(centre - radius * np.cos(angle))


def _ticks(rng: np.random.Generator, dial: Sprite, centre: int, radius: float, ink: Colour) -> None:
    inner, width = rng.uniform(0.85, 0.93), int(rng.integers(1, 6))
    minutes = rng.random() < 0.6
    for minute in range(60):
        if minute % 5 and not minutes:
            continue
        start = inner if minute % 5 == 0 else 0.94
        ends = (_at(centre, radius * r, minute / 5) for r in (start, 0.97))
        cv2.line(dial, *ends, ink, width if minute % 5 == 0 else 1, cv2.LINE_AA)


def _numerals(
    rng: np.random.Generator, dial: Sprite, centre: int, radius: float, ink: Colour
) -> None:
    kind = rng.choice(
        ["arabic", "roman", "quarters", "bars", "none"], p=[0.45, 0.3, 0.1, 0.1, 0.05]
    )
    font, scale = int(rng.choice(FONTS)), rng.uniform(0.75, 1.25) * radius / 130
    width = int(rng.integers(1, 4))
    for hour in range(1, 13):
        if kind == "none" or (kind == "quarters" and hour % 3):
            continue
        x, y = _at(centre, radius * 0.77, hour)
        if kind == "bars":
            ends = (_at(centre, radius * r, hour) for r in (0.68, 0.88))
            cv2.line(dial, *ends, ink, width * 3, cv2.LINE_AA)
            continue
        text = ROMAN[hour - 1] if kind == "roman" else str(hour)
        factor = scale * (0.75 if kind == "roman" else 1)
        (w, h), _ = cv2.getTextSize(text, font, factor, width)
        cv2.putText(dial, text, (x - w // 2, y + h // 2), font, factor, ink, width, cv2.LINE_AA)


def _hand(
    dial: Sprite, centre: int, hour: float, length: float, width: float, tail: float, ink: Colour
) -> None:
    tip, end = np.array(_at(centre, length, hour)), np.array(_at(centre, -tail, hour))
    side = np.array(_at(0, width, hour + 3))
    middle = (tip * 0.35 + end * 0.65).astype(int)
    points = np.array([tip, middle + side, end, middle - side])
    cv2.fillPoly(dial, [points], ink, cv2.LINE_AA)


def _hands(rng: np.random.Generator, dial: Sprite, centre: int, radius: float, ink: Colour) -> None:
    minute = rng.uniform(0, 12)
    hour = rng.integers(0, 12) + minute / 12
    if rng.random() < 0.3:  # as clocks are shown in shops
        hour, minute = 10.15, 1.8
    width = radius * rng.uniform(0.025, 0.07)
    tail = radius * rng.uniform(0, 0.2)
    _hand(dial, centre, hour, radius * rng.uniform(0.45, 0.6), width * 1.2, tail, ink)
    _hand(dial, centre, minute, radius * rng.uniform(0.7, 0.9), width, tail, ink)
    if rng.random() < 0.4:
        second = (*map(int, rng.integers(0, 256, 3)), 255)
        _hand(dial, centre, rng.uniform(0, 12), radius * 0.85, radius * 0.012, radius * 0.2, second)
    cv2.circle(dial, (centre, centre), int(radius * rng.uniform(0.03, 0.08)), ink, -1, cv2.LINE_AA)


def _plate(
    sprite: Sprite, centre: int, radius: float, colour: Colour, square: bool, corner: float
) -> None:
    if not square:
        cv2.circle(sprite, (centre, centre), round(radius), colour, -1, cv2.LINE_AA)
        return
    inset = radius * (1 - corner)
    low, high = round(centre - inset), round(centre + inset)
    cv2.rectangle(sprite, (low, low), (high, high), colour, -1)
    cv2.rectangle(sprite, (low, low), (high, high), colour, max(1, round(2 * radius * corner)))


def _light(rng: np.random.Generator, sprite: Sprite) -> None:
    """Shades the dial from one side and, at times, puts a reflection on its glass."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.35)
    shade = 1 + strength * (x * np.cos(angle) + y * np.sin(angle))
    lit = sprite[..., :3] * shade[..., None]
    if rng.random() < 0.3:
        band = np.abs(x * np.cos(angle) + y * np.sin(angle) - rng.uniform(-0.6, 0.6))
        lit += (band < rng.uniform(0.05, 0.25))[..., None] * rng.uniform(10, 60)
    sprite[..., :3] = lit.clip(0, 255)


def _furniture(rng: np.random.Generator, sprite: Sprite, centre: int, radius: float) -> None:
    """Bells, feet and a handle, as alarm clocks have them."""
    metal = (*_any_colour(rng), 255)
    for side in (-1, 1):
        cv2.ellipse(
            sprite,
            _at(centre, radius * 1.12, side * 1.2),
            (round(radius * 0.36), round(radius * 0.22)),
            side * 36,
            180,
            360,
            metal,
            -1,
            cv2.LINE_AA,
        )
        start, end = _at(centre, radius, 6 + side * 1.2), _at(centre, radius * 1.25, 6 + side * 1.2)
        cv2.line(sprite, start, end, metal, round(radius * 0.09), cv2.LINE_AA)


def _tilted(rng: np.random.Generator, sprite: Sprite) -> Sprite:
    """Turns the clock a little away from the viewer."""
    corners = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]], dtype=np.float32)
    narrow = np.array([rng.uniform(0.55, 1) if rng.random() < 0.5 else 1, rng.uniform(0.85, 1)])
    moved = (corners - SIDE / 2) * narrow + SIDE / 2
    moved += rng.normal(0, SIDE * 0.02, (4, 2))
    view = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return cv2.warpPerspective(sprite, view, (SIDE, SIDE), flags=cv2.INTER_AREA)


def draw_clock(rng: np.random.Generator) -> Sprite:
    """Draws a clock.

    Args:
        rng: Where all choices come from.

    Returns:
        (height, width, 4) uint8, BGR and opacity, cut to the clock's own bounds.
    """
    sprite = np.zeros((SIDE, SIDE, 4), np.uint8)
    centre, radius = SIDE // 2, SIDE * 0.36
    square, corner = rng.random() < 0.18, rng.uniform(0.02, 0.3)
    rim, rim_width = (*_any_colour(rng), 255), rng.uniform(0.02, 0.25)
    light_face = rng.random() < 0.75
    face = (*(_colour(rng, 190, 250, 12) if light_face else _any_colour(rng)), 255)
    dark_face = sum(face[:3]) < 330
    ink = (*(_colour(rng, 180, 255, 10) if dark_face else _colour(rng, 0, 70, 20)), 255)
    if rng.random() < 0.15 and not square:
        _furniture(rng, sprite, centre, radius)
    _plate(sprite, centre, radius, rim, square, corner)
    if rng.random() < 0.5:  # a second ring
        _plate(
            sprite, centre, radius * (1 - rim_width / 2), (*_any_colour(rng), 255), square, corner
        )
    inner = radius * (1 - rim_width)
    _plate(sprite, centre, inner, face, square and rng.random() < 0.7, corner)
    if rng.random() < 0.75:
        _ticks(rng, sprite, centre, inner, ink)
    _numerals(rng, sprite, centre, inner, ink)
    _hands(rng, sprite, centre, inner, ink)
    _light(rng, sprite)
    sprite = _tilted(rng, sprite)
    rows, columns = np.nonzero(sprite[..., 3] > 40)
    return sprite[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
