"""The autopilot: rolls back by the guard rails, ramps up by evidence, follows other processes."""

import asyncio
import contextlib
import logging
import time

from detectlab.rollout.controller import RolloutController
from detectlab.rollout.guard import Guard, NotEnoughEvidence, stop_reason
from detectlab.rollout.history import PlanChanged
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.store import StoreError
from detectlab.rollout.transitions import promote
from detectlab.rollout.versions import UnusableVersion
from detectlab.serving.detector_cache import Unavailable

logger = logging.getLogger(__name__)

_EVERY_S = 0.25
GUARD = "guard rails"


def ramps_now(plan: RolloutPlan, guard: Guard, elapsed_s: float) -> bool:
    """Whether a canary takes its next step: its time is over, and every guard rail says go.

    Args:
        plan: The plan in force.
        guard: Judges the candidate.
        elapsed_s: Time since the plan came into force, in seconds.
    """
    canary = plan.canary
    if plan.mode != "canary" or canary.step_every_s is None or canary.share >= canary.steps[-1]:
        return False
    is_time = elapsed_s >= canary.step_every_s
    return is_time and guard.missing_evidence(has_traffic=canary.share > 0) is None


class Autopilot:
    """Looks after a rollout, four times a second.

    Args:
        controller: Of the rollout.
        workers: How many detections of the candidate run at once.
    """

    def __init__(self, controller: RolloutController, workers: int) -> None:
        self._controller = controller
        self._workers = workers
        self._task: asyncio.Task[None] | None = None
        self._problem: str | None = None

    def open(self) -> None:
        """Start, on the controller's event loop."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        await self._warm_up()
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self._judge()
                await self._ramp()
                if self._controller.store.is_durable:
                    await self._controller.follow()
            except (PlanChanged, NotEnoughEvidence):
                pass  # something changed meanwhile: look again
            except (UnusableVersion, Unavailable, StoreError) as error:
                self._report(str(error))
            except Exception as error:
                logger.exception("The rollout cannot go on")
                self._report(type(error).__name__)
            else:
                self._report(None)

    def _report(self, problem: str | None) -> None:
        """Log a problem and show it, once; take it back when it is over."""
        controller = self._controller
        if problem and problem != self._problem:
            logger.error("The rollout cannot go on: %s", problem)
            controller.problem = controller.problem or problem
        elif problem is None and self._problem and controller.problem == self._problem:
            controller.problem = None
        self._problem = problem

    async def _warm_up(self) -> None:
        """Load the versions of the plan; a candidate that cannot be loaded is rolled back."""
        if not self._controller.active.revision:
            return  # without a plan, the service loads its default detector by itself
        try:
            await self._controller.warm_up()
        except RuntimeError as error:
            self._controller.problem = str(error)
            if self._controller.active.plan.candidate_share:
                reason = f"the candidate cannot be loaded: {error}"
                with contextlib.suppress(StoreError):
                    await self._controller.stop_candidate(reason, GUARD)

    async def _judge(self) -> None:
        await self._controller.save_pending(GUARD)
        active = self._controller.active
        if active.plan.candidate_share:
            active.guard.check_running(self._workers)
        statuses = active.rail_statuses()
        self._controller.metrics.show_verdicts(statuses)
        reason = stop_reason(statuses)
        if reason and active.plan.candidate_share:
            await self._controller.stop_candidate(reason, GUARD)

    async def _ramp(self) -> None:
        active = self._controller.active
        if ramps_now(active.plan, active.guard, time.time() - active.since):
            await self._controller.apply(
                promote,
                action="ramp",
                who="schedule",
                why="its time is over, and every guard rail says go",
                expected=active.revision,
            )
