"""Query parameters that several routes share."""

from typing import Annotated

from fastapi import Query
from pydantic.json_schema import SkipJsonSchema

Model = Annotated[
    str | SkipJsonSchema[None],
    Query(description="The detector; without a name, the rollout plan or else the server chooses."),
]
Confidence = Annotated[
    float,
    Query(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="How sure the detector must be: lower shows more objects, and more mistakes.",
    ),
]
NmsThreshold = Annotated[
    float,
    Query(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Of two boxes that overlap more than this, the more confident one stays.",
    ),
]
