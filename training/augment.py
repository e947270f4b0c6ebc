"""Compose training pictures: photographs moved, recoloured, joined, with objects pasted in."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data import BACKGROUND, IGNORE, Boxes, Picture, Sample
from training.draw_clock import Sprite
from training.light import blend, degrade, recolour, repaint, settle
from training.streets import fill_street, solid_bounds
from training.task import CLASSES

SMALLEST_PX = 7  # objects below it teach nothing
CAR_SHARE = 0.3  # of what is pasted outside of streets
FEWEST_CARS = 20  # fewer would be learnt by heart
TURN_CHANCE, TURN = 0.35, 5.0  # how often a photograph is turned, and degrees (deviation)
CLOSER_CHANCE = 0.35  # how often a scene without objects is seen from near
PLAIN_CHANCE = 0.06  # how often objects stand on plain ground, as in a shop's pictures
VISIBLE, CUT = 0.45, 0.2  # share of an object in the picture: taught above, ignored between


def foreground(picture: Picture) -> NDArray[np.uint8] | None:
    """Gives the opacity of what stands before a plain light background, or None without one."""
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    if np.mean(edge.min(axis=1) > 225) < 0.75:
        return None
    mask = np.zeros((picture.shape[0] + 2, picture.shape[1] + 2), np.uint8)
    flags = 4 | (255 << 8) | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
    bottom, right = picture.shape[0] - 1, picture.shape[1] - 1
    for x in range(0, right + 1, max(1, right // 12)):
        for y in (0, bottom):
            if picture[y, x].min() > 225:
                cv2.floodFill(picture, mask, (x, y), 0, (14,) * 3, (14,) * 3, flags)
    opacity = 255 - mask[1:-1, 1:-1]
    return cv2.blur(cv2.erode(opacity, np.ones((3, 3), np.uint8)), (3, 3))


def clip(boxes: Boxes, low: tuple[float, float], high: tuple[float, float]) -> Boxes:
    """Cuts boxes in pixels to a window; those cut badly, or tiny, become regions to ignore."""
    before = (boxes[:, 3:] - boxes[:, 1:3]).prod(axis=1)
    boxes = boxes.copy()
    boxes[:, 1:3] = boxes[:, 1:3].clip(low, high)
    boxes[:, 3:] = boxes[:, 3:].clip(low, high)
    size = boxes[:, 3:] - boxes[:, 1:3]
    share = size.prod(axis=1) / np.maximum(before, 1e-6)
    boxes[(share < VISIBLE) | (size.min(axis=1) < SMALLEST_PX), 0] = IGNORE
    return boxes[(share > CUT) & (size.min(axis=1) > 2)]


def turned(corners: NDArray[np.float32], turn: NDArray[np.float64]) -> NDArray[np.float32]:
    """Gives boxes around objects after a rotation of the picture.

    An object is taken for the ellipse that fills its box: the box around a turned rectangle
    would be too large for nearly everything.

    Args:
        corners: (N, 4) x_min, y_min, x_max, y_max in pixels.
        turn: (2, 3) affine matrix of a rotation.

    Returns:
        (N, 4), the same, in the turned picture.
    """
    centre, half = (corners[:, :2] + corners[:, 2:]) / 2, (corners[:, 2:] - corners[:, :2]) / 2
    centre = centre @ turn[:, :2].T + turn[:, 2]
    half = np.sqrt(np.square(half) @ np.square(turn[:, :2]).T)
    return np.c_[centre - half, centre + half].astype(np.float32)


@dataclass
class Composer:
    """Makes training pictures out of photographs and sprites.

    Attributes:
        groups: Photographs by source.
        shares: How often each source is drawn from.
        backdrops: Photographs without any of the classes.
        sprites: (class, sprite) to paste; class -2 is something that is none of them.
        paste_chance: How often sprites are pasted into a picture.
        mosaic_chance: How often four photographs share a picture.
        street_chance: How often a picture is a street, if there are cars among the sprites.
        cars: Those of the sprites that are cars, unless they are few.
        others: Those of the sprites that are none of the classes.
    """

    groups: Sequence[Sequence[Sample]]
    shares: Sequence[float]
    backdrops: Sequence[Sample]
    sprites: Sequence[tuple[int, Sprite]]
    paste_chance: float = 0.65
    mosaic_chance: float = 0.5
    street_chance: float = 0.35
    opacities: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    cars: list[Sprite] = field(init=False)
    others: list[Sprite] = field(init=False)

    def __post_init__(self) -> None:
        names = [(CLASSES[label] if label >= 0 else "", s) for label, s in self.sprites]
        cars = [sprite for name, sprite in names if name == "car"]
        self.cars = cars if len(cars) >= FEWEST_CARS else []
        self.others = [sprite for name, sprite in names if not name]
        self.sprites = [pair for pair in self.sprites if pair[0] < 0 or CLASSES[pair[0]] != "car"]
        for group in self.groups:
            for sample in group:
                opacity = foreground(sample.picture) if len(sample.boxes) else None
                if opacity is not None:
                    self.opacities[sample.name] = opacity

    def compose(
        self, rng: np.random.Generator, side: int, *, mosaic: bool = True
    ) -> tuple[Picture, Boxes]:
        """Makes one picture.

        Args:
            rng: Where all choices come from.
            side: Its width and height in pixels.
            mosaic: Whether four photographs may share it.

        Returns:
            (side, side, 3) uint8 BGR, and (N, 5) float32 boxes: class or -1, corners in pixels.
        """
        canvas = np.empty((side, side, 3), np.uint8)
        if self.cars and self.backdrops and rng.random() < self.street_chance:
            return self._street(rng, canvas)
        if self.sprites and rng.random() < PLAIN_CHANCE:
            return self._shop_picture(rng, canvas)
        if mosaic and rng.random() < self.mosaic_chance:
            x, y = (int(side * rng.uniform(0.3, 0.7)) for _ in range(2))
            tiles = ((0, 0, x, y), (x, 0, side, y), (0, y, x, side), (x, y, side, side))
        else:
            tiles = ((0, 0, side, side),)
        boxes = [self._tile(rng, canvas, tile) for tile in tiles]
        if (self.sprites or self.cars) and rng.random() < self.paste_chance:
            for _ in range(rng.choice([1, 2, 3, 5], p=[0.55, 0.25, 0.12, 0.08])):
                boxes = [self._paste(rng, canvas, np.concatenate(boxes))]
        found = np.concatenate(boxes)
        if rng.random() < 0.5:
            canvas = cv2.flip(canvas, 1)
            found[:, [1, 3]] = side - found[:, [3, 1]]
        return degrade(rng, canvas), clip(found, (0, 0), (side, side))

    def _street(self, rng: np.random.Generator, canvas: Picture) -> tuple[Picture, Boxes]:
        """Makes a picture of cars before a scene that has none."""
        side = canvas.shape[0]
        scene = self.backdrops[rng.integers(len(self.backdrops))]
        self._tile(rng, canvas, (0, 0, side, side), scene)
        cars = [self._car(rng) for _ in range(4)]
        boxes = fill_street(rng, canvas, CLASSES.index("car"), cars, self.others)
        return degrade(rng, canvas), clip(boxes, (0, 0), (side, side))

    def _shop_picture(self, rng: np.random.Generator, canvas: Picture) -> tuple[Picture, Boxes]:
        """Makes a picture of one object, or a few, on plain ground."""
        side = canvas.shape[0]
        light = rng.uniform(200, 255) if rng.random() < 0.7 else rng.uniform(20, 255)
        corners = (light + rng.normal(0, 8, (2, 2, 1)) + rng.normal(0, 4, (1, 1, 3))).clip(0, 255)
        canvas[:] = cv2.resize(corners.astype(np.uint8), (side, side))
        boxes = np.empty((0, 5), np.float32)
        for _ in range(rng.choice([1, 2, 4], p=[0.7, 0.2, 0.1])):
            boxes = self._paste(rng, canvas, boxes, smallest=0.25)
        return degrade(rng, canvas), clip(boxes, (0, 0), (side, side))

    def _sample(self, rng: np.random.Generator) -> Sample:
        group = self.groups[rng.choice(len(self.groups), p=self.shares)]
        return group[rng.integers(len(group))]

    def _photograph(self, rng: np.random.Generator, sample: Sample) -> Picture:
        """Gives a sample's picture, often before another background."""
        opacity = self.opacities.get(sample.name)
        if opacity is None or rng.random() < 0.5:
            return sample.picture
        height, width = opacity.shape
        if rng.random() < 0.3 or not self.backdrops:
            corners = rng.integers(0, 256, (2, 2, 3)).astype(np.uint8)
            behind = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
        else:
            behind = self._crop(rng, (width, height))
        return blend(behind, sample.picture, opacity)

    def _tile(
        self,
        rng: np.random.Generator,
        canvas: Picture,
        tile: tuple[int, int, int, int],
        street: Sample | None = None,
    ) -> Boxes:
        left, top, right, bottom = tile
        size = np.array([right - left, bottom - top], dtype=np.float32)
        sample = street or self._sample(rng)
        picture = self._photograph(rng, sample)
        # The whole picture, squeezed into the tile as detection squeezes it, is the usual view.
        zoom = np.exp(rng.normal(0.0, 0.28) + rng.normal(0, 0.1, 2)).clip(0.4, 2.2)
        if not len(sample.boxes) and rng.random() < CLOSER_CHANCE:
            # Few scenes must teach what all others look like: go closer, turn them.
            zoom *= rng.uniform(1, 2.5)
            if street is None:
                picture = np.rot90(picture, rng.choice(4, p=[0.7, 0.1, 0.1, 0.1]))
        scale = size * zoom / picture.shape[1::-1]
        room = size - size * zoom
        shift = room * rng.uniform(0, 1, 2)
        move = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
        angle = rng.normal(0, TURN) if rng.random() < TURN_CHANCE else 0.0
        turn = cv2.getRotationMatrix2D((float(size[0] / 2), float(size[1] / 2)), angle, 1.0)
        move = turn @ np.vstack([move, [0, 0, 1]])
        border = cv2.BORDER_REPLICATE if rng.random() < 0.3 else cv2.BORDER_CONSTANT
        grey = (int(rng.integers(0, 256)),) * 3
        shape = (right - left, bottom - top)
        moved = cv2.warpAffine(
            picture, move, shape, flags=cv2.INTER_LINEAR, borderMode=border, borderValue=grey
        )
        canvas[top:bottom, left:right] = recolour(rng, moved)
        boxes = sample.boxes.copy()
        boxes[:, 1:] = boxes[:, 1:] * np.tile(size * zoom, 2) + np.tile(shift, 2)
        boxes[:, 1:] = turned(boxes[:, 1:], turn) + np.tile([left, top], 2)
        return clip(boxes, (left, top), (right, bottom))

    def _paste(
        self, rng: np.random.Generator, canvas: Picture, boxes: Boxes, smallest: float = 0.05
    ) -> Boxes:
        """Pastes one sprite, mostly on free ground; what it covers badly is taught no more."""
        side = canvas.shape[0]
        if self.cars and (not self.sprites or rng.random() < CAR_SHARE):
            label, sprite = CLASSES.index("car"), self._car(rng)
        else:
            label, sprite = self.sprites[rng.integers(len(self.sprites))]
        name = "" if label == BACKGROUND else CLASSES[label]
        longest = side * np.exp(rng.uniform(np.log(smallest), np.log(0.9)))
        if name == "car" and rng.random() < 0.35:
            longest = side * rng.uniform(0.4, 1.0)
        # Detection squeezes pictures, mostly wide ones, into a square: what they show gets taller.
        taller = rng.choice((4 / 3, 1, 3 / 4), p=(0.6, 0.25, 0.15))
        shape = np.array(sprite.shape[1::-1]) * (1, taller) * rng.uniform(0.88, 1.12, 2)
        width, height = (max(4, round(v)) for v in shape * longest / shape.max())
        sprite = cv2.resize(sprite, (width, height), interpolation=cv2.INTER_AREA)
        if name != "clock" and rng.random() < 0.5:  # a mirrored dial is no dial
            sprite = cv2.flip(sprite, 1)
        bounds = solid_bounds(sprite)
        over = 0.4 if name == "car" else 0.15  # how far it may stick out of the picture
        x = int(rng.uniform(-over * width, side - (1 - over) * width))
        y = int(rng.uniform(-over / 2 * height, side - (1 - over / 2) * height))
        inner_x, inner_y, across, up = bounds
        corners = (x + inner_x, y + inner_y, x + inner_x + across, y + inner_y + up)
        box = np.array([[label, *corners]], dtype=np.float32)
        covered = _covered(boxes, box[0])
        if (covered > 0.25).any() and rng.random() < 0.5:
            return boxes
        boxes = boxes[covered < 0.8]
        boxes[covered[covered < 0.8] > 0.25, 0] = IGNORE
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + width, side), min(y + height, side)
        part = sprite[top - y : bottom - y, left - x : right - x]
        ground = canvas[top:bottom, left:right]
        canvas[top:bottom, left:right] = settle(rng, ground, part)
        return boxes if label == BACKGROUND else np.concatenate([boxes, box])

    def _car(self, rng: np.random.Generator) -> Sprite:
        """Gives a car, at times in another colour, at times with a scene mirrored in it."""
        sprite = self.cars[rng.integers(len(self.cars))]
        height, width = sprite.shape[:2]
        if rng.random() < 0.15:
            sprite = repaint(rng, sprite)
        if self.backdrops and rng.random() < 0.35:
            mirrored = self._crop(rng, (width, height))
            share = rng.uniform(0, 0.3)
            colour = cv2.addWeighted(sprite[..., :3], 1 - share, mirrored, share, 0)
            sprite = np.dstack([colour, sprite[..., 3]])
        return sprite

    def _crop(self, rng: np.random.Generator, size_wh: tuple[int, int]) -> Picture:
        """Gives a part of a scene."""
        scene = self.backdrops[rng.integers(len(self.backdrops))].picture
        low = (rng.uniform(0, 0.5, 2) * scene.shape[:2]).astype(int)
        high = low + (rng.uniform(0.35, 0.5, 2) * scene.shape[:2]).astype(int)
        return cv2.resize(scene[low[0] : high[0], low[1] : high[1]], size_wh)


def _covered(boxes: Boxes, by: NDArray[np.float32]) -> NDArray[np.float32]:
    inner = np.minimum(boxes[:, 3:], by[3:]) - np.maximum(boxes[:, 1:3], by[1:3])
    areas = (boxes[:, 3:] - boxes[:, 1:3]).prod(axis=1)
    return inner.clip(0).prod(axis=1) / np.maximum(areas, 1e-6)
