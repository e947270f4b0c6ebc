"""Run a check of an exercise, and give what the learner reads."""

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


@pytest.fixture
def not_yet(verdict):
    """Runs a check on a wrong answer, and returns its one line."""

    def run(check, *answer):
        said = verdict(check, *answer)
        assert said.startswith("Not yet: ")
        return said

    return run
