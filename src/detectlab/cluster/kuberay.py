"""A `RayService` for Kubernetes that stays available while nodes are replaced."""

import math
from typing import Any

from detectlab.cluster.config_files import as_yaml, serve_config
from detectlab.cluster.settings import ClusterSettings

_NAME = "detectlab"
_RAY_VERSION = "2.60.0"  # of requirements/scale.txt
_SYSTEM_MB = 1024  # memory of Ray itself on a node
_REPLICA_MB = 768  # where the settings give none
_WORKER_CPUS = 4


def manifests(settings: ClusterSettings, image: str) -> list[dict[str, Any]]:
    """The documents for `kubectl apply`: the service, and its disruption budget.

    Args:
        settings: Settings of the cluster; `host` and `port` are ignored.
        image: Container image with `detectlab[scale]`, and `ray` on the path.
    """
    inside = settings.model_copy(update={"host": "0.0.0.0", "port": 8000})
    return [_service(inside, image), _disruption_budget()]


def _service(settings: ClusterSettings, image: str) -> dict[str, Any]:
    memory_mb = _worker_memory_mb(settings)
    at_least, at_most = (_workers(settings, most) for most in (False, True))
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": _NAME},
        "spec": {
            "serveConfigV2": as_yaml([serve_config(settings)]),
            "excludeHeadPodFromServeSvc": True,
            "rayClusterConfig": {
                "rayVersion": _RAY_VERSION,
                "enableInTreeAutoscaling": True,
                "headGroupSpec": {
                    # The head runs no replicas, so that no load can bring it down.
                    "rayStartParams": {"dashboard-host": "0.0.0.0", "num-cpus": "0"},
                    "template": _pod("ray-head", image, 1, 2 * _SYSTEM_MB, is_head=True),
                },
                "workerGroupSpecs": [
                    {
                        "groupName": "workers",
                        "replicas": at_least,
                        "minReplicas": at_least,
                        "maxReplicas": at_most,
                        "rayStartParams": {},
                        "template": _pod("ray-worker", image, _WORKER_CPUS, memory_mb),
                    }
                ],
            },
        },
    }


def _workers(settings: ClusterSettings, most: bool) -> int:
    """Number of pods for all replicas: one more than needed, and at least three."""
    cpus = settings.gateway.replicas * settings.gateway.cpus
    for one in settings.detectors.values():
        cpus += (one.max_replicas if most else one.min_replicas) * one.cpus
    return max(2, math.ceil(cpus / _WORKER_CPUS)) + 1


def _worker_memory_mb(settings: ClusterSettings) -> int:
    """Memory of a pod that is full of replicas."""
    gateway = settings.gateway
    each = [(gateway.memory_mb, gateway.cpus)]
    each += [(one.memory_mb, one.cpus) for one in settings.detectors.values()]
    per_cpu_mb = max((memory_mb or _REPLICA_MB) / max(cpus, 0.1) for memory_mb, cpus in each)
    return _SYSTEM_MB + math.ceil(_WORKER_CPUS * per_cpu_mb)


def _pod(name: str, image: str, cpus: int, memory_mb: int, is_head: bool = False) -> dict[str, Any]:
    claims = {"detectors": "/detectors"}
    if is_head:  # holds the rollout's history
        claims["state"] = "/state"
    resources = {"cpu": str(cpus), "memory": f"{memory_mb}Mi"}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": _NAME}},
    }
    return {
        "metadata": {"labels": {"app.kubernetes.io/name": _NAME, "detectlab/role": name}},
        "spec": {
            "containers": [_container(name, image, resources, claims, is_head)],
            "terminationGracePeriodSeconds": 60,
            "topologySpreadConstraints": [spread],
            "volumes": [
                {
                    "name": claim,
                    "persistentVolumeClaim": {"claimName": f"{_NAME}-{claim}"},
                }
                for claim in claims
            ],
        },
    }


def _container(
    name: str, image: str, resources: dict[str, str], claims: dict[str, str], is_head: bool
) -> dict[str, Any]:
    environment: list[dict[str, Any]] = [
        {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"},
        {"name": "DETECTLAB_HOME", "value": "/detectors"},
        {
            "name": "DETECTLAB_API_KEY",
            "valueFrom": {"secretKeyRef": {"name": _NAME, "key": "api-key"}},
        },
    ]
    if is_head:
        environment.append({"name": "DETECTLAB_ROLLOUT_FILE", "value": "/state/rollout.sqlite"})
    return {
        "name": name,
        "image": image,
        "env": environment,
        "resources": {"requests": resources, "limits": resources},
        **_probes(is_head),
        "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "ray stop"]}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": claim, "mountPath": path, "readOnly": claim == "detectors"}
            for claim, path in claims.items()
        ],
    }


def _probes(is_head: bool) -> dict[str, Any]:
    """Probes of the node's health and, on the head, of the cluster's; Python is the HTTP client."""
    addresses = ["http://127.0.0.1:52365/api/local_raylet_healthz"]
    if is_head:
        addresses.append("http://127.0.0.1:8265/api/gcs_healthz")
    ask = "import sys, urllib.request as u; [u.urlopen(a, timeout=4) for a in sys.argv[1:]]"
    check = {
        "exec": {"command": ["python", "-c", ask, *addresses]},
        "initialDelaySeconds": 10,
        "periodSeconds": 5,
        "timeoutSeconds": 10,
    }
    return {
        "readinessProbe": {**check, "failureThreshold": 3},
        "livenessProbe": {**check, "initialDelaySeconds": 60, "failureThreshold": 24},
    }


def _disruption_budget() -> dict[str, Any]:
    """Maintenance may remove one worker at a time."""
    labels = {"app.kubernetes.io/name": _NAME, "detectlab/role": "ray-worker"}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": f"{_NAME}-workers"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
    }
