"""What the service needs of whatever runs its detectors: threads here, a cluster elsewhere."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from detectlab.detection.detector import Detector
from detectlab.models.registry import ModelCard
from detectlab.serving.deadline import Deadline

T = TypeVar("T")


class PoolFull(RuntimeError):
    """Every place in the queue is taken, or the wait would be too long.

    Attributes:
        retry_after_s: When a place is likely to be free, in whole seconds.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"The server is busy and its queue is full. Ask again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class PoolClosed(RuntimeError):
    """The pool is shutting down and takes nothing new."""

    def __init__(self) -> None:
        super().__init__("The server is shutting down. Ask again in a moment.")


class Pool(Protocol):
    """Runs detectors, with a queue of bounded length.

    Attributes:
        default: The detector that answers when none is named.
    """

    default: str

    @property
    def cards(self) -> Mapping[str, ModelCard]:
        """Every detector that may be asked for now; they may change while the pool runs."""

    @property
    def given_load(self) -> Callable[[str], Detector] | None:
        """What loads a detector by its name, where that is not the registry."""

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the detectors that can answer at once."""

    @property
    def running(self) -> int:
        """How many detections run now."""

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""

    @property
    def longest_s(self) -> float:
        """Longest time that a worker was busy with one request, including those that run now."""

    def card(self, name: str) -> ModelCard | None:
        """The card of one detector, as `cards` has it; quicker for those that cannot change."""

    def is_available(self, name: str) -> bool:
        """Whether `name` is loaded or could be."""

    async def load(self, name: str, deadline: Deadline) -> None:
        """Load a detector ahead of its first use; raises as `run` does."""

    async def run(self, name: str, work: Callable[[Detector], T], deadline: Deadline) -> T:
        """Call `work` with a detector, off the event loop, when it is its turn.

        Args:
            name: One of `cards`.
            work: Called with the detector; should check the deadline when it takes long.
            deadline: Until when the result is wanted.
        """

    def keep(self, names: Iterable[str]) -> None:
        """Pin these detectors against eviction; replaces the earlier pins."""

    def open(self) -> None:
        """Take work, from now on or again."""

    def refuse(self) -> None:
        """Reject new work and the queue; running work continues."""

    def close(self, grace_s: float) -> None:
        """`refuse()`, then wait until running work has ended, at most `grace_s` seconds."""
