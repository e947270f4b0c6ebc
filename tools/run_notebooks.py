"""Run the lab's notebooks from top to bottom, and save them with their outputs.

    make notebooks                                    # all of them
    .venv/bin/python tools/run_notebooks.py client    # those whose path has "client" in it

What is stored is what a learner gets on a fresh copy without internet: `nano` and `images/`, and
no settings of this shell. Look at the pictures afterwards.
"""

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = tuple(
    ROOT / name
    for name in (
        "notebooks/server.ipynb",
        "notebooks/package.ipynb",
        "notebooks/app.ipynb",
        "notebooks/compare.ipynb",
        "notebooks/rollout.ipynb",
        "notebooks/monitor.ipynb",
        "notebooks/scale.ipynb",
        "client/client.ipynb",
    )
)
CELL_TIMEOUT_S = 300  # on a busy machine; a replica on a cluster takes longest to start
# A widget, such as a progress bar: without a kernel it stays as it began.
_LIVE = "application/vnd.jupyter.widget-view+json"


def main(wanted: list[str]) -> None:
    """Run and save the notebooks whose path contains one of `wanted`, or all."""
    chosen = [path for path in NOTEBOOKS if not wanted or any(w in str(path) for w in wanted)]
    if not chosen:
        sys.exit(f"No notebook has {' or '.join(wanted)} in its path.")
    for path in chosen:
        if path.stem == "scale" and find_spec("ray") is None:
            print(
                f"{path.relative_to(ROOT)}: left as it is, since Ray is missing: make setup-scale"
            )
            continue
        with fresh_copy_settings(), server_for(path):
            notebook = nbformat.read(path, as_version=4)
            NotebookClient(
                notebook,
                timeout=CELL_TIMEOUT_S,
                record_timing=False,
                resources={"metadata": {"path": str(path.parent)}},
            ).execute()
            tidy(notebook)
            nbformat.write(notebook, path)
        print(f"{path.relative_to(ROOT)}: saved, {path.stat().st_size / 1e6:.2f} MB")


@contextmanager
def fresh_copy_settings() -> Iterator[None]:
    """Set the environment of a fresh copy: only the weights of the package, and a free port."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as home, socket.socket() as probe:
        for name in [name for name in os.environ if name.startswith("DETECTLAB_")]:
            del os.environ[name]
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        os.environ.update(DETECTLAB_HOME=home, DETECTLAB_OFFLINE="1", DETECTLAB_PORT=str(port))
        os.environ["DETECTLAB_ENGINE"] = "opencv"  # the one that every machine has
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def server_for(path: Path) -> Iterator[None]:
    """Start the server that the client notebook talks to; the others start their own."""
    if path.parent.name != "client":
        yield
        return
    from detectlab import create_app
    from detectlab.kernel import start

    with start(create_app(), port=int(os.environ["DETECTLAB_PORT"])):
        yield


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Remove what differs between machines, or has no meaning without a kernel."""
    display_name = "Python 3 (ipykernel)"
    notebook.metadata = {
        "kernelspec": {"display_name": display_name, "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        kept = {"tags", "varies"} & cell.metadata.keys()
        cell.metadata = {name: cell.metadata[name] for name in sorted(kept)}
        if "live-output" in cell.metadata.get("tags", []):
            cell.outputs = []
        if "varies" in cell.metadata:  # warnings of chance results, with paths in them
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        if cell.cell_type == "code":
            lasting = [output for output in cell.outputs if _LIVE not in output.get("data", {})]
            cell.outputs = joined(lasting)


def joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join consecutive pieces of printed text: the kernel splits them differently each time."""
    whole: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = whole[-1] if whole else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last["text"] += output.text
        else:
            whole.append(output)
    return whole


if __name__ == "__main__":
    main(sys.argv[1:])
