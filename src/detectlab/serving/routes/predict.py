"""The route that finds the objects in a picture."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from detectlab.serving import openapi
from detectlab.serving.prediction import Answer
from detectlab.serving.routes.parameters import Confidence, Model, NmsThreshold
from detectlab.serving.service import Service


def add_predict_routes(router: APIRouter, service: Service) -> None:
    """Add the route `/predict`."""

    @router.post(
        "/predict",
        summary="Find the objects in a picture",
        response_class=Response,
        responses=openapi.PREDICT_ANSWERS,
        openapi_extra=openapi.picture_body(service.pool.default),
    )
    async def predict(
        request: Request,
        model: Model = None,
        confidence: Confidence = 0.5,
        nms_threshold: NmsThreshold = 0.3,
    ) -> Response:
        """Send a picture as a form and get it back with boxes, or as numbers when the request says
        `Accept: application/json`. Send it in JSON, and get numbers: then `model`, `confidence` and
        `nms_threshold` stand in the body, not in the address.
        """  # noqa: D205
        query = service.query(request, model, confidence, nms_threshold)
        return _response(await service.answer(request, query))


def _response(answer: Answer) -> Response:
    headers = {
        "X-Detections": str(answer.count),
        "X-Model": answer.model,
        "X-Inference-Ms": f"{answer.seconds * 1000:.1f}",
    }
    if answer.precision:
        headers["X-Precision"] = answer.precision
    if not answer.drawn:
        return JSONResponse(answer.result.model_dump(), headers=headers)
    media_type = f"image/{answer.drawn_format.lower()}"
    return Response(answer.drawn, media_type=media_type, headers=headers)
