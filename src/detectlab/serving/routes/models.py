"""Routes about the detectors."""

from typing import Annotated

from fastapi import APIRouter, Query

from detectlab.detection.calibrations import chosen_precision, measured_of
from detectlab.serving import openapi
from detectlab.serving.errors import Refusal
from detectlab.serving.schemas import Card, Int8
from detectlab.serving.service import Service

_All = Annotated[bool, Query(description="Those too whose files are not here.")]
_CARD_FIELDS = ("name", "description", "input_size", "input_height", "licence", "licence_url")


def add_model_routes(router: APIRouter, service: Service) -> None:
    """Add the routes `/models` and `/models/{name}`."""
    pool = service.pool

    @router.get("/models", summary="List the detectors", responses=openapi.errors(422))
    async def models(all: _All = False) -> list[str]:
        """The names of the detectors that can answer, the default one first."""
        names = sorted(pool.cards, key=lambda name: name != pool.default)
        return [name for name in names if all or pool.is_available(name)]

    @router.get("/models/{name}", summary="Describe a detector", responses=openapi.errors(404, 422))
    def card(name: str) -> Card:
        """Its family, input, classes and licence, and whether it is loaded."""
        cards = pool.cards
        if name not in cards:
            raise Refusal(
                404, f"There is no detector {name[:40]!a}. There are: {', '.join(cards)}."
            )
        known = cards[name]
        measured = measured_of(known, service.settings)
        return Card(
            **{field: getattr(known, field) for field in _CARD_FIELDS},
            family=known.decoder,
            classes=list(known.classes),
            size_bytes=known.size,
            available=pool.is_available(name),
            loaded=name in pool.loaded,
            precision=chosen_precision(known, service.settings),
            int8=Int8.model_validate(measured, from_attributes=True) if measured else None,
        )
