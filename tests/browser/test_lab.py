"""JupyterLab in a real browser: serve from a cell, try it out in Swagger UI, stop."""

import shutil
import socket

import cv2
import nbformat
import numpy as np
import pytest
from playwright.sync_api import expect
from testing import pixels_of

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def lab(start_lab, tmp_path_factory, root, port):
    """The lab as on a fresh copy, without internet; and a notebook in which a cell waits."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("notebooks", "images"):
        shutil.copytree(root / name, folder / name)
    (folder / "images_with_boxes").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETECTLAB_HOME", str(folder / "home"))
        patch.setenv("DETECTLAB_OFFLINE", "1")
        patch.setenv("DETECTLAB_PORT", str(port))
        patch.delenv("DETECTLAB_MODEL", raising=False)
        patch.delenv("DETECTLAB_MIRROR", raising=False)
        write_waiting_notebook(folder / "waiting.ipynb", port)
        yield start_lab(folder)


def write_waiting_notebook(path, port):
    cells = [
        "from detectlab import create_app\nfrom detectlab.kernel import serve",
        f"serve(create_app(), port={port})",
        "print('the next cell ran')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)


@pytest.fixture
def picture(root):
    return root / "images/oranges.jpg"


def test_package_served_from_a_waiting_cell_draws_in_swagger_ui_and_stops(lab, page, picture):
    notebook = lab.open(page, "waiting.ipynb")
    notebook.menu("Run", "Run All Cells")

    docs = notebook.open_proxied_docs()
    drawn = try_predict(docs, picture)
    notebook.interrupt()
    expect(notebook.output(1)).to_contain_text("Stopped.")
    expect(notebook.output(2)).to_contain_text("the next cell ran")

    assert has_new_lines(drawn, picture)
    assert "Traceback" not in notebook.output(1).inner_text()


def test_learners_app_of_the_lab_draws_in_swagger_ui_and_stops(lab, page, picture):
    cells = nbformat.read(lab.folder / "notebooks/server.ipynb", as_version=4).cells
    serve = first(cells, "serve")
    notebook = lab.open(page, "notebooks/server.ipynb")
    notebook.menu("Edit", "Clear Outputs of All Cells")
    notebook.run_all_above(serve)
    notebook.run(serve)
    notebook.run(first(cells, "live-output", after=serve))  # shows the links

    docs = notebook.open_proxied_docs()
    drawn = try_predict(docs, picture)
    stopped = notebook.run(first(cells, "stop"))

    assert has_new_lines(drawn, picture)
    expect(stopped).to_contain_text("False")


def first(cells, tag, after=0):
    """Number of the first cell with a tag, from cell `after` on."""
    tagged = [n for n, cell in enumerate(cells) if tag in cell.metadata.get("tags", [])]
    return next(n for n in tagged if n >= after)


def try_predict(docs, picture):
    """Send a picture by "Try it out"; give the answer as Swagger UI shows it."""
    operation = docs.locator(".opblock-post", has=docs.locator('[data-path="/predict"]'))
    operation.locator(".opblock-summary").click()
    operation.locator("input[type=file]").set_input_files(picture)
    operation.get_by_role("button", name="Execute").click()
    image = operation.locator(".live-responses-table img")
    expect(image).to_have_js_property("complete", True)
    expect(image).not_to_have_js_property("naturalWidth", 0)
    return pixels_of(image.screenshot())


def has_new_lines(drawn, picture):
    """Whether `drawn` is `picture`, with something of strong contrast drawn on a part of it."""
    size_wh = drawn.shape[1::-1]
    original = cv2.resize(pixels_of(picture), size_wh, interpolation=cv2.INTER_AREA)
    changed = np.abs(drawn.astype(int) - original).max(axis=2) > 60
    return 0.001 < changed.mean() < 0.3
