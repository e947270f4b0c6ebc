"""A killed add or removal leaves nothing half registered, and no server answers 500."""

import importlib.util
from pathlib import Path

import pytest

_BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "import_kills.py"
_spec = importlib.util.spec_from_file_location("import_kills", _BENCHMARK)
assert _spec is not None
assert _spec.loader is not None
import_kills = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(import_kills)


@pytest.mark.slow
def test_killed_commands_leave_whole_detectors_or_none(make_onnx, tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.write_text("red\ngreen\nblue")
    # `measure` raises where something is half registered, left over, or answered with 500.
    row = import_kills.measure(make_onnx(), labels, kills=2, seed=0)
    assert row["kills"] == 2
    assert row["statuses"][200] > 0
