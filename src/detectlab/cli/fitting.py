"""Options of commands that say how a detector's outputs are read and pictures fitted in."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from detectlab.models.card import ModelCard

Decoder = Annotated[
    str | None, typer.Option(help="How its outputs are read; by default it is found out.")
]
Colour = Annotated[str | None, typer.Option(help="Order of its channels: rgb or bgr.")]
Scale = Annotated[
    float | None, typer.Option(help="Factor of pixels from 0 to 255; 255 means 1/255.")
]
Mean = Annotated[
    str | None, typer.Option(help="Subtracted after the factor: one number, or three with commas.")
]
Deviation = Annotated[
    str | None, typer.Option(help="Divides the result: one number, or three with commas.")
]
Place = Annotated[
    str | None, typer.Option(help="A picture's place in the input: squeeze, centre or top-left.")
]


def describe_decoding(card: "ModelCard") -> str:
    """The decoder, and how pictures are fitted in where that is stored."""
    fitting = card.fitting
    if fitting is None:
        return card.decoder
    parts = [card.decoder, fitting.place, fitting.colour, f"scale {fitting.scale:.3g}"]
    for title, values, neutral in (
        ("mean", fitting.mean, 0),
        ("deviation", fitting.deviation, 1),
    ):
        if any(value != neutral for value in values):
            parts.append(f"{title} {', '.join(f'{value:g}' for value in values)}")
    return ", ".join(parts)


def fitting_options(
    *,
    colour: str | None,
    scale: float | None,
    mean: str | None,
    deviation: str | None,
    place: str | None,
) -> dict[str, Any]:
    """The fields of `Fitting` that options say.

    Args:
        colour: Order of the channels.
        scale: Factor on pixels; above 1 it is a divisor.
        mean: One number, or three with commas.
        deviation: One number, or three with commas.
        place: A picture's place in the input.

    Raises:
        ValueError: When an option has no such value.
    """
    from detectlab.vision.fitting import COLOURS, PLACES

    for option, value, allowed in (("colour", colour, COLOURS), ("place", place, PLACES)):
        if value is not None and value not in allowed:
            raise ValueError(f"`--{option}` must be {' or '.join(allowed)}. Received: {value!r}")
    if scale is not None and not 0 < scale <= 255:
        raise ValueError(f"`--scale` must be above 0 and at most 255. Received: {scale}")
    said = {
        "colour": colour,
        "place": place,
        "scale": 1 / scale if scale and scale > 1 else scale,
        "mean": _triple("mean", mean),
        "deviation": _triple("deviation", deviation),
    }
    return {name: value for name, value in said.items() if value is not None}


def _triple(option: str, text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    usable = all(math.isfinite(value) for value in values) and len(values) in (1, 3)
    if not usable or (option == "deviation" and 0 in values):
        raise ValueError(
            f"`--{option}` must be one number or three with commas, in the order of the channels. "
            f"Received: {text!r}"
        )
    return values if len(values) == 3 else values * 3
