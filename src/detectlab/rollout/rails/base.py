"""What every guard rail is: observations in, a verdict out."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from detectlab.rollout.plan import GuardRails, Role
from detectlab.sequential_test import BLOCK_S, RecentShare, SequentialTest, wilson_interval

Verdict = Literal["stop", "go", "wait"]
_MAX_CLIENTS = 100_000
# Observations of the candidate that wait for one of stable; more are weighed without.
_MAX_WAITING = 10


@dataclass(frozen=True)
class Observation:
    """One event that guard rails judge.

    Attributes:
        kind: `answer`, `running` (an answer that is not finished yet), `comparison` of the
            candidate with stable, or `judgement` of an answer by a person.
        role: The version that it is about.
        client: Key of the client; each client counts once in five minutes.
        at: When, in seconds of the monotonic clock.
        seconds: Time that the detector took, or takes until now; `None` when it is not comparable.
        failed: Whether there was no answer.
        agrees: Of a comparison or judgement: whether both have the same objects.
    """

    kind: Literal["answer", "running", "comparison", "judgement"]
    role: Role
    client: str
    at: float
    seconds: float | None = None
    failed: bool = False
    agrees: bool = True


class RailStatus(BaseModel):
    """A guard rail: what it has seen in this server process, and its verdict."""

    name: str
    verdict: Verdict = Field(description="`wait`: there is not enough evidence yet.")
    text: str = Field(description="The verdict as a sentence.")
    limit: float
    observed: float | None = Field(description="In the unit of the limit.")
    interval: tuple[float, float] | None = Field(description="95 % interval of `observed`.")
    seen: int = Field(description="Number of observations.")
    missing: int = Field(description="About how many more good observations `go` takes.")


@dataclass(frozen=True)
class RailContext:
    """What a guard rail is built from.

    Attributes:
        limits: The limits of the plan.
        alpha: Probability of a false stop within an hour, for this rail.
        deadline_s: Deadline of a request.
        stable_p95: Gives the 95th percentile of the stable version's latency in seconds, or `None`
            while it is unknown.
        warm_up_s: Gives the time of the stable version's warm-up, or `None`.
        loaded: Names of the detectors in memory.
    """

    limits: GuardRails
    alpha: float
    deadline_s: float = 30.0
    stable_p95: Callable[[], float | None] = lambda: None
    warm_up_s: Callable[[], float | None] = lambda: None
    loaded: Callable[[], object] = tuple


class GuardRail(ABC):
    """Judges one property of a candidate.

    Args:
        context: The limits, and what is known of stable.
    """

    name: ClassVar[str]
    # Its limit: a field of `GuardRails`.
    limit_field: ClassVar[str] = ""
    # Whether it can judge only a candidate that answers clients: it then counts for no step before.
    needs_traffic: ClassVar[bool] = False

    def __init__(self, context: RailContext) -> None:
        limit = self.limit_of(context.limits)
        assert limit is not None
        self.context = context
        self.limit = limit

    @classmethod
    def limit_of(cls, limits: GuardRails) -> float | None:
        """The limit that a plan sets; `None` when it does not have this rail."""
        limit: float | None = getattr(limits, cls.limit_field)
        return limit

    @abstractmethod
    def observe(self, observation: Observation) -> None:
        """Take an observation into account."""

    @abstractmethod
    def restart_go(self) -> None:
        """Forget the evidence for `go`: the next step of the rollout has to earn it."""

    @abstractmethod
    def verdict(self) -> Verdict:
        """The verdict now."""

    @abstractmethod
    def status(self) -> RailStatus:
        """The verdict now, and what was seen."""


class RateRail(GuardRail):
    """A guard rail on the rate of bad observations; see `SequentialTest`.

    Args:
        context: The limits, and what is known of stable.
        runs: As for `SequentialTest`.
    """

    # What is counted, as in "3 of 10 answers failed".
    counted: ClassVar[str]

    def __init__(self, context: RailContext, runs: int = 1) -> None:
        super().__init__(context)
        alpha, beta = context.alpha, context.limits.beta
        self._test = SequentialTest(self.limit, alpha=alpha, beta=beta, runs=runs)
        self._stable = RecentShare(runs)
        self._waiting: deque[tuple[Any, float]] = deque()
        self._seen = 0
        self._bad: Any = 0
        self._block: float | None = None
        self._clients: set[str] = set()

    @abstractmethod
    def is_bad(self, observation: Observation) -> Any:
        """Whether an observation is bad; `None` when it says nothing about this rail."""

    def observe(self, observation: Observation) -> None:
        """Weigh an observation: of stable as the baseline, of the candidate as evidence."""
        bad = self.is_bad(observation)
        if bad is None:
            return
        at = observation.at
        if observation.role == "stable":
            self._stable.observe(bad, at=at)
            self._weigh(at, keep=0)
        elif self._counts(observation):
            self._seen += 1
            self._bad += bad
            self._waiting.append((bad, at))
            self._weigh(at, keep=_MAX_WAITING if self._stable.is_known(at) else 0)

    def _weigh(self, now: float, *, keep: int) -> None:
        """Weigh what the candidate did, except for the last `keep` observations.

        They wait for the next one of stable: a fault that both have may show in the candidate
        first.
        """
        baseline = self._stable.upper_bound(now) if len(self._waiting) > keep else 0.0
        while len(self._waiting) > keep:
            bad, at = self._waiting.popleft()
            self._test.observe(bad, at=at, baseline=baseline)

    def restart_go(self) -> None:
        """Forget the evidence for `go`."""
        self._test.restart_go()

    @property
    def test(self) -> SequentialTest:
        """The test, for simulations."""
        return self._test

    def verdict(self) -> Verdict:
        """The verdict now."""
        if self._test.stop[0]:
            return "stop"
        return "go" if self._test.go[0] else "wait"

    def status(self) -> RailStatus:
        """The verdict now, and what was seen."""
        verdict = self.verdict()
        missing = self._test.missing() if verdict == "wait" else 0
        counts = f"{self._bad} of {self._seen} {self.counted}"
        share = self._bad / self._seen if self._seen else None
        text = {
            "stop": f"{counts}: {share or 0:.0%}, at most {self.limit:.0%} are allowed",
            "go": f"{counts}, at most {self.limit:.0%} are allowed",
            "wait": f"{counts}; about {missing:,} more good ones are needed",
        }[verdict]
        interval = wilson_interval(self._bad, self._seen) if self._seen else None
        return RailStatus(
            name=self.name,
            verdict=verdict,
            text=text,
            limit=self.limit,
            observed=share,
            interval=interval,
            seen=self._seen,
            missing=missing,
        )

    def _counts(self, observation: Observation) -> bool:
        """Whether this is the client's first observation in this block.

        A client that retries would otherwise be many observations of one cause.
        """
        block = observation.at // BLOCK_S
        if block != self._block or len(self._clients) >= _MAX_CLIENTS:
            self._block = block
            self._clients.clear()
        if observation.client in self._clients:
            return False
        self._clients.add(observation.client)
        return True
