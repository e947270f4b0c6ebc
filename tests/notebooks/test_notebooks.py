"""The notebooks run, and give what is stored in them."""

import re

import pytest


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute of computing, shared with whatever else runs
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("notebooks/server.ipynb", id="server"),
        pytest.param("notebooks/compare.ipynb", id="compare"),
        pytest.param("notebooks/rollout.ipynb", id="rollout"),
        pytest.param("client/client.ipynb", id="client"),
    ],
)
def test_notebook_run_again_gives_what_is_stored(root, nbval, name):
    result = nbval(root / name)

    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    assert re.search(r"\d+ passed", result.stdout)
