"""Which decoder reads a network's outputs, and how pictures are fitted in: by evidence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectlab.decoders.base import Decoder, Outputs
from detectlab.decoders.registry import all_decoders, get_decoder
from detectlab.model_import.evidence import Evidence, make_views, weigh
from detectlab.vision.fitting import Fitting

Run = Callable[[NDArray[Any]], Outputs]
_LIKELY = 0.2  # score of a box whose class counts


class Reading(NamedTuple):
    """A way to read a network, and what speaks for it.

    Attributes:
        decoder: Reads the outputs.
        fitting: How pictures are fitted in.
        classes: How many classes the outputs have; 0 when they do not say.
        evidence: How the boxes behave.
        highest_label: The highest class of a likely box on the trial pictures.
    """

    decoder: Decoder
    fitting: Fitting
    classes: int
    evidence: Evidence
    highest_label: int = 0

    @property
    def describes(self) -> str:
        """The command's options that choose it."""
        return f"--decoder {self.decoder.name} {describe_fitting(self.fitting)}"


def describe_fitting(fitting: Fitting) -> str:
    """The command's options that choose how pictures are fitted in."""
    text = f"--place {fitting.place} --colour {fitting.colour} --scale {fitting.scale:.6g}"
    if any(fitting.mean):
        text += f" --mean {','.join(f'{part:g}' for part in fitting.mean)}"
    if any(part != 1 for part in fitting.deviation):
        text += f" --deviation {','.join(f'{part:g}' for part in fitting.deviation)}"
    return text


class UnclearError(ValueError):
    """Several decoders fit; the user has to look at their drawings and choose.

    Attributes:
        readings: Those that fit.
    """

    def __init__(self, readings: Sequence[Reading]) -> None:
        self.readings = tuple(readings)
        names = " and ".join(reading.decoder.name for reading in readings)
        super().__init__(f"{names} both fit this file. Choose one with `--decoder`.")


def recognise(
    run: Run,
    input_wh: tuple[int, int],
    pictures: Mapping[str, NDArray[np.uint8]],
    *,
    classes: int | None = None,
    decoder: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Reading:
    """Find how a network is read.

    Args:
        run: Runs the network on `(height, width, 3)` float32, its input.
        input_wh: Width and height of the network's input in pixels.
        pictures: Pictures with objects, `(height, width, 3)` uint8 BGR, by name.
        classes: How many classes the detector has, if that is known.
        decoder: The one decoder to try; by default all.
        options: Fields of `Fitting` that are known.

    Returns:
        The only reading whose boxes behave; the best fitting of its decoder.

    Raises:
        UnclearError: When boxes of several decoders behave.
        ValueError: When those of none do; the message says what was tried.
    """
    known = dict(options or {})
    candidates = (get_decoder(decoder),) if decoder else all_decoders()
    trial = _Trial(run, input_wh, pictures)
    outputs = trial.outputs(replace(Fitting(), **known), 0, 0)
    fitting_ones = _signatures(candidates, outputs, input_wh, classes)
    readings: list[Reading] = []
    for candidate, count in fitting_ones:
        for fitting in dict.fromkeys(replace(way, **known) for way in candidate.fittings):
            evidence = trial.weigh(candidate, fitting)
            highest = 0 if evidence.problem else trial.highest_label(candidate, fitting)
            readings.append(Reading(candidate, fitting, count, evidence, highest))
    best = _best(readings if decoder else [r for r in readings if r.evidence.is_convincing])
    if len(best) > 1:
        raise UnclearError(best)
    if not best or (decoder and best[0].evidence.problem):
        raise ValueError(_refusal(outputs, readings))
    return best[0]


class _Trial:
    """Runs a network on the views of all pictures, once for each preprocessing."""

    def __init__(
        self, run: Run, input_wh: tuple[int, int], pictures: Mapping[str, NDArray[np.uint8]]
    ) -> None:
        self._run, self._input_wh = run, input_wh
        self._views = [make_views(picture, input_wh) for picture in pictures.values()]
        self._outputs: dict[tuple[Fitting, int, int], Outputs] = {}

    def outputs(self, fitting: Fitting, picture: int, view: int) -> Outputs:
        key = _pixels_only(fitting), picture, view
        if key not in self._outputs:
            pixels = self._views[picture][view].pixels
            self._outputs[key] = self._run(_as_input(pixels, fitting))
        return self._outputs[key]

    def weigh(self, decoder: Decoder, fitting: Fitting) -> Evidence:
        places = {
            id(view.pixels): (number, place)
            for number, group in enumerate(self._views)
            for place, view in enumerate(group)
        }
        return weigh(
            decoder,
            lambda pixels: self.outputs(fitting, *places[id(pixels)]),
            self._views,
            self._input_wh,
        )

    def highest_label(self, decoder: Decoder, fitting: Fitting) -> int:
        found = 0
        for number, _ in enumerate(self._views):
            outputs = self.outputs(fitting, number, 0)
            boxes = decoder.boxes(outputs, self._input_wh, _LIKELY)
            found = max(found, int(boxes.class_id[boxes.confidence > _LIKELY].max(initial=0)))
        return found


def _as_input(pixels: NDArray[np.uint8], fitting: Fitting) -> NDArray[np.float32]:
    """What the network gets for BGR pixels."""
    ordered = pixels[..., ::-1] if fitting.colour == "rgb" else pixels
    numbers = (ordered * fitting.scale - np.array(fitting.mean)) / np.array(fitting.deviation)
    return np.asarray(numbers, np.float32)


def _pixels_only(fitting: Fitting) -> Fitting:
    return replace(fitting, place="squeeze", fill=Fitting.fill)


def _signatures(
    candidates: Sequence[Decoder],
    outputs: Outputs,
    input_wh: tuple[int, int],
    classes: int | None,
) -> list[tuple[Decoder, int]]:
    """The decoders to which the outputs belong, and the number of classes that each sees."""
    counts = [(decoder, decoder.count_classes(outputs, input_wh)) for decoder in candidates]
    belonging = [(decoder, count) for decoder, count in counts if count is not None]
    if not belonging:
        tried = "; ".join(f"{decoder.name}: {decoder.shapes}" for decoder in candidates)
        raise ValueError(f"no decoder reads such outputs: {describe(outputs)}. Known are {tried}.")
    fitting = [(d, count) for d, count in belonging if count == 0 or classes in (None, count)]
    if not fitting:
        raise ValueError(
            f"there are {classes} class names, which fits no decoder of these outputs: "
            f"{describe(outputs)}. Give the names that the detector was trained with."
        )
    return fitting


def describe(outputs: Outputs) -> str:
    """The names and shapes of outputs in words."""
    parts = [f"{name} {output.shape}" for name, output in outputs.items()]
    return ", ".join(parts[:8]) + (f" and {len(parts) - 8} more" if len(parts) > 8 else "")


def _best(readings: Sequence[Reading]) -> list[Reading]:
    """The best reading of each decoder: that with the highest scores, the usual one in a tie."""
    best: dict[str, Reading] = {}
    for reading in readings:
        name = reading.decoder.name
        if name not in best or _strength(reading) > 1.02 * _strength(best[name]):
            best[name] = reading
    return list(best.values())


def _strength(reading: Reading) -> float:
    evidence = reading.evidence
    return 0.0 if evidence.problem else evidence.confidence * max(evidence.follows, 0.01)


def _refusal(outputs: Outputs, readings: Sequence[Reading]) -> str:
    tried = "; ".join(
        f"as {reading.decoder.name} ({reading.fitting.colour}, scale {reading.fitting.scale:.3g}) "
        f"{reading.evidence.reason}"
        for reading in readings
    )
    return (
        f"the outputs {describe(outputs)} are not understood: {tried}. Export the detector with "
        "its last layer, which computes boxes and scores; or say `--decoder` and how pictures are "
        "fitted in (`--colour`, `--scale`, `--mean`, `--deviation`), if you know it."
    )
