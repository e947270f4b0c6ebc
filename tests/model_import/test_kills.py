"""A killed add or removal leaves nothing half registered, and no server answers 500."""

from pathlib import Path
from typing import Any

import import_kills
import pytest


@pytest.mark.slow
def test_killed_commands_leave_whole_detectors_or_none(make_onnx, tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.write_text("red\ngreen\nblue")
    # `measure` raises where something is half registered, left over, or answered with 500.
    row: dict[str, Any] = import_kills.measure(make_onnx(), labels, kills=2, seed=0)
    assert row["kills"] == 2
    assert row["statuses"][200] > 0
