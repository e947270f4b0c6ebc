"""Runs a check of an exercise, and gives what the learner reads."""

import pytest


@pytest.fixture
def verdict(capsys):
    """Runs a check, and returns its one line; nothing else may be printed."""

    def run(check, *answer):
        assert check(*answer) is None
        said = capsys.readouterr()
        assert said.err == ""
        assert said.out.count("\n") == 1
        return said.out.strip()

    return run
