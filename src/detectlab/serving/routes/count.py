"""The route that counts the objects of one class, such as `/count-apples/`."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Request

from detectlab.serving import openapi
from detectlab.serving.class_names import class_of
from detectlab.serving.prediction import Query
from detectlab.serving.routes.parameters import Confidence, Model, NmsThreshold
from detectlab.serving.schemas import Count
from detectlab.serving.service import Service

_Things = Annotated[
    str, Path(description="What to count.", examples=["apples"], min_length=1, max_length=60)
]


def add_count_routes(router: APIRouter, service: Service) -> None:
    """Add the routes `/count-{things}/`, with and without the slash."""

    @router.post("/count-{things}", include_in_schema=False)
    @router.post(
        "/count-{things}/",
        summary="Count the objects of one kind",
        responses={**openapi.PICTURE_ERRORS, **openapi.errors(404)},
        openapi_extra=openapi.picture_body(service.pool.default),
    )
    async def count(
        request: Request,
        things: _Things,
        model: Model = None,
        confidence: Confidence = 0.5,
        nms_threshold: NmsThreshold = 0.3,
    ) -> Count:
        """Ask, for example, `/count-cars/` or `/count-potted-plants/`: anything that the detector
        knows, in singular or plural.
        """  # noqa: D205

        def check(query: Query) -> None:
            class_of(things, service.classes(query))

        query = service.query(request, model, confidence, nms_threshold)
        check(query)  # before the body is read
        query = replace(query, accept="application/json")
        answer = await service.answer(request, query, check)
        class_name = class_of(things, answer.detections.names)
        number = answer.detections.count(class_name)
        return Count(model=answer.model, class_name=class_name, count=number)
