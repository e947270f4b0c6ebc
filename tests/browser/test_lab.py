"""JupyterLab in a real browser: serve from a cell, try it out in Swagger UI, stop."""

import socket

import cv2
import nbformat
import numpy as np
import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.browser]

APP = """
import cv2, numpy as np
from fastapi import FastAPI, Response, UploadFile
from detectlab.kernel import serve
from detectlab.pages import docs_routes

app = FastAPI(docs_url=None)
app.router.routes.extend(docs_routes())

@app.get("/")
def home():
    return "It works"

@app.post("/predict", response_class=Response, responses={200: {"content": {"image/png": {}}}})
def predict(file: UploadFile):
    image = cv2.imdecode(np.frombuffer(file.file.read(), np.uint8), cv2.IMREAD_COLOR)
    cv2.rectangle(image, (40, 30), (120, 90), (0, 0, 255), 6)
    return Response(cv2.imencode(".png", image)[1].tobytes(), media_type="image/png")
"""


@pytest.fixture(scope="module")
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def lab(start_lab, tmp_path_factory, port):
    folder = tmp_path_factory.mktemp("notebooks")
    cells = [APP.strip(), f"serve(app, port={port})", "print('the next cell ran')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / "app.ipynb")
    return start_lab(folder)


def test_app_served_from_a_cell_draws_in_swagger_ui_and_stops(lab, page, tmp_path):
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), np.full((160, 240, 3), (80, 200, 80), np.uint8))
    notebook = lab.open(page, "app.ipynb")
    notebook.menu("Run", "Run All Cells")
    links = notebook.output(1).locator("a")
    expect(links).to_have_count(3)

    with page.expect_popup() as popup:
        links.last.click()  # the one through the Jupyter's own address
    docs = popup.value
    image = try_predict(docs, picture)
    shown = cv2.imdecode(np.frombuffer(image.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    notebook.interrupt()
    expect(notebook.output(1)).to_contain_text("Stopped.")
    expect(notebook.output(2)).to_contain_text("the next cell ran")

    assert "/user/ada/proxy/" in docs.url
    assert shown[60, 80].tolist() == [80, 200, 80]
    assert shown[30, 80].tolist() == [0, 0, 255]
    assert "Traceback" not in notebook.output(1).inner_text()


def try_predict(docs, picture):
    """Send a picture by "Try it out" and return the answer as Swagger UI shows it."""
    operation = docs.locator(".opblock-post", has=docs.locator('[data-path="/predict"]'))
    operation.locator(".opblock-summary").click()
    try_out = operation.get_by_role("button", name="Try it out")
    operation.locator("input[type=file]").or_(try_out).first.wait_for()
    if try_out.is_visible():
        try_out.click()
    operation.locator("input[type=file]").set_input_files(picture)
    operation.get_by_role("button", name="Execute").click()
    image = operation.locator(".live-responses-table img")
    expect(image).to_have_js_property("complete", True)
    expect(image).not_to_have_js_property("naturalWidth", 0)
    return image
