"""`detectlab monitor` against a real server: from what is usual to an alarm, and on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import testing
from typer.testing import CliRunner

from detectlab.cli.monitor import app
from detectlab.kernel import start
from detectlab.models.registry import get_card
from detectlab.serving.app import create_app
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings


@pytest.fixture
def monitor(
    fake: testing.FakeDetector, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., str]]:
    """Runs a command in the repository's folder, and gives what it prints."""
    settings = Settings(home=tmp_path, monitoring_share=1.0)
    card = replace(get_card("nano"), name=fake.name, classes=fake.names)
    pool = ThreadPool(lambda name: fake, {fake.name: card}, fake.name, settings)
    monkeypatch.setenv("DETECTLAB_HOME", str(tmp_path))
    monkeypatch.chdir(root)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        if result.exception:
            raise result.exception
        return str(result.output)

    with start(create_app(pool, settings)) as server:
        monkeypatch.setenv("DETECTLAB_URL", server.url)
        yield run


def test_commands_lead_from_what_is_usual_to_an_alarm_and_on(monitor: Callable[..., str]) -> None:
    assert "Nothing was observed yet." in monitor("status")
    assert monitor("drill", "none", "--count", "150") == "No alarm after 150 pictures.\n"
    assert "Baseline of fake: the last 150 pictures of lane stable." in monitor("baseline")
    assert "fake (stable): No drift" in monitor("status")

    first = monitor("drill", "night", "--count", "60")
    more = monitor("drill", "night", "--count", "20")

    alarm, command = first.splitlines()
    assert "mean brightness is lower" in alarm
    assert command.startswith("Next: detectlab collect --since 20")
    told, again = more.splitlines()
    assert told.startswith("No other alarm after 20 pictures; still raised: fake (stable), since ")
    assert again == command
