"""A picture's way through the package stays short."""

import json
import subprocess
import sys
from pathlib import Path

MAX_FILES, MAX_MOVES = 18, 50


def test_a_plain_request_visits_few_files_of_ours(root: Path) -> None:
    run = subprocess.run(
        [sys.executable, root / "benchmarks" / "request_path.py", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )

    path = json.loads(run.stdout)
    assert path["files"] <= MAX_FILES, path["visits"]
    assert path["moves"] <= MAX_MOVES, path["visits"]
    assert not any(file.startswith("rollout/") for file in path["visits"])
    assert path["visits"][0].startswith("serving/")
    assert "vision/drawing.py" in path["visits"]
