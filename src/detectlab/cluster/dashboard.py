"""Client of a running cluster's head: deploy, stop, and read the state, over HTTP."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

_TIMEOUT_S = 60.0  # long enough for a busy machine
_SERVE = "/api/serve/applications/"
_NODES = "/api/v0/nodes?detail=1"
_ANSWERS_IN_A_ROW = 10
# Without the HTTP proxy of the environment, which is meant for other hosts.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ClusterError(OSError):
    """The cluster refused or did not answer; the message says what to do."""


@dataclass(frozen=True)
class Replica:
    """A replica of an application.

    Attributes:
        application: Name of its application.
        state: `RUNNING`, `STARTING`, ...
        pid: Process id; 0 while there is no process.
        node: Id of the node that it runs on.
        id: Unique name of the replica, never used again.
    """

    application: str
    state: str
    pid: int
    node: str
    id: str


@dataclass(frozen=True)
class Application:
    """A deployed application: a detector, or the gateway.

    Attributes:
        name: Name of the application.
        state: `RUNNING`, `DEPLOYING`, `DEPLOY_FAILED`, `UNHEALTHY`, ...
        message: Error message; empty without an error.
        replicas: All replicas, whatever their state.
    """

    name: str
    state: str
    message: str
    replicas: tuple[Replica, ...]

    @property
    def running(self) -> int:
        """Number of replicas that can answer."""
        return sum(replica.state == "RUNNING" for replica in self.replicas)


class Dashboard:
    """Client of the dashboard on a cluster's head.

    Args:
        url: Address of the dashboard, such as `http://127.0.0.1:8265`.
        token: Bearer token, where Ray's token authentication is on.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def deploy(self, config: dict[str, Any]) -> None:
        """Send a configuration from `serve_config`; returns before it is applied.

        Raises:
            ClusterError: The head refuses it or cannot be reached.
        """
        self._send("PUT", _SERVE, config)

    def clear(self) -> None:
        """Delete all applications after their running requests; returns when they are gone.

        Raises:
            ClusterError: The head cannot be reached.
        """
        self._send("DELETE", _SERVE)

    def applications(self) -> dict[str, Application]:
        """The deployed applications, by name.

        Raises:
            ClusterError: The head cannot be reached.
        """
        found = self._send("GET", _SERVE)["applications"]
        return {name: _application(name, facts) for name, facts in found.items()}

    def nodes(self) -> list[dict[str, Any]]:
        """The live nodes: `node_id`, `node_name`, `is_head_node`, ...

        Raises:
            ClusterError: The head cannot be reached.
        """
        found = self._send("GET", _NODES)["data"]["result"]["result"]
        return [node for node in found if node["state"] == "ALIVE"]

    def wait_until_running(self, names: set[str], timeout_s: float) -> None:
        """Wait until exactly these applications run.

        Args:
            names: Names of the applications.
            timeout_s: Longest time to wait, in seconds.

        Raises:
            ClusterError: An application failed, or the time is over.
        """
        until = time.monotonic() + timeout_s
        while True:
            found = self.applications()
            states = {name: one.state for name, one in found.items()}
            if set(states) == names and set(states.values()) == {"RUNNING"}:
                return
            for one in found.values():
                if one.state == "DEPLOY_FAILED":
                    raise ClusterError(f"`{one.name}` could not be deployed. {one.message}")
            if time.monotonic() > until:
                raise ClusterError(
                    f"not everything runs after {timeout_s:g} s: {states}. `detectlab cluster "
                    "status` shows the progress."
                )
            time.sleep(0.2)

    def _send(self, method: str, path: str, content: Any = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        headers = {**self._headers, "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            detail = error.read().decode("utf-8", "replace")[:500]
            raise ClusterError(f"{self.url} refuses ({error.code}): {detail}") from None
        except OSError as error:
            raise ClusterError(
                f"there is no cluster at {self.url}: {error}. `detectlab cluster up` starts one."
            ) from None
        return json.loads(body) if body else None


def wait_until_answering(url: str, timeout_s: float) -> None:
    """Wait until the service answers, whichever node's proxy takes the connection.

    The proxies share the port, and learn of a new route a moment after it runs: so several answers
    in a row are required.

    Args:
        url: Address of the service.
        timeout_s: Longest time to wait, in seconds.

    Raises:
        ClusterError: It does not answer in time.
    """
    until, in_a_row = time.monotonic() + timeout_s, 0
    while in_a_row < _ANSWERS_IN_A_ROW:
        try:
            with _OPENER.open(url + "/health", timeout=_TIMEOUT_S):
                in_a_row += 1
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if time.monotonic() > until:
                raise ClusterError(f"nothing answers at {url}: {error}") from None
            in_a_row = 0
            time.sleep(0.2)


def _application(name: str, facts: dict[str, Any]) -> Application:
    messages = [facts["message"], *(one["message"] for one in facts["deployments"].values())]
    replicas = tuple(
        Replica(
            name, one["state"], one.get("pid") or 0, one.get("node_id") or "", one["replica_id"]
        )
        for deployment in facts["deployments"].values()
        for one in deployment["replicas"]
    )
    message = " ".join(dict.fromkeys(filter(None, messages)))
    return Application(name, facts["status"], message, replicas)
