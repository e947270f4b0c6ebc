"""What happens to a plan by itself: guard rails, timed steps, changes by other processes."""

import asyncio
import contextlib
import logging
import time

from detectlab.rollout.controller import Router
from detectlab.rollout.history import PlanChanged
from detectlab.rollout.lanes import UnusableSide
from detectlab.rollout.store import StoreError
from detectlab.rollout.transitions import promoted, rolled_back
from detectlab.serving.detector_cache import Unavailable

logger = logging.getLogger(__name__)

_EVERY_S = 0.25
GUARD = "guard rails"


class Keeper:
    """Looks after a router, four times a second.

    Args:
        router: The router.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin; belongs to the router's event loop."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        await self._warm()
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self._judge()
                await self._ramp()
                if self._router.store.is_durable:
                    await self._router.follow()
            except PlanChanged:
                pass  # somebody was quicker: look again
            except (UnusableSide, Unavailable, StoreError) as error:
                if self._router.problem != str(error):
                    logger.error("The rollout cannot go on: %s", error)
                self._router.problem = str(error)
            except Exception:
                logger.exception("The rollout cannot go on")

    async def _warm(self) -> None:
        """Load what the plan needs; a candidate that cannot be loaded is not waited for."""
        try:
            await self._router.warm()
        except RuntimeError as error:
            self._router.problem = str(error)
            if self._router.state.plan.answers_with_candidate:
                with contextlib.suppress(RuntimeError, ValueError):
                    await self._roll_back(f"the candidate cannot be loaded: {error}")

    async def _judge(self) -> None:
        state = self._router.state
        if state.plan.answers_with_candidate:
            reason = state.watch.verdict(state.plan.guard_rails)
            if reason:
                await self._roll_back(reason)

    async def _roll_back(self, reason: str) -> None:
        revision = self._router.state.revision
        try:
            await self._router.move(rolled_back, "rollback", GUARD, reason, revision)
        except StoreError as error:
            logger.error("The candidate is stopped, but this cannot be saved: %s", error)
            self._router.step_aside(f"{reason}. {error}")

    async def _ramp(self) -> None:
        state = self._router.state
        canary = state.plan.canary
        if state.plan.mode != "canary" or canary.step_every_s is None:
            return
        if canary.share < canary.steps[-1] and time.time() - state.since >= canary.step_every_s:
            why = f"{canary.step_every_s:g} s without a reason to stop"
            await self._router.move(promoted, "ramp", "schedule", why, state.revision)
