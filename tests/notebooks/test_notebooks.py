"""The notebooks run, and give what is stored in them."""

import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute of computing, shared with whatever else runs
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("notebooks/server.ipynb", id="server"),
        pytest.param("notebooks/package.ipynb", id="package"),
        pytest.param("notebooks/app.ipynb", id="app"),
        pytest.param("notebooks/compare.ipynb", id="compare"),
        pytest.param("notebooks/rollout.ipynb", id="rollout"),
        pytest.param("notebooks/monitor.ipynb", id="monitor"),
        pytest.param("client/client.ipynb", id="client"),
    ],
)
def test_notebook_run_again_gives_what_is_stored(root, nbval, name):
    result = nbval(root / name)

    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    assert re.search(r"\d+ passed", result.stdout)


@pytest.mark.slow
def test_client_notebook_without_a_server_stops_with_one_sentence(root, fresh_copy):
    notebook = nbformat.read(root / "client" / "client.ipynb", as_version=4)
    client = NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(root / "client")}}
    )

    with pytest.raises(CellExecutionError, match="StopNotebook"):
        client.execute()

    (error,) = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    assert error.traceback == ["No answer. Run server.ipynb up to section 12, then this cell."]
