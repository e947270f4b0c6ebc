"""Checks for the exercises about rows and networks of the notebook about packaging."""

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectlab.course.found_objects import (
    FAR,
    NEIGHBOUR,
    SECOND,
    STRONG,
    WEAK,
    compare_objects,
    contains,
)
from detectlab.course.verdicts import NotYet, answer_of, describe, exercise_check, shown

_SIZE_WH = (200, 100)
# Centre, size, objectness, scores of three classes: two objects that touch, a second row of the
# first, one that is far away, and one with high objectness whose classes are all unlikely.
_ROWS = np.array(
    [
        [0.5, 0.5, 0.2, 0.4, 0.85, 0.01, 0.02, 0.7],
        [0.5, 0.5, 0.22, 0.4, 0.9, 0.01, 0.02, 0.8],
        [0.68, 0.5, 0.2, 0.4, 0.8, 0.01, 0.02, 0.6],
        [0.2, 0.7, 0.1, 0.2, 0.95, 0.93, 0.01, 0.03],
        [0.85, 0.2, 0.1, 0.2, 0.9, 0.3, 0.25, 0.2],
    ],
    np.float32,
)
_TIMEOUT_S = 5.0
_CALLERS = 8


@exercise_check
def check_parse_predictions(parse_predictions: Callable[..., Any]) -> str:
    """Check a function that turns a network's rows into corners, classes and scores."""
    usual = [FAR, NEIGHBOUR, STRONG]
    found = _objects(parse_predictions, _ROWS, 0.5, 0.3)
    more = _objects(parse_predictions, _ROWS, 0.2, 0.3)
    if contains(more, NEIGHBOUR) and not contains(found, NEIGHBOUR):
        raise NotYet(
            "a row whose best class has 0.6 is above 0.5, whatever its objectness says. Compare "
            "the best score alone with `confidence`"
        )
    compare_objects(found, usual, "above 0.5")
    compare_objects(more, [*usual, WEAK], "above 0.2")
    found = _objects(parse_predictions, _ROWS, 0.5, 0.95)
    compare_objects(found, [*usual, SECOND], "with an overlap of 0.95 allowed")
    if nothing := _objects(parse_predictions, _ROWS[4:], 0.5, 0.3):
        raise NotYet(f"a picture without objects should give three empty lists. Yours: {nothing}")
    return "Threshold, best class, corners, suppression: these four make any YOLO's rows readable"


def _objects(
    parse: Callable[..., Any], rows: NDArray[np.float32], confidence: float, overlap: float
) -> list[tuple[float, ...]]:
    """The learner's objects as `(x_min, y_min, x_max, y_max, class, score)`."""
    given = answer_of(parse, rows, _SIZE_WH, confidence, overlap)
    if not isinstance(given, tuple | list) or len(given) != 3:
        raise NotYet(f"return three things: corners, classes, scores. Yours: {shown(given)}")
    try:
        corners, classes, scores = (np.asarray(part, float) for part in given)
    except (TypeError, ValueError):
        raise NotYet(f"return arrays of numbers. Yours: {shown(given)}") from None
    if corners.size % 4 or (corners.size and corners.shape[-1] != 4):
        raise NotYet(f"first come corners, four for each object. Yours: {shown(given[0])}")
    corners, classes, scores = corners.reshape(-1, 4), classes.reshape(-1), scores.reshape(-1)
    if not len(corners) == len(classes) == len(scores):
        lengths = f"{len(corners)}, {len(classes)} and {len(scores)}"
        raise NotYet(f"the three belong together, and have {lengths} entries. Pick from all three")
    columns = [*corners.T, classes, scores]
    return [tuple(row) for row in np.stack(columns, axis=1).tolist()]


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
    if _within_time(models, "small") != first:
        raise NotYet("asked for 'small' again after 'large', it reads it again. Keep both")
    fresh = answer_of(models_class, read)
    if _within_time(fresh, "small") == first:
        raise NotYet("two objects share their networks. Make `self.networks` in `__init__`")
    _check_failure(models)
    _check_threads(fresh, reads)
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
