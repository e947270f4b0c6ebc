"""The routes of a rollout for operators: read and change the plan, history, report."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import HTMLResponse

from detectlab.rollout import report_page
from detectlab.rollout.controller import RolloutController, Transition
from detectlab.rollout.guard import NotEnoughEvidence
from detectlab.rollout.history import PlanChanged
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.report import next_step, report
from detectlab.rollout.schemas import Change, Rollout
from detectlab.rollout.service_hook import RolloutHook
from detectlab.rollout.store import StoreError
from detectlab.rollout.transitions import InvalidTransition, promote, release, roll_back
from detectlab.rollout.versions import UnusableVersion
from detectlab.serving import openapi
from detectlab.serving.auth import operator_of
from detectlab.serving.deadline import DeadlinePassed
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.errors import Refusal
from detectlab.serving.log_format import printable
from detectlab.serving.service import Service

logger = logging.getLogger(__name__)

_FOLLOW_S = 1.0

Why = Annotated[str, Query(max_length=300, description="The reason, for the history.")]
Anyway = Annotated[
    bool, Query(description="Take the step without enough evidence; the history says so.")
]
IfMatch = Annotated[
    str | None,
    Header(description='The revision that it replaces, as in `ETag`: `"3"`.'),
]


class _Move(NamedTuple):
    transition: Transition
    summary: str
    description: str


_MOVES = {
    "promote": _Move(
        promote,
        "One step towards the candidate",
        "A shadow becomes a canary, a canary takes its next share, and in the end green is live. "
        "The guard rails must have enough evidence.",
    ),
    "rollback": _Move(
        roll_back,
        "Give everything back to stable",
        "At once, in every mode; a second one changes nothing. Right after a release it leads to "
        "the version that was stable before.",
    ),
    "release": _Move(
        release,
        "End the rollout: the live version becomes stable",
        "The other colour is unloaded.",
    ),
}


def _unusable_store(error: StoreError) -> Refusal:
    logger.error("%s", error)  # names a file, which the client must not see
    return Refusal(
        503,
        "The rollout's file cannot be used now; the server's log says why. Ask again later.",
        {"Retry-After": "60"},
    )


REFUSALS: Mapping[type[Exception], Callable[[Any], Refusal]] = {
    PlanChanged: lambda error: Refusal(412, str(error)),
    InvalidTransition: lambda error: Refusal(409, str(error)),
    NotEnoughEvidence: lambda error: Refusal(409, str(error)),
    UnusableVersion: lambda error: Refusal(422, str(error)),
    StoreError: _unusable_store,
}


def add_rollout_routes(routes: APIRouter, service: Service) -> None:
    """Add the routes below `/rollout`, for operators."""
    assert isinstance(service.dispatcher, RolloutHook)
    controller = service.dispatcher.controller
    _add_plan(routes, controller)
    for name, move in _MOVES.items():
        _add_move(routes, controller, name, move)
    _add_reports(routes, controller)


def _add_plan(routes: APIRouter, controller: RolloutController) -> None:
    @routes.get("/rollout", summary="Which version answers when no detector is named?")
    async def get_plan(response: Response) -> Rollout:
        """The plan in force. `ETag` is its revision, for `If-Match`."""
        with contextlib.suppress(StoreError, Unavailable, DeadlinePassed, TimeoutError):
            # Include a change by another process; a busy store must not delay the answer.
            await asyncio.wait_for(controller.follow(), _FOLLOW_S)
        return _current(controller, response)

    @routes.put(
        "/rollout",
        summary="Put a plan in force",
        responses={**openapi.UNREADABLE, **openapi.errors(412, 428, 504)},
    )
    async def put_plan(
        request: Request,
        response: Response,
        plan: RolloutPlan,
        if_match: IfMatch = None,
        why: Why = "",
    ) -> Rollout:
        """Loads what the plan needs; then every request is answered as it says.

        `If-Match` must hold the revision that you have read, so that no other change is lost.
        """
        if if_match is None:
            raise Refusal(
                428,
                "Say which plan you replace: GET /rollout, and send its `ETag` as `If-Match`.",
            )
        await controller.follow()
        expected = _revision(if_match, controller)
        await controller.put(plan, replaces=expected, who=operator_of(request), why=printable(why))
        return _current(controller, response)


def _add_move(routes: APIRouter, controller: RolloutController, name: str, move: _Move) -> None:
    @routes.post(
        f"/rollout/{name}",
        summary=move.summary,
        description=move.description,
        name=name,
        responses=openapi.errors(409, 412, 504),
    )
    async def apply(
        request: Request,
        response: Response,
        if_match: IfMatch = None,
        why: Why = "",
        anyway: Anyway = False,
    ) -> Rollout:
        await controller.follow()
        await controller.apply(
            move.transition,
            action=name,
            who=operator_of(request),
            why=printable(why),
            expected=None if if_match is None else _revision(if_match, controller),
            anyway=anyway,
        )
        return _current(controller, response)


def _add_reports(routes: APIRouter, controller: RolloutController) -> None:
    @routes.get("/rollout/history", summary="Every change of the plan, the newest first")
    def history(
        limit: Annotated[int, Query(ge=1, le=1000, description="How many.")] = 100,
    ) -> list[Change]:
        """Who, when, from what, to what, and why."""
        return [Change(**entry.describe()) for entry in controller.history.entries(limit)]

    @routes.get("/rollout/report", summary="How the candidate does, as JSON")
    def read_report() -> dict[str, Any]:
        """The guard rails, what both versions did, and examples on which they disagree."""
        return report(controller)

    @routes.get(
        "/rollout/report.html",
        summary="How the candidate does, as a page",
        response_class=HTMLResponse,
    )
    def read_page() -> Response:
        """The report as a page, with the pictures where they were kept."""
        return HTMLResponse(report_page.render(report(controller)), headers=report_page.HEADERS)


def _current(controller: RolloutController, response: Response) -> Rollout:
    active = controller.active
    response.headers["ETag"] = f'"{active.revision}"'
    return Rollout(
        revision=active.revision,
        summary=active.plan.summary,
        plan=active.plan,
        problem=controller.problem,
        durable=controller.store.is_durable,
        rails=active.rail_statuses(),
        next_step=next_step(active),
    )


def _revision(if_match: str, controller: RolloutController) -> int:
    """The revision of a header `If-Match`; -1, which is refused, when it is not in force."""
    if if_match.strip() == "*":
        return controller.active.revision
    given = [tag.strip() for tag in if_match.split(",")]
    if f'"{controller.active.revision}"' in given:
        return controller.active.revision
    return -1
