"""The guard rail on memory."""

from typing import ClassVar

import psutil

from detectlab.rollout.rails.base import GuardRail, Observation, RailContext, RailStatus, Verdict

_ENOUGH = 20


class MemoryRail(GuardRail):
    """Stops a candidate while which answers the server's memory grows beyond the limit.

    The growth is that of the process since the candidate's first answer: measured again when a
    detector is loaded or unloaded, which is not the candidate's doing.
    """

    name = "memory"
    limit_field = "max_memory_growth_mb"
    needs_traffic: ClassVar[bool] = True

    def __init__(self, context: RailContext) -> None:
        super().__init__(context)
        self._process = psutil.Process()
        self._loaded: object = None
        self._base_mb = 0.0
        self._growth_mb = 0.0
        self._seen = 0
        self._seen_in_step = 0

    def observe(self, observation: Observation) -> None:
        """Measure the process at each answer of the candidate."""
        if observation.role != "candidate" or observation.seconds is None:
            return
        now_mb, loaded = self._process.memory_info().rss / 2**20, self.context.loaded()
        if not self._seen or loaded != self._loaded:
            self._base_mb, self._loaded = now_mb - self._growth_mb, loaded
        self._growth_mb = now_mb - self._base_mb
        if observation.kind == "answer":
            self._seen += 1
            self._seen_in_step += 1

    def restart_go(self) -> None:
        """Count the answers of a step anew."""
        self._seen_in_step = 0

    def verdict(self) -> Verdict:
        """The verdict now."""
        if self._growth_mb > self.limit:
            return "stop"
        return "go" if self._seen_in_step >= _ENOUGH else "wait"

    def status(self) -> RailStatus:
        """The verdict now, and what was seen."""
        verdict = self.verdict()
        missing = _ENOUGH - self._seen_in_step if verdict == "wait" else 0
        text = (
            f"the server's memory grew by {self._growth_mb:,.0f} MB in {self._seen} answers, at "
            f"most {self.limit:,.0f} MB are allowed"
        )
        if missing:
            text += f"; about {missing} more good answers are needed"
        observed = round(self._growth_mb, 1) if self._seen else None
        return RailStatus(
            name=self.name,
            verdict=verdict,
            text=text,
            limit=self.limit,
            observed=observed,
            interval=None,
            seen=self._seen,
            missing=missing,
        )
