"""What the document says is what the server does: schemathesis asks thousands of times."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
MAX_EXAMPLES = 400  # for each operation; with the other phases, more than 2,000 in all


@pytest.mark.slow
@pytest.mark.timeout(0)  # `make fuzz` takes as long as it is told; the run below has a limit
def test_thousands_of_requests_find_no_answer_that_the_document_does_not_allow(
    run_server: Any, make_network: Callable[..., tuple[Path, Path]], tmp_path: Path
) -> None:
    networks = {name: (*make_network(5, seed=n), 64) for n, name in enumerate(("one", "two"))}
    # `make fuzz` sets these; without them every run is the same.
    seed, seconds = os.environ.get("FUZZ_SEED", "1"), os.environ.get("FUZZ_SECONDS")
    with run_server(networks) as server:
        run = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                "--config-file",
                HERE / "schemathesis.toml",
                "run",
                f"{server.url}/openapi.json",
                "--checks",
                "all",
                "--continue-on-failure",
                "--no-color",
                # The API keeps no state between requests: there are no sequences to try.
                "--phases",
                "examples,coverage,fuzzing",
                # Rollouts and baselines do keep state, and are for operators: tests/rollout has a
                # test of them.
                "--exclude-path-regex",
                "^/(rollout|feedback|monitoring)",
                "--max-examples",
                str(MAX_EXAMPLES),
                "--seed",
                seed,
                *(["--max-time", seconds] if seconds else []),
            ],
            env={**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "schemathesis_hooks.py")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=1800 + 2 * int(seconds or 0),
        )
        log = server.log

    report = run.stdout[-8000:]
    cases = re.search(r"(\d+) generated", run.stdout)
    assert run.returncode == 0, report
    assert cases, report
    assert int(cases[1]) >= 2000, report
    assert "Traceback" not in log
