"""Checks for the exercises about rows and networks of the notebook about packaging."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectlab.course.verdicts import NotYet, answer_of, describe, exercise_check, shown

_SIZE_WH = (200, 100)
# Centre, size, objectness, scores of three classes: two objects that touch, a second row of the
# first, one that is far away, and one with high objectness whose classes are all unlikely.
_ROWS = np.array(
    [
        [0.5, 0.5, 0.2, 0.4, 0.85, 0.01, 0.02, 0.7],
        [0.5, 0.5, 0.22, 0.4, 0.9, 0.01, 0.02, 0.8],
        [0.68, 0.5, 0.2, 0.4, 0.8, 0.01, 0.02, 0.6],
        [0.2, 0.7, 0.1, 0.2, 0.95, 0.9, 0.01, 0.03],
        [0.85, 0.2, 0.1, 0.2, 0.9, 0.3, 0.25, 0.2],
    ],
    np.float32,
)
_STRONG, _NEIGHBOUR, _FAR, _WEAK, _SECOND = (
    (78, 30, 122, 70, 2, 0.8),
    (116, 30, 156, 70, 2, 0.6),
    (30, 60, 50, 80, 0, 0.9),
    (160, 10, 180, 30, 0, 0.3),
    (80, 30, 120, 70, 2, 0.7),
)
_TIMEOUT_S = 5.0
_CALLERS = 8


@exercise_check
def check_parse_predictions(parse_predictions: Callable[..., Any]) -> str:
    """Check a function that turns a network's rows into corners, classes and scores."""
    usual = [_FAR, _NEIGHBOUR, _STRONG]
    _compare(_objects(parse_predictions, _ROWS, 0.5, 0.3), usual, "above 0.5")
    found = _objects(parse_predictions, _ROWS, 0.2, 0.3)
    _compare(found, [*usual, _WEAK], "above 0.2")
    found = _objects(parse_predictions, _ROWS, 0.5, 0.95)
    _compare(found, [*usual, _SECOND], "with an overlap of 0.95 allowed")
    if nothing := _objects(parse_predictions, _ROWS[4:], 0.5, 0.3):
        raise NotYet(f"a picture without objects should give three empty lists. Yours: {nothing}")
    return "Threshold, best class, corners, suppression: these four make any YOLO's rows readable"


def _objects(
    parse: Callable[..., Any], rows: NDArray[np.float32], confidence: float, overlap: float
) -> list[tuple[float, ...]]:
    """The learner's objects as `(x_min, y_min, x_max, y_max, class, score)`."""
    given = answer_of(parse, rows.copy(), _SIZE_WH, confidence, overlap)
    if not isinstance(given, tuple | list) or len(given) != 3:
        raise NotYet(f"return three things: corners, classes, scores. Yours: {shown(given)}")
    try:
        corners, classes, scores = (np.asarray(part, float) for part in given)
    except (TypeError, ValueError):
        raise NotYet(f"return arrays of numbers. Yours: {shown(given)}") from None
    corners, classes, scores = corners.reshape(-1, 4), classes.reshape(-1), scores.reshape(-1)
    if not len(corners) == len(classes) == len(scores):
        lengths = f"{len(corners)}, {len(classes)} and {len(scores)}"
        raise NotYet(f"the three belong together, and have {lengths} entries. Pick from all three")
    columns = [*corners.T, classes, scores]
    return [tuple(row) for row in np.stack(columns, axis=1).tolist()]


def _compare(
    found: list[tuple[float, ...]], wanted: Sequence[tuple[float, ...]], when: str
) -> None:
    """Compare the objects, and name the mistake where they differ."""
    if len(found) == len(wanted) and all(any(map(_same(one), found)) for one in wanted):
        return
    boxes = np.array([one[:4] for one in found]).reshape(-1, 4)
    if len(boxes) and np.abs(boxes).max() <= 2:
        raise NotYet(
            "your corners are still shares of the picture: multiply x by its width, y by its height"
        )
    for one in wanted:
        first, last = np.array(one[:2]), np.array(one[2:4])
        size, centre = last - first, (first + last) / 2
        mistakes = (
            ([centre, size], "these are centre and size. Corners lie half a size away"),
            ([first, size], "the last two are width and height, not a corner"),
            ([centre, centre + size], "you begin at the centre: the corner is half a size away"),
            ([centre - size, centre + size], "you go a whole size from the centre: half is enough"),
        )
        for box, reason in mistakes:
            if any(np.allclose(np.hstack(box), other, atol=1.01) for other in boxes):
                raise NotYet(reason)
    _explain_count(found, wanted, when)
    yours = "; ".join(map(_text, found)) or "nothing"
    raise NotYet(f"{when} there is {_text(_missing(found, wanted))}. Yours: {yours}")


def _explain_count(
    found: list[tuple[float, ...]], wanted: Sequence[tuple[float, ...]], when: str
) -> None:
    """Name a mistake in what is kept."""
    if any(map(_same(_WEAK), found)) and _WEAK not in wanted:
        raise NotYet(
            "a row whose best class has 0.3 is not above 0.5, whatever its objectness says. "
            "Compare the best score with `confidence`"
        )
    if _WEAK in wanted and not any(map(_same(_WEAK), found)):
        raise NotYet("0.2 finds no more than 0.5: is the threshold your parameter `confidence`?")
    if any(map(_same(_SECOND), found)) and _SECOND not in wanted:
        if any(map(_same(_STRONG), found)):
            raise NotYet("one object has two boxes: the suppression is missing")
        raise NotYet("of two boxes of one object, the more confident one stays, not the first")
    if _SECOND in wanted and not any(map(_same(_SECOND), found)):
        raise NotYet("is the limit of the suppression your parameter `overlap`?")
    if not any(map(_same(_NEIGHBOUR), found)) and any(map(_same(_STRONG), found)):
        raise NotYet("two objects that only touch are two objects: how much may boxes overlap?")
    classes = {round(one[4]) for one in found}
    if found and classes != {round(one[4]) for one in wanted}:
        raise NotYet(
            f"your classes are {sorted(classes)}. The scores begin at column 5, class 0 "
            "first; column 4, the objectness, is above them all"
        )


def _missing(
    found: list[tuple[float, ...]], wanted: Sequence[tuple[float, ...]]
) -> tuple[float, ...]:
    """The first object that was not found as it is."""
    return next((one for one in wanted if not any(map(_same(one), found))), wanted[0])


def _same(one: tuple[float, ...]) -> Callable[[tuple[float, ...]], bool]:
    """Whether another object is this one, but for rounding."""

    def is_same(other: tuple[float, ...]) -> bool:
        near = np.allclose(one[:4], other[:4], atol=1.01)
        return near and one[4] == other[4] and abs(one[5] - other[5]) < 0.01

    return is_same


def _text(one: tuple[float, ...]) -> str:
    corners = ", ".join(f"{corner:.4g}" for corner in one[:4])
    return f"class {one[4]:g} with {one[5]:.2f} at [{corners}]"


@exercise_check
def check_models(models_class: Callable[..., Any]) -> str:
    """Check a class whose `load_model` reads each network once, also for many threads."""
    reads: list[str] = []

    def read(name: str) -> object:
        reads.append(name)
        if name == "broken":
            raise OSError("no such file")
        time.sleep(0.02)  # as reading a file does, this lets other threads in
        return f"network {name} ({reads.count(name)})"

    models = answer_of(models_class, read)
    if reads:
        raise NotYet(f"{reads[0]!r} was read before it was asked for. Read in `load_model` only")
    if not callable(getattr(models, "load_model", None)):
        raise NotYet("the class should have a method `load_model`")
    first, again = (_within_time(models, "small") for _ in range(2))
    if first is None:
        raise NotYet("`load_model` gave None: is there a `return`?")
    if first != "network small (1)":
        raise NotYet(f"return what `self.read(name)` gave. Yours is {shown(first)}")
    if reads.count("small") > 1:
        raise NotYet("asked twice for 'small', it reads it twice. Keep it in `self.networks`")
    if again != first:
        raise NotYet(f"the second call gave {shown(again)} instead of the network")
    other = _within_time(models, "large")
    if other == first:
        raise NotYet("asked for 'large', it gives 'small': keep each under its own name")
    if other != "network large (1)":
        raise NotYet(f"asked for 'large', it gives {shown(other)}")
    _check_failure(models)
    _check_threads(answer_of(models_class, read), reads)
    return f"{_CALLERS} threads, one read"


def _within_time(models: Any, name: str) -> Any:
    """What `load_model` gives; a lock that is never released must not stop the notebook."""
    (result,) = _all_within_time(models, name, 1)
    if isinstance(result, Exception):
        raise NotYet(f"`load_model` raised {describe(result)}")
    return result


def _all_within_time(models: Any, name: str, callers: int) -> list[Any]:
    """What `load_model` gives or raises in so many threads that begin together."""
    results: list[Any] = []
    together = threading.Barrier(callers)

    def ask() -> None:
        together.wait(_TIMEOUT_S)
        try:
            results.append(models.load_model(name))
        except Exception as error:  # whatever a first attempt raises
            results.append(error)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(callers)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + _TIMEOUT_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if len(results) < callers:
        raise NotYet(f"a call of `load_model` does not come back. Is the lock released? {_WITH}")
    return results


_WITH = "`with self.lock:` does that in every case"


def _check_failure(models: Any) -> None:
    """A file that cannot be read fails each time, and the store goes on."""
    for _ in range(2):
        (result,) = _all_within_time(models, "broken", 1)
        if not isinstance(result, OSError):
            raise NotYet(f"when `read` fails, its error should go on. Yours gives {shown(result)}")


def _check_threads(models: Any, reads: list[str]) -> None:
    """Threads that ask at once share one read, whatever its name."""
    for name in ("crowd-1", "crowd-2"):
        results = _all_within_time(models, name, _CALLERS)
        if errors := [one for one in results if isinstance(one, Exception)]:
            raise NotYet(f"with {_CALLERS} threads at once, it raised {describe(errors[0])}")
        if (count := reads.count(name)) > 1:
            raise NotYet(
                f"{_CALLERS} threads ask at once, and the network is read {count} times: between "
                "the `if` and the line that stores, other threads run. Hold one lock of the object "
                "around both"
            )
        if len(set(results)) > 1:
            raise NotYet("threads that ask at once should all get the same network")
