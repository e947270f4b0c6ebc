"""Letterboxing: resize a picture to a network's input and keep its aspect ratio."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.vision.boxes import FloatArray, clip_boxes

GREY = 114  # the padding that YOLOv5 and its successors were trained with


class Letterbox(NamedTuple):
    """The position of a picture in the network's input.

    Attributes:
        picture_wh: Width and height of the picture in pixels.
        fitted_wh: Width and height of the resized picture.
        left_top: Position of its top left corner in the input.
    """

    picture_wh: tuple[int, int]
    fitted_wh: tuple[int, int]
    left_top: tuple[int, int]

    @classmethod
    def of(cls, picture_wh: tuple[int, int], input_wh: tuple[int, int]) -> "Letterbox":
        """The largest centred position, rounded as YOLOv5's own code does.

        Args:
            picture_wh: Width and height of the picture in pixels.
            input_wh: Width and height of the network's input.

        >>> Letterbox.of((1280, 721), (640, 640))
        Letterbox(picture_wh=(1280, 721), fitted_wh=(640, 360), left_top=(0, 140))
        """
        gain = min(whole / own for whole, own in zip(input_wh, picture_wh, strict=True))
        width, height = (max(round(own * gain), 1) for own in picture_wh)
        left, top = (input_wh[0] - width) / 2, (input_wh[1] - height) / 2
        return cls(picture_wh, (width, height), (round(left - 0.1), round(top - 0.1)))

    def fit(self, image: NDArray[np.uint8], input_wh: tuple[int, int]) -> NDArray[np.uint8]:
        """The network's input: the resized picture, padded with grey.

        Args:
            image: `(height, width, 3)` uint8 of the size `picture_wh`.
            input_wh: Width and height of the network's input.

        Returns:
            `(height, width, 3)` uint8 of the size `input_wh`.
        """
        filled = np.full((input_wh[1], input_wh[0], 3), GREY, np.uint8)
        (width, height), (left, top) = self.fitted_wh, self.left_top
        if self.fitted_wh != self.picture_wh:
            resized = cv2.resize(image, self.fitted_wh, interpolation=cv2.INTER_LINEAR)
            image = np.asarray(resized, np.uint8)
        filled[top : top + height, left : left + width] = image
        return filled

    def to_picture(self, xyxy: FloatArray) -> FloatArray:
        """Boxes converted from pixels of the input to pixels of the picture, and clipped to it.

        Args:
            xyxy: `(N, 4)` boxes.

        Returns:
            `(N, 4)` boxes.
        """
        gain = np.divide(self.fitted_wh, self.picture_wh)
        return clip_boxes((xyxy - np.tile(self.left_top, 2)) / np.tile(gain, 2), self.picture_wh)
