"""Settings of a cluster, read from a YAML file."""

import math
import os
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from detectlab.rollout.plan import Fault, RolloutPlan, Version
from detectlab.rollout.plan_file import explain
from detectlab.settings import Settings

GATEWAY = "gateway"
_STRICT = ConfigDict(frozen=True, extra="forbid")
# Settings that `gateway.limits` may have; a gateway reads all others from its environment.
_LIMITS = {
    "max_pixels",
    "max_bytes",
    "max_batch_bytes",
    "max_batch_files",
    "max_held_bytes",
    "workers",
    "queue_size",
    "deadline_s",
    "shutdown_grace_s",
    "load_retry_s",
    "cors_origins",
    "log_json",
}


class DetectorSettings(BaseModel):
    """One version of a detector: an application with its own replicas."""

    model_config = _STRICT

    model: str = Field(
        default="",
        max_length=80,
        description="The detector of the registry; by default the one of the version's name.",
    )
    engine: str | None = Field(default=None, description="Inference engine.", max_length=40)
    input_size: int | None = Field(
        default=None, ge=32, le=2048, multiple_of=32, description="Side of its input, in pixels."
    )
    drill: Fault | None = Field(default=None, description="Fault injection, for drills.")
    made_by: str | None = Field(
        default=None,
        pattern=r"^[\w.]+:\w+$",
        description="`package.module:function` that makes the detector, instead of the registry.",
    )
    min_replicas: int = Field(default=1, ge=1, description="Replicas without load.")
    max_replicas: int = Field(default=4, ge=1, description="Replicas at most.")
    at_once: int = Field(default=2, ge=1, description="Detections at once in each replica.")
    queue_size: int = Field(
        default=32, ge=1, description="Requests of each gateway that may wait for it."
    )
    cpus: float = Field(default=1.0, ge=0, description="Processors of each replica.")
    memory_mb: int | None = Field(
        default=None, ge=64, description="Memory that each replica claims, in MB."
    )
    check_every_s: float = Field(
        default=10.0, gt=0, description="Seconds between health checks, each a real detection."
    )

    @model_validator(mode="after")
    def _must_fit_together(self) -> Self:
        if self.max_replicas < self.min_replicas:
            raise ValueError("`max_replicas` must be at least `min_replicas`")
        return self

    @property
    def version(self) -> Version:
        """The detector, in the form that its replicas load."""
        return Version(
            model=self.model, engine=self.engine, input_size=self.input_size, drill=self.drill
        )


class GatewaySettings(BaseModel):
    """The API: takes requests, decodes pictures, calls detectors."""

    model_config = _STRICT

    replicas: int = Field(default=2, ge=1, description="Replicas; with two, one may be lost.")
    cpus: float = Field(default=0.5, ge=0, description="Processors of each.")
    memory_mb: int | None = Field(
        default=None, ge=64, description="Memory that each claims, in MB."
    )
    limits: dict[str, Any] = Field(
        default={"workers": 32, "queue_size": 64},
        description="Limits of the service, as the variables DETECTLAB_* name them.",
    )

    @field_validator("limits")
    @classmethod
    def _must_be_known(cls, limits: dict[str, Any]) -> dict[str, Any]:
        if unknown := limits.keys() - _LIMITS:
            raise ValueError(
                f"must be some of {', '.join(sorted(_LIMITS))}. Received: "
                f"{', '.join(sorted(unknown))}"
            )
        Settings(**limits)  # raises
        return {"workers": 32, "queue_size": 64, **limits}


class ClusterSettings(BaseModel):
    """A cluster: its detectors, its gateway, and its address."""

    model_config = _STRICT

    detectors: dict[str, DetectorSettings] = Field(
        min_length=1, description="Versions of detectors by their names; the first is the default."
    )
    gateway: GatewaySettings = GatewaySettings()
    plan: RolloutPlan | None = Field(
        default=None, description="The first rollout plan; `detectlab rollout` changes it."
    )
    host: str = Field(default="127.0.0.1", description="Address that the proxies listen on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port that the proxies listen on.")
    proxies: Literal["EveryNode", "HeadOnly"] = Field(
        default="EveryNode", description="Which nodes have a proxy."
    )
    nodes: int = Field(
        default=1, ge=1, le=16, description="Nodes that `cluster up` starts on this machine."
    )
    cpus_per_node: float | None = Field(
        default=None,
        gt=0,
        description="Processors that each of these claims; by default enough for an update.",
    )

    @field_validator("detectors")
    @classmethod
    def _must_have_good_names(
        cls, detectors: dict[str, DetectorSettings], info: ValidationInfo
    ) -> dict[str, DetectorSettings]:
        named = {}
        for name, detector in detectors.items():
            letters = name.replace("-", "").replace(".", "").replace("_", "")
            if name == GATEWAY or len(name) > 80 or not (letters.isascii() and letters.isalnum()):
                raise ValueError(
                    f"a version's name has letters, digits, `-`, `_` and `.` only, and is not "
                    f"`{GATEWAY}`. Received: {name[:40]!a}"
                )
            named[name] = detector.model_copy(update={"model": detector.model or name})
        return named

    @model_validator(mode="after")
    def _plan_must_fit(self) -> Self:
        versions = [self.plan.stable, self.plan.candidate] if self.plan else []
        for version in filter(None, versions):
            if version.model not in self.detectors:
                raise ValueError(
                    f"`plan` names {version.model[:40]!a}; `detectors` has "
                    f"{', '.join(self.detectors)}"
                )
        return self

    @property
    def default(self) -> str:
        """The default detector, unless a plan names another one."""
        return next(iter(self.detectors))

    @property
    def local_cpus(self) -> float:
        """Processors that each node on this machine claims: enough for all replicas twice.

        An update starts the new version beside the old one. Ray only counts processors, so the
        machine need not have as many.
        """
        if self.cpus_per_node:
            return self.cpus_per_node
        detectors = sum(one.min_replicas * one.cpus for one in self.detectors.values())
        needed = 2 * (detectors + self.gateway.replicas * self.gateway.cpus)
        return max(os.cpu_count() or 1, math.ceil(needed / self.nodes))


def read_settings(path: Path) -> ClusterSettings:
    """Read a cluster's settings from a YAML file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no YAML or has wrong settings; the message says where.
    """
    try:
        return ClusterSettings.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from None
    except ValidationError as error:
        raise ValueError(f"{path} has wrong settings. {explain(error)}") from None
