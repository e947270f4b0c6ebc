"""Ray Serve deployments: detectors, gateways, and the holder of the rollout's store."""

import asyncio
import functools
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray
from ray import serve
from ray.exceptions import GetTimeoutError, RayActorError, RayError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException
from ray.serve.handle import DeploymentHandle
from starlette.types import ASGIApp

from detectlab.cluster.remote_pool import RayPool
from detectlab.cluster.shared_store import SharedStore, StoreHolder, check_plan, offer
from detectlab.detection.detector import Detector as AnyDetector
from detectlab.models.registry import get_card
from detectlab.rollout.plan import RolloutPlan, Version
from detectlab.rollout.store import StoreError
from detectlab.rollout.versions import load_version
from detectlab.serving.app import create_app
from detectlab.serving.deadline import Deadline, DeadlinePassed
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.pool import PoolFull
from detectlab.settings import Settings
from detectlab.tracing import Carrier, carrier, continued, start_tracing
from detectlab.vision.detections import Detections

_WARM_SIZE = (240, 320, 3)
_CONTROL_S = 10.0
_NAMESPACE = "detectlab"
_HOLDER = "rollout"
# States of an application in which a first or another replica may still start.
_MAY_START = ("NOT_STARTED", "DEPLOYING", "RUNNING", "UNHEALTHY")


class Detector:
    """A replica of a detector.

    Args:
        version: Fields of the `Version` to load.
        made_by: `package.module:function` that makes the detector instead.
    """

    def __init__(self, version: dict[str, Any], made_by: str | None = None) -> None:
        start_tracing()
        given = functools.partial(_made_by, made_by) if made_by else None
        self._detector = load_version(Version.model_validate(version), given)

    async def detect(
        self,
        image: NDArray[np.uint8],
        confidence: float,
        nms_threshold: float,
        trace: Carrier | None = None,
    ) -> Detections:
        """Find the objects in one picture, within the trace of the gateway's request."""
        with continued(trace):
            return await asyncio.to_thread(self._detector.detect, image, confidence, nms_threshold)

    async def check_health(self) -> None:
        """Run a detection: a live process may still be unable to detect."""
        await asyncio.to_thread(self._detector.detect, np.full(_WARM_SIZE, 127, np.uint8))


def _made_by(path: str, name: str) -> AnyDetector:
    module, _, function = path.partition(":")
    made: AnyDetector = getattr(importlib.import_module(module), function)()
    return made


def detector(args: dict[str, Any]) -> serve.Application:
    """The application of a detector, as the configuration's `args` describe it."""
    return serve.deployment(Detector).bind(args["version"], args["made_by"])


def gateway(args: dict[str, Any]) -> serve.Application:
    """The application with a route: the API, over the cluster's detectors."""
    settings = Settings(**args["limits"])

    def build() -> ASGIApp:
        cards = {
            name: replace(get_card(model), name=name) for name, model in args["detectors"].items()
        }
        store = SharedStore(RayHolder())
        check_plan(store, cards)
        return create_app(RayPool(cards, RayCluster(), settings), settings, store)

    class Gateway:
        async def reconfigure(self, user_config: dict[str, Any]) -> None:
            if user_config["plan"]:
                plan = RolloutPlan.model_validate(user_config["plan"])
                await asyncio.to_thread(offer, SharedStore(RayHolder()), plan)

    return serve.deployment(name="Gateway")(serve.ingress(build)(Gateway)).bind()


class RayCluster:
    """The cluster that this process belongs to, as `remote_pool.Cluster` describes it."""

    def __init__(self) -> None:
        self._handles: dict[str, DeploymentHandle] = {}

    def deployed(self) -> Mapping[str, bool]:
        """The deployed detectors, each with whether a replica can answer."""
        try:
            applications = serve.status().applications
        except RayError as error:
            raise Unavailable(f"The cluster's controller does not answer: {error}") from None
        can_answer = {
            name: any(one.replica_states.get("RUNNING") for one in application.deployments.values())
            for name, application in applications.items()
        }
        # Applications that failed to deploy are left out: waiting for them is useless.
        return {
            name: can
            for name, can in can_answer.items()
            if can or applications[name].status in _MAY_START
        }

    def detect(
        self,
        name: str,
        image: NDArray[np.uint8],
        confidence: float,
        nms_threshold: float,
        deadline: Deadline,
    ) -> Detections:
        """Run a detection on a replica; when it dies meanwhile, retry once on another one."""
        for is_last in (False, True):
            response = self._handle(name).detect.remote(image, confidence, nms_threshold, carrier())
            try:
                found: Detections = response.result(timeout_s=deadline.remaining_s)
                return found
            except (TimeoutError, GetTimeoutError):
                response.cancel()
                raise DeadlinePassed(deadline.seconds) from None
            except BackPressureError:
                raise PoolFull(1) from None
            except (RayActorError, DeploymentUnavailableError) as error:
                self._handles.pop(name, None)
                if is_last:
                    raise Unavailable(
                        f"The replicas of the detector `{name}` cannot be reached. Ask again in a "
                        "moment.",
                        retry_after_s=1,
                    ) from error
            except RayTaskError as error:
                raise (error.cause or error) from error
        raise AssertionError("unreachable")

    def _handle(self, name: str) -> DeploymentHandle:
        if name not in self._handles:
            try:
                self._handles[name] = serve.get_app_handle(name)
            except (RayServeException, RayError) as error:
                raise Unavailable(
                    f"The detector `{name}` is not deployed. `detectlab cluster status` shows what "
                    "is.",
                    retry_after_s=5,
                ) from error
        return self._handles[name]


class RayHolder:
    """Client of the cluster's one process that holds the rollout's store.

    The first call starts that process, on the head node, which a cluster needs anyway. Ray
    restarts it when it dies, and it finds its file there.
    """

    def __init__(self) -> None:
        self._holder: Any = None

    def read(self, query: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
        """The rows of a query; see `StoreHolder.read`."""
        rows: list[dict[str, Any]] = self._call("read", query, parameters)
        return rows

    def write(self, statements: Sequence[tuple[str, Any]]) -> list[int]:
        """Call `StoreHolder.write`."""
        counts: list[int] = self._call("write", statements)
        return counts

    def _call(self, method: str, *args: Any) -> Any:
        try:
            self._holder = self._holder or _start_holder()
            return ray.get(getattr(self._holder, method).remote(*args), timeout=_CONTROL_S)
        except RayTaskError as error:
            raise (error.cause or error) from error
        except (RayError, ValueError) as error:  # ValueError: the name is taken
            self._holder = None
            raise StoreError(f"The rollout's store cannot be reached: {error}") from error


def _start_holder() -> Any:
    return (
        ray.remote(StoreHolder)
        .options(
            name=_HOLDER,
            namespace=_NAMESPACE,
            lifetime="detached",
            get_if_exists=True,
            num_cpus=0,
            resources={"node:__internal_head__": 0.001},
            max_restarts=-1,
        )
        .remote()
    )
