"""Checks about rows and networks: typical wrong answers, and right ones of several forms."""

import threading
from collections import defaultdict

import cv2
import numpy as np
import pytest

from detectlab.course.own_files import labs
from detectlab.course.package_checks import check_models, check_parse_predictions
from detectlab.vision.suppression import non_max_suppression

OWN = labs("own_service")
Models = OWN.Models
parse_predictions = OWN.parse_predictions


def parse(
    rows,
    size_wh,
    confidence=0.5,
    overlap=0.3,
    *,
    score=lambda rows: rows[:, 5:].max(axis=1),
    first_class=5,
    scale=True,
    place=lambda c, s: np.hstack([c - s / 2, c + s / 2]),
    swap=False,
    threshold=None,
    limit=None,
    suppress=True,
):
    """A solution in which each step can go wrong."""
    rows = rows[score(rows) > (threshold or confidence)]
    classes, scores = rows[:, first_class:].argmax(axis=1), rows[:, 5:].max(axis=1)
    size = np.array(size_wh[::-1] if swap else size_wh) if scale else np.ones(2)
    centres, sizes = rows[:, :2] * size, rows[:, 2:4] * size
    boxes = place(centres, sizes)
    corners = np.hstack([centres - sizes / 2, centres + sizes / 2])
    kept = range(len(rows))
    if suppress and len(rows):
        kept = non_max_suppression(corners, scores, iou_threshold=limit or overlap)
    kept = list(kept)
    return boxes[kept], classes[kept], scores[kept]


def with_mistake(**mistake):
    return lambda *arguments: parse(*arguments, **mistake)


def first_one_stays(rows, size_wh, confidence, overlap):
    rows = rows[rows[:, 5:].max(axis=1) > confidence]
    equal = np.linspace(0.99, 0.9, len(rows)) if overlap < 0.9 else None
    corners, classes, scores = parse(rows, size_wh, confidence, overlap, suppress=False)
    if equal is None:
        return corners, classes, scores
    kept = non_max_suppression(corners, equal, iou_threshold=overlap)
    return corners[kept], classes[kept], scores[kept]


def corners_only(*arguments):
    corners, classes, scores = parse(*arguments, suppress=False)
    return corners[:1], classes, scores


def one_decimal(*arguments):
    corners, classes, scores = parse(*arguments)
    return corners, classes, scores.round(1)


def times_objectness(rows, size_wh, *limits):
    rows = rows.copy()
    rows[:, 5:] *= rows[:, 4:5]
    return parse(rows, size_wh, *limits)


def objectness_as_score(rows, *arguments):
    corners, classes, scores = parse(rows, *arguments)
    levels = {0.9: 0.95, 0.8: 0.9, 0.6: 0.8}
    return corners, classes, [levels.get(round(float(score), 1), 0) for score in scores]


def corners_to_opencv(rows, size_wh, confidence, overlap):
    corners, classes, scores = parse(rows, size_wh, confidence, overlap, suppress=False)
    kept = list(cv2.dnn.NMSBoxes(corners, scores, confidence, overlap))
    return corners[kept], classes[kept], scores[kept]


def scales_in_place(rows, size_wh, *limits):
    rows[:, :4] *= [*size_wh, *size_wh]
    return parse(rows, (1, 1), *limits)


def whole_sizes(centres, sizes):
    return np.hstack([centres - sizes, centres + sizes])


WRONG_PARSERS = [
    pytest.param(with_mistake(score=lambda r: r[:, 4]), "whatever its objectness", id="objectness"),
    pytest.param(with_mistake(threshold=0.5), "your parameter `confidence`?", id="fixed-threshold"),
    pytest.param(with_mistake(limit=0.3), "your parameter `overlap`?", id="fixed-overlap"),
    pytest.param(with_mistake(limit=0.01), "two objects that only touch", id="no-overlap-at-all"),
    pytest.param(with_mistake(first_class=4), "The scores begin at column 5", id="class-plus-one"),
    pytest.param(with_mistake(scale=False), "still shares of the picture", id="shares"),
    pytest.param(with_mistake(swap=True), "x goes with the width", id="width-and-height"),
    pytest.param(
        lambda rows, size, *limits: parse(rows, (size[0], size[0]), *limits),
        "y goes with the height, not with the width",
        id="width-twice",
    ),
    pytest.param(
        with_mistake(place=lambda c, s: np.hstack([(c - s / 2)[:, ::-1], (c + s / 2)[:, ::-1]])),
        "x and y are swapped",
        id="y-first",
    ),
    pytest.param(
        with_mistake(place=lambda c, s: np.dstack([c - s / 2, c + s / 2]).reshape(-1, 4)),
        "the order is x_min, y_min",
        id="x-x-y-y",
    ),
    pytest.param(
        with_mistake(score=lambda r: r[:, 4] * r[:, 5:].max(axis=1)),
        "0.6 is above 0.5, whatever its objectness",
        id="objectness-in-the-threshold",
    ),
    pytest.param(times_objectness, "you multiply with the objectness", id="times-objectness"),
    pytest.param(objectness_as_score, "your scores are column 4", id="objectness-as-score"),
    pytest.param(corners_to_opencv, "width and height, not corners?", id="corners-to-opencv"),
    pytest.param(scales_in_place, "your function changes what it gets", id="in-place"),
    pytest.param(lambda *a: parse(*a)[::-1], "first come corners", id="other-order"),
    pytest.param(lambda *a: [*map(np.transpose, parse(*a))], "first come corners", id="columns"),
    pytest.param(
        with_mistake(place=lambda c, s: np.hstack([c, s])), "these are centre and size", id="centre"
    ),
    pytest.param(
        with_mistake(place=lambda c, s: np.hstack([c - s / 2, s])), "not a corner", id="x-y-w-h"
    ),
    pytest.param(
        with_mistake(place=lambda c, s: np.hstack([c, c + s])), "begin at the centre", id="corner"
    ),
    pytest.param(with_mistake(place=whole_sizes), "half is enough", id="whole-size"),
    pytest.param(with_mistake(suppress=False), "the suppression is missing", id="no-suppression"),
    pytest.param(first_one_stays, "the more confident one stays", id="first-stays"),
    pytest.param(one_decimal, "class 0 with 0.93 at", id="one-decimal"),
    pytest.param(corners_only, "have 1, 4 and 4 entries", id="lengths"),
    pytest.param(lambda *a: parse(*a)[:2], "return three things", id="two"),
    pytest.param(lambda *a: None, "return three things: corners, classes, scores", id="none"),
    pytest.param(lambda *a: ("a", "b", "c"), "return arrays of numbers", id="texts"),
    pytest.param(lambda rows: rows, "TypeError", id="arguments"),
    pytest.param(lambda *a: rows, "NameError: name 'rows' is not defined", id="raises"),  # noqa: F821
]


@pytest.mark.parametrize(("attempt", "hint"), WRONG_PARSERS)
def test_parse_predictions_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_parse_predictions, attempt)


def in_a_loop(rows, size_wh, confidence=0.5, overlap=0.3):
    objects = []
    for x, y, w, h, _, *scores in rows.tolist():
        best = max(scores)
        if best > confidence:
            x, w, y, h = x * size_wh[0], w * size_wh[0], y * size_wh[1], h * size_wh[1]
            box = [int(x - w / 2), int(y - h / 2), int(w), int(h)]
            objects.append((box, scores.index(best), best))
    boxes, _, scores = zip(*objects, strict=True) if objects else ((), (), ())
    kept = [objects[i] for i in cv2.dnn.NMSBoxes(boxes, scores, confidence, overlap)]
    corners = [[x, y, x + w, y + h] for (x, y, w, h), _, _ in kept]
    return corners, [number for _, number, _ in kept], [score for *_, score in kept]


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(parse_predictions, id="arrays"),
        pytest.param(in_a_loop, id="loop"),
        pytest.param(parse, id="own-suppression"),
        pytest.param(lambda *a: [part.tolist() for part in parse(*a)], id="lists"),
    ],
)
def test_parse_predictions_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_parse_predictions, attempt).startswith("Correct. ")


class ReadsEachTime(Models):
    def load_model(self, name):
        return self.read(name)


class Eager(Models):
    def __init__(self, read):
        super().__init__(read)
        self.networks["small"] = read("small")


class OneForAll(Models):
    def load_model(self, name):
        with self.lock:
            if not self.networks:
                self.networks["any"] = self.read(name)
        return self.networks["any"]


class NoLock(Models):
    def load_model(self, name):
        if name not in self.networks:
            self.networks[name] = self.read(name)
        return self.networks[name]


class LockOfItsOwn(Models):
    def load_model(self, name):
        with threading.Lock():
            return NoLock.load_model(self, name)


class LockTooLate(Models):
    def load_model(self, name):
        if name not in self.networks:
            with self.lock:
                self.networks[name] = self.read(name)
        return self.networks[name]


class LastOneOnly(Models):
    def load_model(self, name):
        with self.lock:
            if name not in self.networks:
                self.networks = {name: self.read(name)}
            return self.networks[name]


class ForAllObjects(Models):
    kept = {}  # noqa: RUF012

    def load_model(self, name):
        with self.lock:
            if name not in self.kept:
                self.kept[name] = self.read(name)
            return self.kept[name]


class ReadsAnyway(Models):
    def load_model(self, name):
        with self.lock:
            return self.networks.setdefault(name, self.read(name))


class ReturnsOnce(Models):
    def load_model(self, name):
        with self.lock:
            if name not in self.networks:
                self.networks[name] = self.read(name)
                return self.networks[name]
            return None


class CallsTheLock(Models):
    def load_model(self, name):
        with self.lock():
            return NoLock.load_model(self, name)


class NeverReleased(Models):
    def load_model(self, name):
        self.lock.acquire()
        return NoLock.load_model(self, name)


class NothingReturned(Models):
    def load_model(self, name):
        super().load_model(name)


class KeepsFailures(Models):
    def load_model(self, name):
        with self.lock:
            try:
                return NoLock.load_model(self, name)
            except OSError:
                self.networks[name] = None


class NameOnly(Models):
    def load_model(self, name):
        return name


class Misspelt(Models):
    def load_model(self, name):
        return self.network[name]


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(ReadsEachTime, "asked twice for 'small', it reads it twice", id="each-time"),
        pytest.param(Eager, "'small' was read before it was asked for", id="eager"),
        pytest.param(OneForAll, "keep each under its own name", id="one-for-all"),
        pytest.param(NoLock, "8 threads ask at once, and the network is read", id="no-lock"),
        pytest.param(LockOfItsOwn, "Hold one lock of the object", id="a-lock-each"),
        pytest.param(LockTooLate, "the line that stores, other threads run", id="lock-late"),
        pytest.param(NeverReleased, "Is the lock released?", id="never-released"),
        pytest.param(LastOneOnly, "asked for 'small' again after 'large'", id="last-only"),
        pytest.param(ForAllObjects, "two objects share their networks", id="for-all-objects"),
        pytest.param(ReadsAnyway, "it reads it twice", id="setdefault"),
        pytest.param(ReturnsOnce, "the second call gave None", id="returns-once"),
        pytest.param(CallsTheLock, "TypeError: '_thread.lock' object is not callable", id="call"),
        pytest.param(NothingReturned, "is there a `return`?", id="none"),
        pytest.param(KeepsFailures, "its error should go on. Yours gives None", id="failure-kept"),
        pytest.param(NameOnly, "return what `self.read(name)` gave", id="name"),
        pytest.param(Misspelt, "AttributeError: 'Misspelt' object has no attribute", id="raises"),
        pytest.param(Models(str), "pass the function itself", id="an-object"),
        pytest.param(lambda read: object(), "should have a method `load_model`", id="no-method"),
    ],
)
def test_models_with_a_mistake_names_it(monkeypatch, not_yet, attempt, hint):
    monkeypatch.setattr("detectlab.course.package_checks._TIMEOUT_S", 0.5)

    assert hint in not_yet(check_models, attempt)


class LooksTwice(Models):
    def load_model(self, name):
        if name not in self.networks:
            with self.lock:
                if name not in self.networks:
                    self.networks[name] = self.read(name)
        return self.networks[name]


class LockForEach:
    def __init__(self, load):
        self.load, self.held, self.lock = load, {}, threading.RLock()

    def load_model(self, name):
        with self.lock:
            network = self.held.get(name) or self.load(name)
            self.held[name] = network
        return network


class LockByName(Models):
    def __init__(self, read):
        super().__init__(read)
        self.locks = defaultdict(threading.Lock)

    def load_model(self, name):
        with self.lock:
            lock = self.locks[name]
        with lock:
            try:
                return self.networks[name]
            except KeyError:
                return self.networks.setdefault(name, self.read(name))


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(LockByName, id="lock-by-name"),
        pytest.param(Models, id="one-lock"),
        pytest.param(LooksTwice, id="looks-twice"),
        pytest.param(LockForEach, id="other-names"),
    ],
)
def test_models_that_are_right_are_correct(verdict, attempt):
    assert verdict(check_models, attempt).startswith("Correct. ")
