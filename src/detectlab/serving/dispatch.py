"""The hook for a rollout: which detector answers the requests that name none.

Without a plan (`Dispatcher.has_plan`) the service answers with the pool's default detector and
calls nothing of it.
"""

from contextlib import AbstractContextManager
from typing import Protocol

from starlette.requests import Request

from detectlab.detection.detector import Detector
from detectlab.serving.deadline import Deadline
from detectlab.serving.observation import Observations
from detectlab.serving.pool import Pool
from detectlab.serving.prediction import Answer, Query


class Assignment(Protocol):
    """The detector that answers one request."""

    @property
    def detector_name(self) -> str:
        """Its name in `pool`."""

    @property
    def pool(self) -> Pool:
        """The pool that runs it."""

    @property
    def lane(self) -> str:
        """`"stable"` or `"candidate"`."""

    def adapt(self, query: Query) -> Query:
        """The query with the plan's values where the client chose none."""

    def watch(self, detector: Detector) -> Detector:
        """The detector, with its latency and errors recorded."""

    def record(self, answer: Answer, query: Query, number: int) -> None:
        """Record an answer and compare it; returns at once, and does not fail.

        Args:
            answer: The answer.
            query: What the client asked.
            number: Index of the picture in its request.
        """


class Dispatcher(Protocol):
    """Assigns requests to detectors, as a rollout plan says.

    Attributes:
        has_plan: Whether a plan is in force. A plain attribute: it is read at each request.
    """

    has_plan: bool

    @property
    def stable_model(self) -> str:
        """The detector that clients compare against: its classes are the ones that count."""

    def assign(self, request: Request) -> AbstractContextManager[Assignment]:
        """The detector for a request, noted in its state; usable until the end of the block."""

    async def load(self, deadline: Deadline) -> None:
        """Load the detectors that may have to answer; raises as `Pool.load` does."""

    def open(self) -> None:
        """Start work, on the running event loop."""

    def refuse(self) -> None:
        """Reject the queued requests of pools other than the service's own."""

    async def close(self) -> None:
        """Stop work, and write what is pending."""


class Watcher(Protocol):
    """Watches the answers.

    Attributes:
        observed: The service appends what it observed; the watcher takes it from there.
    """

    observed: Observations
    share: float  # of the pictures, those whose pixels it wants to see

    def open(self) -> None:
        """Start work."""

    def close(self) -> None:
        """Stop work, once all that was observed is counted; blocks."""
