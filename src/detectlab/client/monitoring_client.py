"""A client for monitoring: `MonitoringClient("http://127.0.0.1:8000").state()`."""

from collections.abc import Mapping
from typing import Any

from detectlab.client.rollout_client import RolloutClient


class MonitoringClient(RolloutClient):
    """Reads what a server watches, and sets its baselines; arguments as for `RolloutClient`."""

    def state(self) -> dict[str, Any]:
        """What is watched: `watches`, `alarms`, `promise`, `share`."""
        return self._read("GET", "/monitoring", dict)

    def freeze_baseline(self, model: str | None = None, pictures: int = 1000) -> dict[str, Any]:
        """Freeze the last answers of a detector as its baseline.

        Args:
            model: The detector; by default the one that answers requests that name none.
            pictures: How many of the last pictures, 1 to 2000.

        Returns:
            `model`, `at`, `source` and `pictures` of the baseline.

        Raises:
            RequestRefused: When there are too few pictures, or no such detector.
        """
        params = {"pictures": pictures, **({"model": model} if model else {})}
        return self._read("POST", "/monitoring/baseline", dict, params=params)

    def put_baseline(self, baseline: Mapping[str, Any]) -> dict[str, Any]:
        """Put a baseline in force that was computed elsewhere.

        Args:
            baseline: As `Baseline.as_json` gives it.

        Returns:
            As `freeze_baseline`.
        """
        return self._read("PUT", "/monitoring/baseline", dict, json=dict(baseline))
