"""A picture's place in a network's input."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.vision.boxes import FloatArray, clip_boxes
from detectlab.vision.fitting import Fitting, Place

GREY = Fitting.fill


class Letterbox(NamedTuple):
    """A picture's place in a network's input.

    Attributes:
        picture_wh: The picture's own width and height in pixels.
        input_wh: Width and height of the input.
        fitted_wh: The picture's width and height in the input.
        left_top: Where its corner is there.
    """

    picture_wh: tuple[int, int]
    input_wh: tuple[int, int]
    fitted_wh: tuple[int, int]
    left_top: tuple[int, int]

    @classmethod
    def of(
        cls, picture_wh: tuple[int, int], input_wh: tuple[int, int], *, place: Place = "centre"
    ) -> "Letterbox":
        """Place a picture: squeezed to the input's size, or as large as it fits.

        The centre is rounded as YOLOv5's own code does, so that boxes agree to the pixel.

        Args:
            picture_wh: The picture's width and height in pixels.
            input_wh: Width and height of the input.
            place: Where it goes; see `Fitting.place`.

        >>> Letterbox.of((1280, 721), (640, 640)).fitted_wh
        (640, 360)
        """
        if place == "squeeze":
            return cls(picture_wh, input_wh, input_wh, (0, 0))
        gain = min(whole / own for whole, own in zip(input_wh, picture_wh, strict=True))
        width, height = (max(round(own * gain), 1) for own in picture_wh)
        if place == "top-left":
            return cls(picture_wh, input_wh, (width, height), (0, 0))
        left, top = (input_wh[0] - width) / 2, (input_wh[1] - height) / 2
        left_top = round(left - 0.1), round(top - 0.1)
        return cls(picture_wh, input_wh, (width, height), left_top)

    def fit(self, image: NDArray[np.uint8], fill: int = GREY) -> NDArray[np.uint8]:
        """Put a picture in its place.

        Args:
            image: `(height, width, 3)` uint8, of the size `picture_wh`.
            fill: Grey level around it, 0 to 255.

        Returns:
            `(height, width, 3)` uint8 of the size `input_wh`.
        """
        if self.fitted_wh != self.picture_wh:
            resized = cv2.resize(image, self.fitted_wh, interpolation=cv2.INTER_LINEAR)
            image = np.asarray(resized, np.uint8)
        if self.fitted_wh == self.input_wh:
            return image
        filled = np.full((self.input_wh[1], self.input_wh[0], 3), fill, np.uint8)
        (width, height), (left, top) = self.fitted_wh, self.left_top
        filled[top : top + height, left : left + width] = image
        return filled

    def to_picture(self, xyxy: FloatArray) -> FloatArray:
        """Map boxes from pixels of the input to pixels of the picture, clipped to its borders.

        Args:
            xyxy: `(N, 4)` boxes.

        Returns:
            `(N, 4)` boxes.
        """
        gain = np.divide(self.fitted_wh, self.picture_wh)
        return clip_boxes((xyxy - np.tile(self.left_top, 2)) / np.tile(gain, 2), self.picture_wh)
