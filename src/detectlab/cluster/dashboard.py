"""Asks a running cluster's head, over HTTP, to deploy, to stop, and how it is."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

_TIMEOUT_S = 60.0  # on a machine with much else to do
_SERVE = "/api/serve/applications/"
_NODES = "/api/v0/nodes?detail=1"
_ANSWERS_IN_A_ROW = 10
# Not through the proxy that the environment names for the world outside.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ClusterError(OSError):
    """A cluster does not do what it was asked to; the message says what to do."""


@dataclass(frozen=True)
class Replica:
    """A replica of an application.

    Attributes:
        application: Whose it is.
        state: `RUNNING`, `STARTING`, ...
        pid: Its process; 0 while it has none.
        node: Id of the node that it runs on.
        id: Its own name, which no other replica ever has.
    """

    application: str
    state: str
    pid: int
    node: str
    id: str


@dataclass(frozen=True)
class Application:
    """What runs under one name: a detector, or the gateway.

    Attributes:
        name: Its name.
        state: `RUNNING`, `DEPLOYING`, `DEPLOY_FAILED`, `UNHEALTHY`, ...
        message: What is wrong with it; empty when nothing is.
        replicas: Its replicas, in whatever state.
    """

    name: str
    state: str
    message: str
    replicas: tuple[Replica, ...]

    @property
    def running(self) -> int:
        """How many replicas can answer."""
        return sum(replica.state == "RUNNING" for replica in self.replicas)


class Dashboard:
    """The head of a cluster, as its operators see it.

    Args:
        url: Its address, `http://127.0.0.1:8265` for example.
        token: What it wants to see, where Ray's token authentication is on.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def deploy(self, config: dict[str, Any]) -> None:
        """Take over a configuration, as `serve_config` writes it; returns before it is done.

        Raises:
            ClusterError: When it is refused, or the head cannot be reached.
        """
        self._ask("PUT", _SERVE, config)

    def clear(self) -> None:
        """End all applications, which finish what they have begun; returns when they are gone.

        Raises:
            ClusterError: When the head cannot be reached.
        """
        self._ask("DELETE", _SERVE)

    def applications(self) -> dict[str, Application]:
        """What is deployed, by name.

        Raises:
            ClusterError: When the head cannot be reached.
        """
        found = self._ask("GET", _SERVE)["applications"]
        return {name: _application(name, facts) for name, facts in found.items()}

    def nodes(self) -> list[dict[str, Any]]:
        """The nodes that are alive: `node_id`, `node_name`, `is_head_node`, ...

        Raises:
            ClusterError: When the head cannot be reached.
        """
        found = self._ask("GET", _NODES)["data"]["result"]["result"]
        return [node for node in found if node["state"] == "ALIVE"]

    def wait_until_running(self, names: set[str], seconds: float) -> None:
        """Wait until these applications run, and nothing else does.

        Raises:
            ClusterError: When one fails, or it takes longer.
        """
        until = time.monotonic() + seconds
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
                    f"not everything runs after {seconds:g} s: {states}. `detectlab cluster "
                    "status` shows how it goes on."
                )
            time.sleep(0.2)

    def _ask(self, method: str, path: str, content: Any = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        headers = {**self._headers, "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            told = error.read().decode("utf-8", "replace")[:500]
            raise ClusterError(f"{self.url} refuses ({error.code}): {told}") from None
        except OSError as error:
            raise ClusterError(
                f"there is no cluster at {self.url}: {error}. `detectlab cluster up` starts one."
            ) from None
        return json.loads(body) if body else None


def wait_until_answering(url: str, seconds: float) -> None:
    """Wait until the service answers at its address, at whichever node a connection ends.

    The nodes' proxies share the port, and hear of a new route a moment after it runs.

    Args:
        url: The address of the service.
        seconds: How long at most.

    Raises:
        ClusterError: When it does not answer in time.
    """
    until, in_a_row = time.monotonic() + seconds, 0
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
    told = " ".join(dict.fromkeys(filter(None, messages)))
    return Application(name, facts["status"], told, replicas)
