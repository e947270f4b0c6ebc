"""What a rollout plan says: who is stable, who is the candidate, and how much is risked."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

Mode = Literal["stable", "shadow", "canary", "blue_green"]
Colour = Literal["blue", "green"]
SideName = Literal["stable", "candidate"]
Drill = Literal["swapped_channels", "slow", "raises", "hangs", "eats_memory"]

_STRICT = ConfigDict(frozen=True, extra="forbid")


class Side(BaseModel):
    """A detector as one side of a plan runs it; what is not said is the detector's own."""

    model_config = _STRICT

    model: str = Field(description="The detector.", examples=["nano"], max_length=80)
    engine: str | None = Field(default=None, description="What runs it.", max_length=40)
    input_size: int | None = Field(
        default=None, ge=32, le=2048, multiple_of=32, description="Side of its input, in pixels."
    )
    confidence: float | None = Field(
        default=None, ge=0, le=1, allow_inf_nan=False,
        description="Used where the client names none.",
    )  # fmt: skip
    nms_threshold: float | None = Field(
        default=None, ge=0, le=1, allow_inf_nan=False,
        description="Used where the client names none.",
    )  # fmt: skip
    drill: Drill | None = Field(
        default=None, description="Break it on purpose, to see that it is noticed."
    )

    @property
    def label(self) -> str:
        """What answers of this side are signed with.

        >>> Side(model="nano", input_size=320).label
        'nano@input_size=320'
        """
        given = self.model_dump(exclude={"model"}, exclude_none=True)
        return self.model + ("@" if given else "") + ",".join(f"{k}={v}" for k, v in given.items())

    @property
    def is_plain(self) -> bool:
        """Whether the detector is loaded as it is: only thresholds may differ."""
        return not (self.engine or self.input_size or self.drill)


class Canary(BaseModel):
    """Which requests the candidate answers in mode `canary`."""

    model_config = _STRICT

    share: float = Field(
        default=0.0, ge=0, le=1, allow_inf_nan=False, description="Of the keys, in [0, 1]."
    )
    steps: tuple[float, ...] = Field(
        default=(0.01, 0.1, 0.5, 1.0), min_length=1, max_length=50,
        description="The shares that `promote` goes through.",
    )  # fmt: skip
    step_every_s: float | None = Field(
        default=None, gt=0, description="Go to the next step by itself after so many seconds."
    )
    sticky_headers: tuple[str, ...] = Field(
        default=("X-Client-ID", "X-API-Key"), max_length=10,
        description="The first of them that a request has decides its side; else its own id.",
    )  # fmt: skip

    @field_validator("steps")
    @classmethod
    def _must_grow(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        if not all(a < b <= 1 for a, b in pairwise((0.0, *steps))):
            raise ValueError("the steps must grow, from above 0 to at most 1")
        return steps


class ShadowBudget(BaseModel):
    """What comparing may cost."""

    model_config = _STRICT

    sample: float = Field(
        default=1.0, ge=0, le=1, allow_inf_nan=False, description="Share of the answers compared."
    )
    busy_share: float = Field(
        default=0.25, gt=0, le=1, allow_inf_nan=False,
        description="Share of the time that the candidate may run, on one core.",
    )  # fmt: skip
    queue_size: int = Field(
        default=4, ge=1, le=100, description="Pictures that may wait; more are skipped."
    )
    timeout_s: float = Field(
        default=10.0, gt=0, le=600, description="Seconds for one picture; then it is stopped."
    )
    memory_mb: int = Field(
        default=512, ge=64, description="Memory that it may take while detecting, in MB."
    )
    keep_pairs: int = Field(
        default=10_000, ge=1, le=1_000_000, description="How many comparisons are kept."
    )
    keep_pictures: int = Field(
        default=0, ge=0, le=1000,
        description="Of how many disagreements the picture is kept, made small; 0: of none.",
    )  # fmt: skip


class GuardRails(BaseModel):
    """When the candidate is stopped; a rail that is `null` is not watched."""

    model_config = _STRICT

    max_error_rate: float | None = Field(
        default=0.05, ge=0, lt=1, description="Share of its detections that may fail."
    )
    max_p95_ratio: float | None = Field(
        default=3.0, gt=1, description="Its 95th percentile of latency over the stable one's."
    )
    max_p95_ms: float | None = Field(
        default=None, gt=0, description="Its 95th percentile of latency, in milliseconds."
    )
    max_disagreement: float | None = Field(
        default=None, ge=0, lt=1,
        description="Share of compared pictures on which the two differ. Keeps the comparison "
        "running during a canary.",
    )  # fmt: skip
    window_s: float = Field(default=60.0, gt=0, le=3600, description="How far back it is judged.")
    min_bad: int = Field(
        default=3, ge=1, le=1000, description="Fewer failures than this are put down to chance."
    )


class RolloutPlan(BaseModel):
    """Who answers when a request names no detector."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "mode": "canary",
                    "stable": {"model": "nano"},
                    "candidate": {"model": "nano", "input_size": 320},
                    "canary": {"share": 0.1},
                }
            ]
        },
    )

    mode: Mode = "stable"
    stable: Side
    candidate: Side | None = None
    live: Colour = Field(
        default="blue",
        description="In mode `blue_green`, who answers: blue is `stable`, green is `candidate`.",
    )
    canary: Canary = Canary()
    shadow: ShadowBudget = ShadowBudget()
    guard_rails: GuardRails = GuardRails()
    previous: Side | None = Field(
        default=None, description="Who was stable before: where a rollback leads."
    )

    @model_validator(mode="after")
    def _must_fit_together(self) -> Self:
        if self.mode != "stable" and self.candidate is None:
            raise ValueError(f"mode `{self.mode}` needs a `candidate`")
        if self.mode != "stable" and self.candidate == self.stable:
            raise ValueError(
                "`candidate` is the same as `stable`: change its detector, or a setting of it"
            )
        if self.live == "green" and self.mode != "blue_green":
            raise ValueError("`live` can be green in mode `blue_green` only")
        return self

    @property
    def summary(self) -> str:
        """The plan in a few words, for people."""
        stable, candidate = self.stable.label, self.candidate.label if self.candidate else ""
        if self.mode == "shadow":
            return f"{stable} answers, {candidate} in its shadow"
        if self.mode == "canary":
            return f"{candidate} answers {self.canary.share:.0%}, {stable} the rest"
        if self.mode == "blue_green":
            waiting, active = (stable, candidate) if self.live == "green" else (candidate, stable)
            return f"{self.live} ({active}) answers, {waiting} is warm"
        return f"{stable} answers"

    @property
    def answers_with_candidate(self) -> bool:
        """Whether any request may be answered by the candidate."""
        return self.mode == "canary" or self.live == "green"

    @property
    def compares(self) -> bool:
        """Whether the candidate runs in the shadow of stable answers."""
        watched = self.guard_rails.max_disagreement is not None
        return self.mode == "shadow" or (self.mode == "canary" and watched)


def read_plan(path: Path) -> RolloutPlan:
    """Read a plan from a YAML or JSON file.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When it is no plan; the message says where.
    """
    text = path.read_text("utf-8")
    try:
        content = json.loads(text) if path.suffix == ".json" else _read_yaml(text, path)
        return RolloutPlan.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{path} is no rollout plan. {explain(error)}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def explain(error: ValidationError) -> str:
    """Pydantic's first errors as one sentence: where, and what is wrong."""
    parts = []
    for found in error.errors(include_url=False)[:3]:
        place = ".".join(map(str, found["loc"]))
        parts.append((f"`{place}`: " if place else "") + found["msg"].removeprefix("Value error, "))
    return "; ".join(parts) + "."


def _read_yaml(text: str, path: Path) -> object:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from None
