"""The schemas of the rollout's routes."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.rails.base import RailStatus
from detectlab.rollout.records import ComparisonRecord
from detectlab.serving.schemas import EXAMPLE_OBJECT
from detectlab.vision.detections import Detections


class Rollout(BaseModel):
    """The plan in force."""

    revision: int = Field(description="Its number; 0 when none was ever set.")
    summary: str = Field(description="The plan in a few words.")
    plan: RolloutPlan
    problem: str | None = Field(description="Why it does not work as it should.")
    durable: bool = Field(description="Whether it survives a restart of the server.")
    rails: list[RailStatus] = Field(description="The guard rails of the candidate.")
    next_step: str | None = Field(description="What the next step waits for, or that it may go.")


class Change(BaseModel):
    """One change of the plan."""

    model_config = ConfigDict(populate_by_name=True)

    revision: int
    at: str = Field(description="When, in UTC.")
    who: str
    action: str
    before: str = Field(alias="from", description="The plan until then.")
    after: str = Field(alias="to", description="The plan from then on.")
    why: str


class SeenObject(BaseModel):
    """An object that a person saw in a picture."""

    model_config = ConfigDict(extra="forbid")

    x_min: float = Field(ge=-1e5, le=1e5, allow_inf_nan=False)
    y_min: float = Field(ge=-1e5, le=1e5, allow_inf_nan=False)
    x_max: float = Field(ge=-1e5, le=1e5, allow_inf_nan=False)
    y_max: float = Field(ge=-1e5, le=1e5, allow_inf_nan=False)
    class_name: str = Field(min_length=1, max_length=80)

    @model_validator(mode="after")
    def _must_be_a_box(self) -> Self:
        if self.x_max <= self.x_min or self.y_max <= self.y_min:
            raise ValueError("`x_max` and `y_max` must be larger than `x_min` and `y_min`")
        return self


_EXAMPLE = {name: EXAMPLE_OBJECT[name] for name in SeenObject.model_fields}


class Feedback(BaseModel):
    """The objects that a person saw in a picture that was answered."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"request_id": "0f3c2a", "detections": [_EXAMPLE]}]},
    )

    request_id: str = Field(
        min_length=1, max_length=64, description="The `X-Request-ID` of the answer."
    )
    number: int = Field(default=0, ge=0, le=1000, description="Which picture of a batch, from 0.")
    detections: list[SeenObject] = Field(max_length=500, description="All of them.")

    def as_detections(self) -> Detections:
        """The objects; a person is sure about each."""
        return Detections.of(
            ((seen.x_min, seen.y_min, seen.x_max, seen.y_max), seen.class_name, 1.0)
            for seen in self.detections
        )


class Judgement(BaseModel):
    """An answer, compared with what a person saw."""

    role: str = Field(description="The version that answered: `stable` or `candidate`.")
    model: str = Field(description="Its detector.")
    matched: int = Field(ge=0, description="Objects that both saw.")
    missed: int = Field(ge=0, description="Objects that only the person saw.")
    extra: int = Field(ge=0, description="Objects that only the detector saw.")
    agreement: float = Field(ge=0, le=1)

    @classmethod
    def of(cls, judged: ComparisonRecord) -> Self:
        """The schema of a judged answer."""
        diff = judged.diff
        return cls(
            role=judged.answer.role,
            model=judged.answer.model,
            matched=diff.matched,
            missed=diff.missed,
            extra=diff.extra,
            agreement=round(diff.agreement, 4),
        )
