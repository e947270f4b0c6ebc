"""The check of a whole page: Streamlit runs it against a real server and a dead one."""

import shutil

import pytest

from detectlab.course.own_files import running
from detectlab.course.page_run_checks import check_page

TABLE = "st.dataframe(found, hide_index=False)"
AppTest = pytest.importorskip("streamlit.testing.v1").AppTest


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    command = ["serve", "--port", "{port}"]
    with running("detectlab", command, tmp_path_factory.mktemp("server"), "/ready") as url:
        yield url


@pytest.fixture
def page(root, tmp_path):
    """The finished page, to spoil."""
    return shutil.copy(root / "src" / "detectlab" / "assets" / "own_page.txt", tmp_path / "page.py")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        pytest.param("st.error(f", "str(f", "the page says nothing. Use `st.error`", id="silent"),
        pytest.param('st.selectbox("Model", names)', "names[0]", "the choice of a model", id="one"),
        pytest.param(
            "model, data, confidence) if", "model, data, 0.5) if", "your page has", id="confidence"
        ),
        pytest.param(
            'st.image(draw(data, found), channels="BGR")',
            "st.image(data)",
            "the picture stays the same",
            id="not-drawn",
        ),
        pytest.param(
            'st.image(draw(data, found), channels="BGR")',
            "pass",
            "the picture is missing",
            id="no-picture",
        ),
        pytest.param(', channels="BGR")', ")", "red and blue are swapped", id="colours"),
        pytest.param(TABLE, "st.write(len(found))", "no table: use", id="a-number"),
        pytest.param(
            "    data = file", "    return\n    data = file", "has no table", id="returns"
        ),
        pytest.param(f"    {TABLE}", "", "no table: use `st.dataframe`", id="no-table"),
        pytest.param(
            "        st.error(str(problem))",
            "        st.info('?')",
            "Show its sentence",
            id="refusal",
        ),
        pytest.param("str(problem)", "'It failed'", "and the page only: It failed", id="own-words"),
        pytest.param(
            "    except RuntimeError as",
            "    except OSError as",
            "show its sentence: `st.e",
            id="uncaught",
        ),
        pytest.param(
            "if address else pretend(confidence)", "", "test mode needs no service", id="test-mode"
        ),
        pytest.param("    data = file", "    data = fil", "name 'fil' is not defined", id="raises"),
    ],
)
def test_page_with_a_mistake_names_it(not_yet, url, page, root, old, new, hint):
    text = page.read_text("utf-8")
    assert text.count(old) == 1
    page.write_text(text.replace(old, new), "utf-8")

    assert hint in not_yet(check_page, AppTest, page, url, root / "images" / "fruits.jpg")


@pytest.mark.slow
def test_page_that_raises_shows_no_traceback_in_a_notebook(verdict, monkeypatch, url, page, root):
    shown = []
    # In a notebook this displays a traceback, whatever the standard output is.
    monkeypatch.setattr("streamlit.error_util._print_rich_exception", shown.append)
    page.write_text(page.read_text("utf-8").replace("    data = file", "    data = fil"), "utf-8")

    said = verdict(check_page, AppTest, page, url, root / "images" / "fruits.jpg")

    assert "name 'fil' is not defined" in said
    assert shown == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("hide_index=False", "hide_index=None", id="as-it-is"),
        pytest.param(TABLE, "st.sidebar.table(found or [{}])", id="sidebar"),
        pytest.param(', channels="BGR")', "[..., ::-1])", id="red-first"),
    ],
)
def test_page_that_is_right_is_correct(verdict, url, page, root, old, new):
    page.write_text(page.read_text("utf-8").replace(old, new), "utf-8")

    said = verdict(check_page, AppTest, page, url, root / "images" / "fruits.jpg")

    assert said.startswith("Correct. "), said
