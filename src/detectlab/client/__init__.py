"""Clients of a detectlab server; their only dependency is `requests`."""

from detectlab.client.detect_client import (
    About,
    DetectClient,
    Detection,
    RequestFailed,
    RequestRefused,
    Result,
    ServerBusy,
    ServerUnreachable,
)
from detectlab.client.rollout_client import RolloutClient

__all__ = [
    "About",
    "DetectClient",
    "Detection",
    "RequestFailed",
    "RequestRefused",
    "Result",
    "RolloutClient",
    "ServerBusy",
    "ServerUnreachable",
]
