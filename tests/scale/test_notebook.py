"""The notebook about clusters runs, and gives what is stored in it."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "notebooks" / "conftest.py"
_spec = spec_from_file_location("notebooks_conftest", CONFTEST)
assert _spec is not None
assert _spec.loader is not None
_notebooks = module_from_spec(_spec)
_spec.loader.exec_module(_notebooks)
runner, fresh_copy, nbval = _notebooks.runner, _notebooks.fresh_copy, _notebooks.nbval


@pytest.mark.slow  # CI leaves it out: it takes as long as everything else about the cluster
@pytest.mark.timeout(1800)  # it starts a cluster of its own, and waits for a dozen replicas
def test_notebook_run_again_gives_what_is_stored(root, nbval):
    result = nbval(root / "notebooks/scale.ipynb", cell_timeout_s=600)

    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    assert re.search(r"\d+ passed", result.stdout)
