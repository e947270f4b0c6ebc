"""Every promise of SECURITY.md names a test, and the test exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISES = re.search(
    r"## What is promised\n(.*?)\n## ", (ROOT / "SECURITY.md").read_text("utf-8"), re.S
)
assert PROMISES is not None
LINES = re.findall(r"^- .*?(?=^- |^\*\*|\Z)", PROMISES[1], re.S | re.M)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[2:40].replace("\n", " "))
def test_promise_names_tests_that_exist(line: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", line)

    assert named, line
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), f"{file}::{test}"
