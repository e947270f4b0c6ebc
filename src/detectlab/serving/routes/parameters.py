"""Query parameters that several routes share."""

from typing import Annotated

from fastapi import Query
from pydantic.json_schema import SkipJsonSchema

from detectlab.serving.schemas import Share

Model = Annotated[
    str | SkipJsonSchema[None],
    Query(description="The detector; without a name, the rollout plan or else the server chooses."),
]
Confidence = Annotated[
    Share,
    Query(
        description="How sure the detector must be: lower shows more objects, and more mistakes."
    ),
]
NmsThreshold = Annotated[
    Share,
    Query(description="Of two boxes that overlap more than this, the more confident one stays."),
]
