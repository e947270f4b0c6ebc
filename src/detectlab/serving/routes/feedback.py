"""The route for feedback: what a person saw in a picture that was answered."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from detectlab.rollout.controller import RolloutController
from detectlab.rollout.feedback import AlreadyJudged, UnknownAnswer, judge
from detectlab.rollout.rails.base import Observation
from detectlab.rollout.rate_limit import RateLimit, TooManyCalls
from detectlab.rollout.records import ComparisonRecord
from detectlab.rollout.schemas import Feedback, Judgement
from detectlab.rollout.service_hook import RolloutHook
from detectlab.serving import openapi
from detectlab.serving.errors import Refusal
from detectlab.serving.service import Service

_JUDGEMENTS_PER_MINUTE = 120
_TOO_MANY = openapi.described(
    429,
    "Too many judgements in a minute.",
    "At most 120 judgements a minute are taken. Send the next one in 20 s.",
)

REFUSALS: Mapping[type[Exception], Callable[[Any], Refusal]] = {
    AlreadyJudged: lambda error: Refusal(409, str(error)),
    UnknownAnswer: lambda error: Refusal(404, str(error)),
    TooManyCalls: lambda error: Refusal(429, str(error), {"Retry-After": str(error.retry_after_s)}),
}


def add_feedback_routes(routes: APIRouter, service: Service) -> None:
    """Add the route for judgements, for all clients."""
    assert isinstance(service.dispatcher, RolloutHook)
    controller = service.dispatcher.controller
    limit = RateLimit(_JUDGEMENTS_PER_MINUTE)

    @routes.post(
        "/feedback",
        summary="Say what is really in a picture",
        responses={**openapi.UNREADABLE, **_TOO_MANY, **openapi.errors(404, 409, 422, 503)},
    )
    async def feedback(request: Request, seen: Feedback) -> Judgement:
        """Compares an answer with what a person saw, once. `request_id` is its `X-Request-ID`.

        Answers are kept while a rollout plan is set.
        """
        limit.check(request.client.host if request.client else "")
        judged = await run_in_threadpool(
            judge,
            controller.store,
            controller.recorder.log,
            seen.as_detections(),
            request_id=seen.request_id,
            number=seen.number,
        )
        _observe(controller, judged)
        controller.metrics.count_diff("person", judged.diff)
        return Judgement.of(judged)


def _observe(controller: RolloutController, judged: ComparisonRecord) -> None:
    """Pass a judgement to the guard when it is about the candidate that it guards."""
    active, answer = controller.active, judged.answer
    candidate = active.plan.candidate
    is_candidate = answer.role == "candidate" and candidate and answer.model == candidate.label
    if is_candidate and answer.revision >= active.experiment:
        client = f"answer:{answer.request_id}:{answer.number}"
        now, agrees = time.monotonic(), judged.diff.agrees
        active.guard.observe(Observation("judgement", "candidate", client, now, agrees=agrees))
