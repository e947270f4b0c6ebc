"""Boxes and labels on a picture, readable at any size."""

import colorsys
import zlib
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from detectlab.client import Detection
from pictures import View

Colour = tuple[int, int, int]  # red, green, blue
Rectangle = tuple[int, int, int, int]  # x_min, y_min, x_max, y_max
_GOLDEN_RATIO = 0.618034
_YELLOW = (255, 214, 0)


def colour_numbers(classes: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """A number for each class of several detectors, after which it is coloured.

    It is the class's number in the first detector that knows it, so that one detector has the
    colours of the server's own drawings, and several agree.
    """
    numbers: dict[str, int] = {}
    for names in classes.values():
        for number, name in enumerate(names):
            numbers.setdefault(name, number)
    return numbers


def class_colour(name: str, numbers: Mapping[str, int]) -> Colour:
    """The colour of a class, `(red, green, blue)`: by its number as on the server, or its name."""
    number = numbers.get(name, zlib.crc32(name.encode()))
    hue = (0.98 + number * _GOLDEN_RATIO) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)


def draw(
    view: View, detections: Sequence[Detection], numbers: Mapping[str, int], stamp: str = ""
) -> Image.Image:
    """Draw boxes with class and confidence.

    Letters are a fixed part of the picture's width, since screens show pictures that wide; labels
    stay inside the picture and move away from each other where there is room.

    Args:
        view: The picture; left as it is.
        detections: Boxes in pixels of the whole picture, most confident first.
        numbers: Numbers of the classes, for their colours.
        stamp: Written across the lower edge, where it is not empty.

    Returns:
        A copy with the boxes.
    """
    canvas = view.image.copy()
    pen = _Pen(canvas)
    boxes = [_shown_box(found, view) for found in detections]
    colours = [class_colour(found["class_name"], numbers) for found in detections]
    # The most confident last, so that it lies on top; labels lie on all boxes.
    for box, colour in reversed(list(zip(boxes, colours, strict=True))):
        pen.frame(box, colour)
    for found, box, colour in zip(detections, boxes, colours, strict=True):
        pen.label(f"{found['class_name']} {found['confidence']:.2f}", box, colour)
    if stamp:
        pen.stamp(stamp)
    return canvas


def icon() -> Image.Image:
    """The page's icon: a box around something."""
    image = Image.new("RGBA", (64, 64))
    pen = ImageDraw.Draw(image)
    pen.ellipse((18, 18, 46, 46), fill=class_colour("", {"": 0}))
    pen.rectangle((6, 6, 57, 57), outline=class_colour("", {"": 2}), width=7)
    return image


def _shown_box(found: Detection, view: View) -> Rectangle:
    """The box in pixels of the view; a box may reach a little beyond the picture."""
    (width, height), (full_width, full_height) = view.image.size, view.size_wh
    xs = sorted(round(x * width / full_width) for x in (found["x_min"], found["x_max"]))
    ys = sorted(round(y * height / full_height) for y in (found["y_min"], found["y_max"]))
    return xs[0], ys[0], xs[1], ys[1]


class _Pen:
    """Draws on a picture, in sizes that fit it."""

    def __init__(self, canvas: Image.Image) -> None:
        self._draw = ImageDraw.Draw(canvas)
        self._width, self._height = canvas.size
        self._font_px = max(14, self._width // 32)
        self._font = ImageFont.load_default(self._font_px)
        self._pad_px = self._font_px // 4
        self._taken: list[Rectangle] = []  # by labels

    def frame(self, box: Rectangle, colour: Colour) -> None:
        self._draw.rectangle(box, outline=colour, width=max(2, self._width // 250))

    def label(self, text: str, box: Rectangle, colour: Colour) -> None:
        place = self._free_place(box, round(self._draw.textlength(text, self._font)))
        self._taken.append(place)
        self._write(text, place, colour)

    def stamp(self, text: str) -> None:
        self._write(text, (0, self._height - self._bar_px, self._width, self._height), _YELLOW)

    @property
    def _bar_px(self) -> int:
        return self._font_px + 2 * self._pad_px

    def _free_place(self, box: Rectangle, text_px: int) -> Rectangle:
        """Above the box, at its upper edge, below it, or at its lower edge: the first free one."""
        bar = self._bar_px
        width = text_px + 2 * self._pad_px
        left = min(max(0, box[0]), max(0, self._width - width))
        lowest = max(0, self._height - bar)
        tops = [top for top in (box[1] - bar, box[1], box[3], box[3] - bar) if 0 <= top <= lowest]
        places = [(left, top, left + width, top + bar) for top in tops]
        free = [p for p in places if not any(_overlap(p, other) for other in self._taken)]
        top = min(max(0, box[1]), lowest)
        return [*free, *places, (left, top, left + width, top + bar)][0]

    def _write(self, text: str, place: Rectangle, colour: Colour) -> None:
        self._draw.rectangle(place, fill=colour)
        red, green, blue = colour
        # Black on light colours, white on dark ones (luma of ITU-R BT.601).
        ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"
        middle = (place[0] + self._pad_px, (place[1] + place[3]) / 2)
        self._draw.text(middle, text, fill=ink, font=self._font, anchor="lm")


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
