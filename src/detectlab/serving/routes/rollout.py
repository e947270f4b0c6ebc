"""The routes of a rollout: read and change the plan, report, and feedback from people."""

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from detectlab.rollout import report_page
from detectlab.rollout.controller import Router
from detectlab.rollout.feedback import UnknownAnswer, judge
from detectlab.rollout.history import PlanChanged
from detectlab.rollout.lanes import UnusableSide
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.report import report
from detectlab.rollout.schemas import Change, Feedback, Judgement, Rollout
from detectlab.rollout.service_hook import RolloutHook
from detectlab.rollout.store import StoreError
from detectlab.rollout.transitions import NoSuchMove, promoted, released, rolled_back
from detectlab.serving import openapi
from detectlab.serving.auth import check_operator, operator_of
from detectlab.serving.deadline import DeadlinePassed
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.errors import Refusal
from detectlab.serving.service import Service

Why = Annotated[str, Query(max_length=300, description="The reason, for the history.")]
IfMatch = Annotated[
    str | None,
    Header(description='The revision that is to be replaced, as `ETag` says it: `"3"`.'),
]
_MOVES = {
    "promote": (
        promoted, "One step towards the candidate",
        "A shadow becomes a canary, a canary takes its next share, and in the end green is live.",
    ),
    "rollback": (
        rolled_back, "Give everything back to stable",
        "At once, in every mode. After a release it leads to who was stable before.",
    ),
    "release": (
        released, "End the rollout: who is live becomes stable",
        "The other colour is unloaded.",
    ),
}  # fmt: skip
logger = logging.getLogger(__name__)

_UNREADABLE = openapi.described(400, "The body is no JSON.", "There was an error parsing the body")


def _no_store(error: StoreError) -> Refusal:
    logger.error("%s", error)  # names a file, which is nobody else's business
    return Refusal(
        503,
        "The rollout's file cannot be used now; the server's log says why. Ask again later.",
        {"Retry-After": "60"},
    )


REFUSALS: Mapping[type[Exception], Callable[[Any], Refusal]] = {
    PlanChanged: lambda error: Refusal(412, str(error)),
    NoSuchMove: lambda error: Refusal(409, str(error)),
    UnusableSide: lambda error: Refusal(422, str(error)),
    UnknownAnswer: lambda error: Refusal(404, str(error)),
    StoreError: _no_store,
}


def rollout_routes(service: Service) -> APIRouter:
    """Routes for operators, and `/feedback` for everybody."""
    assert isinstance(service.dispatcher, RolloutHook)
    router = service.dispatcher.router

    async def check(request: Request) -> None:
        check_operator(request, service.settings)

    operators = APIRouter(
        prefix="/rollout", tags=["rollout"], dependencies=[Depends(check)],
        responses=openapi.errors(403, 422, 503),
    )  # fmt: skip
    _add_plan(operators, router)
    for name in _MOVES:
        _add_move(operators, router, name)
    _add_reports(operators, router)
    everybody = APIRouter(tags=["rollout"])
    everybody.include_router(operators)
    _add_feedback(everybody, router)
    return everybody


def _add_plan(routes: APIRouter, router: Router) -> None:
    @routes.get("", summary="Who answers when no detector is named?")
    async def get_plan(response: Response) -> Rollout:
        """The plan in force. `ETag` is its revision, for `If-Match`."""
        with contextlib.suppress(StoreError, Unavailable, DeadlinePassed):
            await router.follow()  # what another process was told a moment ago counts, too
        return _current(router, response)

    @routes.put(
        "", summary="Put a plan in force",
        responses={**_UNREADABLE, **openapi.errors(412, 428, 504)},
    )  # fmt: skip
    async def put_plan(
        request: Request, response: Response, plan: RolloutPlan, if_match: IfMatch = None,
        why: Why = "",
    ) -> Rollout:  # fmt: skip
        """What the plan needs is loaded first; then every request is answered as it says.

        `If-Match` must hold the revision that you have seen, so that nobody's change is lost.
        """
        if if_match is None:
            raise Refusal(
                428,
                "Say which plan you replace: GET /rollout, and send its `ETag` as `If-Match`.",
            )
        await router.follow()
        expected = _revision(if_match, router)
        await router.put(plan, expected, operator_of(request), why)
        return _current(router, response)


def _add_move(routes: APIRouter, router: Router, name: str) -> None:
    change, summary, description = _MOVES[name]

    @routes.post(
        f"/{name}", summary=summary, description=description, name=name,
        responses=openapi.errors(409, 412, 504),
    )  # fmt: skip
    async def move(
        request: Request, response: Response, if_match: IfMatch = None, why: Why = ""
    ) -> Rollout:
        await router.follow()
        expected = None if if_match is None else _revision(if_match, router)
        await router.move(change, name, operator_of(request), why, expected)
        return _current(router, response)


def _add_reports(routes: APIRouter, router: Router) -> None:
    @routes.get("/history", summary="Every change of the plan, the newest first")
    def history(
        limit: Annotated[int, Query(ge=1, le=1000, description="How many.")] = 100,
    ) -> list[Change]:
        """Who, when, from what, to what, and why."""
        return [Change(**entry.describe()) for entry in router.history.entries(limit)]

    @routes.get("/report", summary="How the candidate does, as JSON")
    def read_report() -> dict[str, Any]:
        """What both sides did, how far they agree, and examples where they do not."""
        return report(router)

    @routes.get(
        "/report.html", summary="How the candidate does, as a page", response_class=HTMLResponse
    )
    def read_page() -> Response:
        """The same for people, with the pictures where they were kept."""
        return HTMLResponse(
            report_page.render(report(router)),
            headers={"Content-Security-Policy": report_page.POLICY, "Cache-Control": "no-store"},
        )


def _add_feedback(routes: APIRouter, router: Router) -> None:
    @routes.post(
        "/feedback", summary="Say what is really in a picture",
        responses={**_UNREADABLE, **openapi.errors(404, 422, 503)},
    )  # fmt: skip
    async def feedback(seen: Feedback) -> Judgement:
        """Compares an answer with what a person saw. `request_id` is the answer's `X-Request-ID`.

        Answers are remembered while a rollout plan is set.
        """
        judged = await run_in_threadpool(
            judge, router.store, router.recorder.journal, seen.request_id, seen.number,
            seen.as_detections(),
        )  # fmt: skip
        if judged.side == "candidate":
            router.state.watch.note_pair(judged.comparison.agrees)
        router.recorder.judged(judged.comparison)
        return Judgement.of(judged)


def _current(router: Router, response: Response) -> Rollout:
    state = router.state
    response.headers["ETag"] = f'"{state.revision}"'
    return Rollout(
        revision=state.revision,
        summary=state.plan.summary,
        plan=state.plan,
        problem=router.problem,
        durable=router.store.is_durable,
    )


def _revision(if_match: str, router: Router) -> int:
    """The revision that a header `If-Match` means; one that is not in force is refused later."""
    if if_match.strip() == "*":
        return router.state.revision
    given = [tag.strip() for tag in if_match.split(",")]
    if f'"{router.state.revision}"' in given:
        return router.state.revision
    return -1
