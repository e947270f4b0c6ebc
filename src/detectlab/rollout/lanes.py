"""The detectors of a plan's sides: loaded, warm, with workers of their own."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from detectlab.detection.detector import Detector, load_detector
from detectlab.rollout.fault_injection import DrilledDetector
from detectlab.rollout.plan import Side
from detectlab.serving.deadline import Deadline
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.pool import Pool
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings

Load = Callable[[str], Detector]
_WARM_SIZE = (240, 320, 3)


class UnusableSide(ValueError):
    """A side of a plan asks for what there is not; the message says what there is."""


def load_side(side: Side, load: Load | None = None, settings: Settings | None = None) -> Detector:
    """Load a side's detector, and run it once: its first detection is not anybody's.

    Args:
        side: The side.
        load: Gives a detector by its name; by default those of the registry.
        settings: Where the registry's are kept; by default the environment's.

    Raises:
        ValueError: When there is no such detector or engine.
        Exception: Whatever loading it, or its first detection, raises.
    """
    detector: Detector
    if load and not (side.engine or side.input_size):
        detector = load(side.model)
    else:
        detector = load_detector(side.model, side.engine, side.input_size, settings)
    detector.detect(np.full(_WARM_SIZE, 127, np.uint8))
    return DrilledDetector(detector, side.drill) if side.drill else detector


def check_side(side: Side, pool: Pool) -> None:
    """Raise `UnusableSide` unless a pool has a side's detector, and its files are here."""
    if side.model not in pool.cards:
        raise UnusableSide(
            f"`model` must be one of {', '.join(pool.cards)}. Received: {side.model[:40]!a}"
        )
    if not pool.is_available(side.model):
        raise UnusableSide(
            f"The weights of `{side.model}` are not on this server. Fetch them there with "
            f"`detectlab models pull {side.model}`, then send the plan again."
        )
    if given_load(pool) and (side.engine or side.input_size):
        raise UnusableSide(
            "This server was given its detectors ready-made: `engine` and `input_size` cannot be "
            "chosen."
        )


def given_load(pool: Pool) -> Load | None:
    """What loads a pool's detectors where it is not the registry."""
    return pool.given_load


class Lane:
    """Where the requests of one side run.

    The plain stable side runs in the server's own pool; every other one has workers and a queue of
    its own: a candidate that hangs or is slow keeps nobody else waiting.

    Args:
        side: The side.
        pool: Runs it.
        detector_name: What the side's detector is called in the pool.
        is_own: Whether the pool is closed with the lane.
    """

    def __init__(self, side: Side, pool: Pool, detector_name: str, is_own: bool) -> None:
        self.side = side
        self.pool = pool
        self.detector_name = detector_name
        self.is_own = is_own
        self._is_warm = False
        self._users = 0  # this and the next are touched on the event loop only
        self._is_retired = False

    @classmethod
    def within(cls, pool: Pool, side: Side) -> "Lane":
        """A lane in a pool that has other work, too."""
        return cls(side, pool, side.model, is_own=False)

    @classmethod
    def beside(cls, pool: Pool, side: Side, settings: Settings) -> "Lane":
        """A lane with workers of its own."""
        load = given_load(pool)

        def load_it(name: str) -> Detector:
            try:
                return load_side(side, load, settings)
            except ValueError as error:  # says what to do; other errors go to the log
                raise Unavailable(str(error)) from error

        card = pool.cards.get(side.model)  # none: removed since the plan was made
        cards = {side.label: replace(card, name=side.label)} if card else {}
        own = ThreadPool(load_it, cards, side.label, settings)
        return cls(side, own, side.label, is_own=True)

    async def warm(self, workers: int, deadline: Deadline) -> None:
        """Load the detector and let every worker run it once; at once when that was done before.

        Raises:
            Unavailable: When it cannot be loaded.
            DeadlinePassed: When that takes longer.
        """
        if self._is_warm:
            return  # its workers have other things to do now, and may even hang
        await self.pool.load(self.detector_name, deadline)
        if self.is_own:
            runs = [
                self.pool.run(self.detector_name, _run_undisturbed, deadline)
                for _ in range(workers)
            ]
            await asyncio.gather(*runs)
        self._is_warm = True

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep the lane open for a request, also when it is retired meanwhile."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._close_when_left()

    def refuse(self) -> None:
        """Take nothing new and send away those who wait, unless others have to say so."""
        if self.is_own:
            self.pool.refuse()

    def retire(self) -> None:
        """Close it as soon as nobody uses it any more."""
        self._is_retired = True
        self._close_when_left()

    def _close_when_left(self) -> None:
        if self.is_own and self._is_retired and not self._users:
            # Whatever hangs in there cannot be waited for.
            self.pool.close(0)


def _run_undisturbed(detector: Detector) -> None:
    """Run a detector once on a grey picture, without its drill."""
    sound = detector.sound if isinstance(detector, DrilledDetector) else detector
    sound.detect(np.full(_WARM_SIZE, 127, np.uint8))
