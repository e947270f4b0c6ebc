"""A client for operators of a rollout: `RolloutClient("http://127.0.0.1:8000").promote()`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from detectlab.client.detect_client import DetectClient, RequestRefused, Result
from detectlab.client.operator_token import local_operator_token

T = TypeVar("T")

Plan = Mapping[str, Any]


class RolloutClient(DetectClient):
    """Reads and changes the plan of a server, and sends pictures without naming a detector.

    Args:
        url: Address of the server.
        api_key: Its key, where it has one.
        operator: Name of the operator, for the history.
        timeout_s: Time to wait; a plan is in force only once its detectors are loaded.
        operator_token: The operators' token of a server without a key; by default that of this
            user's servers on this machine.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        operator: str = "",
        timeout_s: float = 120.0,
        operator_token: str | None = None,
    ) -> None:
        super().__init__(url, api_key=api_key, timeout_s=timeout_s)
        self._has_own_token = operator_token is not None
        if token := operator_token or local_operator_token(url):
            self._headers["X-Operator-Token"] = token
        self._operator = {"X-Operator": operator} if operator else {}

    def status(self) -> dict[str, Any]:
        """The plan in force: `revision`, `summary`, `plan`, `rails`, `next_step`, `problem`..."""
        return self._read("GET", "/rollout", dict)

    def put(self, plan: Plan, revision: int | None = None, why: str = "") -> dict[str, Any]:
        """Put a plan in force.

        Args:
            plan: As in `status()["plan"]`; a field that is left out takes its default.
            revision: The revision that it replaces; by default the one in force now.
            why: The reason, for the history.

        Returns:
            The new status.

        Raises:
            RequestRefused: When the plan is invalid, or another revision is in force.
        """
        revision = self.status()["revision"] if revision is None else revision
        headers = {**self._operator, "If-Match": f'"{revision}"'}
        return self._read(
            "PUT", "/rollout", dict, json=dict(plan), headers=headers, params={"why": why}
        )

    def promote(
        self, why: str = "", *, anyway: bool = False, revision: int | None = None
    ) -> dict[str, Any]:
        """Take one step towards the candidate.

        Args:
            why: The reason, for the history.
            anyway: Whether to go without enough evidence; the history then says so.
            revision: The revision that must be in force; by default any.

        Returns:
            The new status.

        Raises:
            RequestRefused: When there is not enough evidence, no next step, or another revision.
        """
        return self._move("promote", why, revision, anyway=anyway)

    def rollback(self, why: str = "", *, revision: int | None = None) -> dict[str, Any]:
        """Give everything back to stable; nothing changes when it answers everything already.

        Args:
            why: The reason, for the history.
            revision: The revision that must be in force; by default any.
        """
        return self._move("rollback", why, revision)

    def release(self, why: str = "", *, revision: int | None = None) -> dict[str, Any]:
        """End the rollout: the live version becomes stable, the other one is unloaded.

        Args:
            why: The reason, for the history.
            revision: The revision that must be in force; by default any.
        """
        return self._move("release", why, revision)

    def history(self, limit: int = 100) -> list[dict[str, Any]]:
        """The last changes, the newest first."""
        return self._read("GET", "/rollout/history", list, params={"limit": limit})

    def report(self) -> dict[str, Any]:
        """The guard rails, what both versions did, and where they disagree."""
        return self._read("GET", "/rollout/report", dict)

    def ask(self, picture: str | Path | bytes, client_id: str, request_id: str = "") -> Result:
        """Find the objects in a picture with the version that the plan assigns.

        Args:
            picture: The file's name, or its bytes.
            client_id: Identifies the client: the same one always gets the same version.
            request_id: Name of the request, for `feedback`; by default the server makes one.
        """
        data = picture if isinstance(picture, bytes) else Path(picture).read_bytes()
        headers = {"Accept": "application/json", "X-Client-ID": client_id}
        if request_id:
            headers["X-Request-ID"] = request_id
        found = self._read(
            "POST", "/predict", dict, files={"file": ("picture", data)}, headers=headers
        )
        return cast("Result", found)

    def feedback(self, request_id: str, seen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Say what is really in a picture that was answered; once for each answer.

        Args:
            request_id: Name of the request.
            seen: All objects that you see: `x_min`, `y_min`, `x_max`, `y_max`, `class_name`.

        Returns:
            How the answer compares: `matched`, `missed`, `extra`, `agreement`, and its version.
        """
        names = ("x_min", "y_min", "x_max", "y_max", "class_name")
        detections = [{name: one[name] for name in names} for one in seen]
        body = {"request_id": request_id, "detections": detections}
        return self._read("POST", "/feedback", dict, json=body)

    def _read(self, method: str, path: str, kind: type[T], **request: Any) -> T:
        try:
            return super()._read(method, path, kind, **request)
        except RequestRefused as refusal:
            token = local_operator_token(self.url)
            is_new = token is not None and token != self._headers.get("X-Operator-Token")
            if refusal.status != 403 or self._has_own_token or not is_new:
                raise
            # The server made its token after this client was made.
            self._headers["X-Operator-Token"] = str(token)
            return super()._read(method, path, kind, **request)

    def _move(
        self, name: str, why: str, revision: int | None, anyway: bool = False
    ) -> dict[str, Any]:
        headers = dict(self._operator)
        if revision is not None:
            headers["If-Match"] = f'"{revision}"'
        params = {"why": why, **({"anyway": "true"} if anyway else {})}
        return self._read("POST", f"/rollout/{name}", dict, params=params, headers=headers)
