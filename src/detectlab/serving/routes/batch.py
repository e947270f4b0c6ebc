"""The route that finds the objects in several pictures."""

from dataclasses import replace

from fastapi import APIRouter, Request, Response

from detectlab.serving import openapi
from detectlab.serving.errors import Refusal
from detectlab.serving.routes.parameters import Confidence, Model, NmsThreshold
from detectlab.serving.schemas import FileError, Result
from detectlab.serving.service import Service


def add_batch_routes(router: APIRouter, service: Service) -> None:
    """Add the route `/predict/batch`."""

    @router.post(
        "/predict/batch",
        summary="Find the objects in several pictures",
        responses=openapi.PICTURE_ERRORS,
        openapi_extra=openapi.batch_body(service.settings.max_batch_files),
    )
    async def predict_batch(
        request: Request,
        response: Response,
        model: Model = None,
        confidence: Confidence = 0.5,
        nms_threshold: NmsThreshold = 0.3,
    ) -> list[Result | FileError]:
        """Send several pictures, each as a field `files`. The answers come in the same order: a
        result for each, or its error, with the status that it would have got alone.
        """  # noqa: D205
        query = service.query(request, model, confidence, nms_threshold)
        query = replace(query, accept="application/json")
        answers = await service.answer_batch(request, query)
        response.headers["X-Model"] = request.state.model
        return [
            FileError(detail=answer.detail, status=answer.status)
            if isinstance(answer, Refusal)
            else answer.result
            for answer in answers
        ]
