"""No input of the corpus costs more than a second of processor time or 300 MB."""

import random
import sys
from collections.abc import Iterator

import hostile_pictures as hostile
import pytest

from fuzz.cost import MAX_MEGABYTES, MAX_SECONDS, Judge
from fuzz.mutations import FORMATS, mutate, seeds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measures with /proc")


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    judge = Judge()
    yield judge
    judge.close()


@pytest.mark.parametrize("name", hostile.CORPUS)
def test_hostile_picture_is_refused_or_cheap(judge: Judge, name: str) -> None:
    cost = judge.cost(hostile.CORPUS[name]())

    assert cost.seconds <= MAX_SECONDS, cost
    assert cost.megabytes <= MAX_MEGABYTES, cost


@pytest.mark.parametrize("format", FORMATS)
def test_mutated_input_is_refused_or_cheap(judge: Judge, format: str) -> None:
    rng = random.Random(1)
    for data in seeds(format) * 10:
        cost = judge.cost(mutate(format, data, rng), format == "form")
        assert cost.megabytes <= MAX_MEGABYTES, cost
        assert not cost.outcome.startswith("ended the process"), cost
