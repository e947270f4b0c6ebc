"""Ray Serve's configuration, written from the settings of a cluster."""

from collections.abc import Sequence
from typing import Any

import yaml

from detectlab.cluster.settings import GATEWAY, ClusterSettings, DetectorSettings

# Requests that a gateway accepts beyond its own queue, to reject them with a reason.
_SPARE = 64
_GRACE_S = 10.0


def serve_config(settings: ClusterSettings) -> dict[str, Any]:
    """Configuration for `serve deploy`: an application for each detector, and the gateway.

    Detectors have no route of their own: only the gateway reaches them.
    """
    detectors = [_detector(name, one) for name, one in settings.detectors.items()]
    return {
        "proxy_location": settings.proxies,
        "http_options": {
            "host": settings.host,
            "port": settings.port,
            "keep_alive_timeout_s": 75,  # longer than load balancers keep idle connections
        },
        "logging_config": {"enable_access_log": False},  # the gateway writes one
        "applications": [*detectors, _gateway(settings)],
    }


def as_yaml(documents: Sequence[dict[str, Any]]) -> str:
    """Several documents as one YAML file."""
    return yaml.dump_all(documents, Dumper=_PlainDumper, sort_keys=False, width=100)


class _PlainDumper(yaml.SafeDumper):
    """YAML without anchors and aliases: repeated values are written out."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _detector(name: str, detector: DetectorSettings) -> dict[str, Any]:
    scaling = {
        "min_replicas": detector.min_replicas,
        "max_replicas": detector.max_replicas,
        # Below a replica's limit, so that another one starts before requests wait.
        "target_ongoing_requests": max(1.0, 0.75 * detector.at_once),
    }
    return {
        "name": name,
        "route_prefix": None,
        "import_path": "detectlab.cluster.deployments:detector",
        "args": {
            "version": detector.version.model_dump(exclude_none=True),
            "made_by": detector.made_by,
        },
        "deployments": [
            {
                "name": "Detector",
                "autoscaling_config": scaling,
                "max_ongoing_requests": detector.at_once,
                "max_queued_requests": detector.queue_size,
                "health_check_period_s": detector.check_every_s,
                **_common_options(detector.cpus, detector.memory_mb),
            }
        ],
    }


def _gateway(settings: ClusterSettings) -> dict[str, Any]:
    gateway, limits = settings.gateway, settings.gateway.limits
    detectors = {name: one.model for name, one in settings.detectors.items()}
    plan = settings.plan.model_dump(mode="json", exclude_none=True) if settings.plan else None
    return {
        "name": GATEWAY,
        "route_prefix": "/",
        "import_path": "detectlab.cluster.deployments:gateway",
        "args": {"detectors": detectors, "limits": limits},
        "deployments": [
            {
                "name": "Gateway",
                "num_replicas": gateway.replicas,
                "max_ongoing_requests": limits["workers"] + limits["queue_size"] + _SPARE,
                "max_queued_requests": _SPARE,
                "backpressure_config": {"status_code": 503, "retry_after_s": 1.0},
                "user_config": {"plan": plan},
                **_common_options(gateway.cpus, gateway.memory_mb),
            }
        ],
    }


def _common_options(cpus: float, memory_mb: int | None) -> dict[str, Any]:
    """Options that all deployments have in common."""
    memory = {"memory": memory_mb << 20} if memory_mb else {}
    return {
        # A new version starts beside the old one, which keeps running when the new one is broken.
        "max_surge_percent": 100,
        "graceful_shutdown_wait_loop_s": 1.0,
        "graceful_shutdown_timeout_s": _GRACE_S,
        "health_check_timeout_s": 30.0,
        "ray_actor_options": {"num_cpus": cpus, **memory},
    }
