"""`detectlab received clear`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from detectlab.cli.main import app


def test_received_clear_deletes_the_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        (tmp_path / f"20261125T10101000000{number}-0123456789ab.jpeg").touch()
    (tmp_path / ".gitkeep").touch()
    monkeypatch.setenv("DETECTLAB_RECEIVED_DIR", str(tmp_path))

    run = CliRunner().invoke(app, ["received", "clear"])

    assert run.exit_code == 0
    assert run.stdout.startswith("Deleted 2 received pictures in ")
    assert [file.name for file in tmp_path.iterdir()] == [".gitkeep"]


def test_received_clear_without_a_folder_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DETECTLAB_RECEIVED_DIR", raising=False)

    run = CliRunner().invoke(app, ["received", "clear"])

    assert run.exit_code == 1
    assert str(run.exception) == "No folder is set: name it in DETECTLAB_RECEIVED_DIR."
