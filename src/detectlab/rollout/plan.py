"""The rollout plan: which version is stable, which is the candidate, and how traffic is split."""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from detectlab.serving.schemas import Share

Mode = Literal["stable", "shadow", "canary", "blue_green"]
Colour = Literal["blue", "green"]
Role = Literal["stable", "candidate"]
Fault = Literal["swapped_channels", "slow", "raises", "hangs", "eats_memory"]

Rate = Annotated[float | None, Field(gt=0, lt=1, allow_inf_nan=False)]
Threshold = Annotated[
    Share | None, Field(description="Used for requests that name none; the detector's by default.")
]

_STRICT = ConfigDict(frozen=True, extra="forbid")


class Version(BaseModel):
    """A detector with its settings; what is left out is the detector's own."""

    model_config = _STRICT

    model: str = Field(description="The detector.", examples=["nano"], max_length=80)
    engine: str | None = Field(default=None, description="Its inference engine.", max_length=40)
    input_size: int | None = Field(
        default=None, ge=32, le=2048, multiple_of=32, description="Side of its input, in pixels."
    )
    confidence: Threshold = None
    nms_threshold: Threshold = None
    drill: Fault | None = Field(
        default=None, description="A fault to inject, to test the guard rails."
    )

    @property
    def label(self) -> str:
        """The name of this version in answers, metrics and the history.

        >>> Version(model="nano", input_size=256).label
        'nano@input_size=256'
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

    share: Share = Field(default=0.0, description="Share of the clients, in [0, 1].")
    steps: tuple[float, ...] = Field(
        default=(0.01, 0.1, 0.5, 1.0),
        min_length=1,
        max_length=50,
        description="The shares that `promote` goes through.",
    )
    step_every_s: float | None = Field(
        default=None, gt=0, description="Take the next step automatically after this time."
    )
    sticky_headers: tuple[str, ...] = Field(
        default=("X-Client-ID", "X-API-Key"),
        max_length=10,
        description="The first of these headers that a request has is its key; without one, its "
        "request id is.",
    )

    @field_validator("steps")
    @classmethod
    def _must_grow(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        if not all(a < b <= 1 for a, b in pairwise((0.0, *steps))):
            raise ValueError("the steps must grow, from above 0 to at most 1")
        return steps


class ShadowBudget(BaseModel):
    """What the comparison in the shadow may cost."""

    model_config = _STRICT

    sample: Share = Field(default=1.0, description="Share of the answers that is compared.")
    busy_share: float = Field(
        default=0.25,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="Share of the time in which the shadow may run, on one core.",
    )
    queue_size: int = Field(
        default=4, ge=1, le=100, description="Pictures that may wait; more are skipped."
    )
    timeout_s: float = Field(
        default=10.0, gt=0, le=600, description="Time for one picture; then the process is ended."
    )
    memory_mb: int = Field(
        default=512, ge=64, description="Memory that it may allocate while detecting, in MB."
    )
    keep_pairs: int = Field(
        default=10_000, ge=1, le=1_000_000, description="Number of comparisons kept."
    )
    keep_pictures: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Number of disagreements whose picture is kept, at most 640 pixels wide.",
    )


class GuardRails(BaseModel):
    """The limits at which the candidate is stopped; a limit that is `null` is not watched."""

    model_config = _STRICT

    max_error_rate: Rate = Field(default=0.05, description="Share of its answers that may fail.")
    max_seconds: float | None = Field(
        default=None,
        gt=0,
        description="An answer that takes longer counts as failed; the request's deadline by "
        "default.",
    )
    max_p95_ratio: float | None = Field(
        default=3.0, gt=1, description="Its 95th percentile of latency over that of stable."
    )
    max_p95_ms: float | None = Field(
        default=None, gt=0, description="Its 95th percentile of latency, in milliseconds."
    )
    max_disagreement: Rate = Field(
        default=None,
        description="Share of compared pictures on which it differs from stable. Keeps the "
        "comparison running during a canary.",
    )
    max_judged_wrong: Rate = Field(
        default=None, description="Share of its answers that people may judge wrong."
    )
    max_memory_growth_mb: int | None = Field(
        default=1024, ge=64, description="Growth of the server's memory while it answers, in MB."
    )
    alpha: float = Field(
        default=0.05,
        gt=0,
        le=0.5,
        description="Probability of stopping a candidate that keeps every limit, within an hour.",
    )
    beta: float = Field(
        default=0.05,
        gt=0,
        le=0.5,
        description="Probability that a rail lets a candidate pass that is above its limit.",
    )


_EXAMPLE: dict[str, Any] = {
    "mode": "canary",
    "stable": {"model": "nano"},
    "candidate": {"model": "nano", "input_size": 256},
    "canary": {"share": 0.1},
}


class RolloutPlan(BaseModel):
    """Which version answers a request that names no detector."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [_EXAMPLE]}
    )

    mode: Mode = "stable"
    stable: Version
    candidate: Version | None = None
    live: Colour = Field(
        default="blue",
        description="The live colour in mode `blue_green`: blue is `stable`, green `candidate`.",
    )
    canary: Canary = Canary()
    shadow: ShadowBudget = ShadowBudget()
    guard_rails: GuardRails = GuardRails()
    previous: Version | None = Field(
        default=None, description="The stable version before a release: where a rollback leads."
    )

    @model_validator(mode="after")
    def _must_be_consistent(self) -> Self:
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
        """The plan in a few words."""
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
    def candidate_share(self) -> float:
        """The share of the clients that the candidate answers, in `[0, 1]`."""
        if self.mode == "canary":
            return self.canary.share
        return float(self.live == "green")

    @property
    def shadow_role(self) -> Role | None:
        """Which version runs in the shadow of the other one's answers, if any.

        The one that does not answer: the candidate until it answers clients, and then stable, so
        that what they get is compared.
        """
        if self.mode == "stable":
            return None
        if self.candidate_share == 1:
            return "stable"
        if self.mode != "shadow" and self.guard_rails.max_disagreement is None:
            return None
        return "stable" if self.candidate_share else "candidate"

    @property
    def versions(self) -> tuple[Version, Version | None]:
        """The versions that are compared: plans with the same ones are one experiment."""
        return self.stable, self.candidate

    def version(self, role: Role) -> Version:
        """The version in a role."""
        version = self.stable if role == "stable" else self.candidate
        assert version is not None
        return version
