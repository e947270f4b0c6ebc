"""What the document says about rollouts and monitoring is what the server does."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)


@pytest.mark.slow
def test_hundreds_of_requests_find_no_answer_that_the_document_does_not_allow(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    with serve() as server:
        run = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                *("run", f"{server.url}/openapi.json"),
                *("--include-path-regex", "^/(rollout|feedback|monitoring)"),
                # Made-up tokens would be delayed, and never get further than a 403.
                *("--header", f"X-Operator-Token: {os.environ['DETECTLAB_OPERATOR_TOKEN']}"),
                *("--checks", CHECKS, "--continue-on-failure", "--no-color"),
                *("--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--seed", "1"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )

    assert run.returncode == 0, run.stdout[-8000:]
    assert "Traceback" not in (tmp_path / "log").read_text()
