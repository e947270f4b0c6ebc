"""The learner's copies: made once, begun afresh on request, and never overwritten."""

import json
import shutil
import subprocess
import sys

import pytest

from detectlab.course import lab_copies
from detectlab.course.lab_copies import make_copies, reset


@pytest.fixture
def project(tmp_path, root):
    """A project with the published notebooks and a picture."""
    for folder in ("notebooks", "client"):
        (tmp_path / folder).mkdir()
        for file in (root / folder).glob("*.*"):
            shutil.copy(file, tmp_path / folder)
    (tmp_path / "images").mkdir()
    shutil.copy(root / "images" / "apple.jpg", tmp_path / "images")
    return tmp_path


def edit(file, text):
    """Change a notebook as a learner does, with an output."""
    notebook = json.loads(file.read_text("utf-8"))
    notebook["cells"].append(
        {"cell_type": "markdown", "id": "mine", "metadata": {}, "source": text}
    )
    file.write_text(json.dumps(notebook), "utf-8")


def contents(folder):
    return {file: file.read_bytes() for file in folder.rglob("*.ipynb")}


def test_copies_have_no_outputs_and_find_the_pictures(project):
    published = contents(project)

    lab = make_copies(project)

    names = {file.stem for file in published}
    assert names >= {"server", "server.fr", "package", "app", "compare", "client", "client.fr"}
    assert {file.stem for file in lab.rglob("*.ipynb")} == names
    for file in lab.rglob("*.ipynb"):
        cells = json.loads(file.read_text("utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert code
        assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
        assert (file.parent / "../images/apple.jpg").resolve().is_file()
    assert (lab / "notebooks" / "cvlib_at_once.py").is_file()
    assert {file: file.read_bytes() for file in published} == published


def test_copies_made_twice_keep_what_a_learner_changed(project):
    lab = make_copies(project)
    edit(lab / "notebooks" / "server.ipynb", "my own note")
    (lab / "client" / "client.ipynb").unlink()
    mine = (lab / "notebooks" / "server.ipynb").read_bytes()

    make_copies(project)

    assert (lab / "notebooks" / "server.ipynb").read_bytes() == mine
    assert (lab / "client" / "client.ipynb").is_file()


def test_reset_of_one_notebook_begins_it_afresh_and_keeps_the_old_one(project):
    lab = make_copies(project)
    fresh = contents(lab)
    for name in ("server", "compare"):
        edit(lab / "notebooks" / f"{name}.ipynb", "my own note")
    mine = contents(lab)
    server, compare = (lab / "notebooks" / f"{name}.ipynb" for name in ("server", "compare"))

    ((target, kept),) = reset(project, ["server"])

    assert target == server
    assert server.read_bytes() == fresh[server]
    assert kept is not None
    assert kept.read_bytes() == mine[server]
    assert compare.read_bytes() == mine[compare]


def test_reset_twice_in_a_minute_loses_nothing(project):
    server = make_copies(project) / "notebooks" / "server.ipynb"
    texts = ["first try", "second try", "third try"]

    kept = []
    for text in texts:
        edit(server, text)
        kept += [old for _, old in reset(project) if old]

    assert len(set(kept)) == 3
    for text, old in zip(texts, kept, strict=True):
        assert text in old.read_text("utf-8")


def test_reset_of_an_untouched_notebook_keeps_no_second_copy(project):
    before = contents(make_copies(project))

    assert {kept for _, kept in reset(project)} == {None}
    assert contents(project / "my-lab") == before


def test_copies_on_a_system_without_links_have_the_pictures(project, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr(lab_copies.Path, "symlink_to", refuse)

    assert (make_copies(project) / "images" / "apple.jpg").is_file()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        pytest.param([], 0, "Your notebooks are in", id="copies"),
        pytest.param(["--reset"], 0, "server.ipynb is fresh already.", id="all"),
        pytest.param(["--reset", "client"], 0, "client.ipynb is fresh already.", id="one"),
        pytest.param(["--reset", "server.fr"], 0, "server.fr.ipynb is fresh already.", id="fr"),
        pytest.param(["--reset", "serve"], 1, "There is no notebook 'serve'. There are", id="no"),
    ],
)
def test_command_says_what_it_did(project, arguments, status, said):
    done = subprocess.run(
        [sys.executable, "-m", "detectlab.course.lab_copies", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == status
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_lab_opened_twice_with_an_edit_and_then_reset_loses_nothing(project, root):
    (project / "tools").mkdir()
    shutil.copy(root / "tools" / "start_lab.py", project / "tools")
    server = project / "my-lab" / "notebooks" / "server.ipynb"

    def run(*command):  # what `make lab` and `make reset` call; `--version` ends JupyterLab at once
        subprocess.run([sys.executable, *command], cwd=project, check=True, capture_output=True)

    run("tools/start_lab.py", "--version")
    fresh = server.read_bytes()
    edit(server, "my own note")
    mine = server.read_bytes()
    run("tools/start_lab.py", "--version")
    kept_by_lab = server.read_bytes()
    run("-m", "detectlab.course.lab_copies", "--reset", "server")

    assert kept_by_lab == mine
    assert server.read_bytes() == fresh
    (old,) = server.parent.glob("server-20*.ipynb")
    assert old.read_bytes() == mine


def test_reset_of_the_makefile_calls_the_command(root):
    shown = subprocess.run(
        ["make", "--dry-run", "reset", "ARGS=server"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "-m detectlab.course.lab_copies --reset server" in shown.stdout
