"""hadolint's findings, where it is installed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

_TIMEOUT_S = 20.0


def lint_dockerfile(text: str) -> list[str]:
    """Errors and warnings of hadolint, worst first; nothing where it is not installed.

    Args:
        text: Content of the Dockerfile.
    """
    program = find_program("hadolint")
    if program is None:
        return []
    run = subprocess.run(
        [program, "--format", "json", "--no-fail", "-"],
        input=text,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    try:
        findings = json.loads(run.stdout)
    except ValueError:
        return []
    return [
        f"line {one['line']}, {one['code']}: {one['message']}"
        for level in ("error", "warning")
        for one in findings
        if one["level"] == level
    ]


def find_program(name: str) -> str | None:
    """A program beside this Python, or on the search path."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else shutil.which(name)
