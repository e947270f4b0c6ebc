"""`detectlab rollout` against a real server."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from detectlab.cli.rollout import app

pytestmark = pytest.mark.slow


@pytest.fixture
def server(serve: Callable[..., Any]) -> Iterator[Any]:
    with serve() as running:
        yield running


@pytest.fixture
def rollout(server: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command, and gives what it prints."""
    monkeypatch.setenv("DETECTLAB_URL", server.url)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        if result.exception:
            raise result.exception
        return str(result.output)

    return run


def test_commands_lead_through_a_rollout(
    rollout: Callable[..., str], server: Any, apples: bytes, tmp_path: Path
) -> None:
    assert "Revision 0: nano answers" in rollout("status")
    assert "The plan was never changed" in rollout("history")
    new = "nano@input_size=256"
    assert f"nano answers, {new} in its shadow" in rollout("shadow", "nano", "--input-size", "256")
    assert f"{new} answers 10%, nano the rest" in rollout("canary", "--share", "0.1")
    assert "errors       not enough yet 0 of 0 answers failed" in rollout("status")
    with pytest.raises(ValueError, match="409 Conflict: There is not enough evidence"):
        rollout("promote")
    assert f"{new} answers 50%" in rollout("promote", "--anyway", "--why", "looks good")
    assert "nano answers" in rollout("rollback")
    assert "there was nothing to roll back" in rollout("rollback")
    assert f"blue (nano) answers, {new} is warm" in rollout("blue-green")
    rollout("promote", "--anyway")
    server.client.ask(apples, "ada")
    told = rollout("status")
    assert "1 answers, 0 failed, p95" in told
    assert f"{new} answers" in rollout("release")
    assert "(looks good (anyway, without enough evidence: errors: " in rollout("history")
    plan = json.loads(rollout("status", "--json"))["plan"]
    assert plan["stable"]["input_size"] == 256
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"stable": {"model": "nano"}}))
    assert "nano answers" in rollout("apply", str(file), "--why", "from a file")


def test_what_goes_wrong_is_told_in_one_sentence(
    rollout: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="409 Conflict: There is no candidate"):
        rollout("promote")
    with pytest.raises(ValueError, match="must be one of nano, "):
        rollout("shadow", "yolov99")
    with pytest.raises(ValueError, match="name the candidate, too"):
        rollout("canary", "--input-size", "256")
    monkeypatch.setenv("DETECTLAB_URL", "http://127.0.0.1:9")
    with pytest.raises(ValueError, match="Nothing answers at"):
        rollout("status")
