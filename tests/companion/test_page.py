"""The page's logic: Streamlit's own test driver, and a real server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from testing import FakeDetector

from detectlab.kernel import ServerHandle

Run = Callable[..., ServerHandle]
Make = Callable[..., bytes]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def open_page(
    companion: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_picture: Make
) -> Callable[..., AppTest]:
    """Opens the page as a visitor would, with two samples."""
    for seed, name in enumerate(["blots.jpg", "dots.jpg"]):
        (tmp_path / name).write_bytes(make_picture(seed=100 + seed))

    def open(server: str = NOBODY, **variables: str) -> AppTest:
        monkeypatch.setenv("DETECTLAB_SERVER", server)
        monkeypatch.setenv("DETECTLAB_SAMPLES", str(tmp_path))
        for name, value in variables.items():
            monkeypatch.setenv(f"DETECTLAB_{name}", value)
        page = AppTest.from_file(str(companion / "app.py"), default_timeout=30).run()
        assert not page.exception
        return page

    return open


def upload(page: AppTest, *files: bytes) -> AppTest:
    named = [(f"{number}.jpg", data, "image/jpeg") for number, data in enumerate(files)]
    page.file_uploader[0].set_value(named).run()
    assert not page.exception
    return page


def choose_confidence(page: AppTest, value: float) -> None:
    """As the slider does; Streamlit's test driver has no components."""
    page.session_state["confidence"] = value
    page.run()
    assert not page.exception


def shown(page: AppTest) -> str:
    """All text on the page."""
    kinds: Any = (page.caption, page.error, page.warning, page.info, page.markdown, page.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def objects(page: AppTest) -> Any:
    """The table of all objects: the last one."""
    return page.dataframe[len(page.dataframe) - 1].value


def test_page_of_a_server_says_who_is_alive(open_page: Any, run_api: Run) -> None:
    handle = run_api()
    page = open_page(handle.url)

    text = shown(page)
    assert "**detectlab" in text
    assert f"is alive at `{handle.url}` with 2 detectors: small, large" in text


def test_page_without_a_server_says_what_to_do(open_page: Any) -> None:
    page = open_page()

    assert "There is no server to ask" in shown(page)
    assert "make serve" in shown(page)
    assert not page.dataframe


def test_uploaded_pictures_are_answered_by_the_default_detector(
    open_page: Any, run_api: Run, make_picture: Make
) -> None:
    page = upload(open_page(run_api().url), make_picture(seed=1), make_picture(seed=2))

    assert "**0.jpg**" in shown(page)
    assert "**1.jpg**" in shown(page)
    assert set(objects(page)["detector"]) == {"small"}
    assert set(objects(page)["picture"]) == {"0.jpg", "1.jpg"}


def test_slider_filters_what_came_without_asking_again(
    open_page: Any, run_api: Run, make_picture: Make
) -> None:
    handle = run_api()
    page = upload(open_page(handle.url), make_picture())
    choose_confidence(page, 0.05)
    many = objects(page)
    handle.stop()

    middle = round(float(many["confidence"].median()), 2)
    choose_confidence(page, middle)

    assert 0 < len(objects(page)) < len(many)
    assert (objects(page)["confidence"] >= middle).all()


def test_two_detectors_are_compared(open_page: Any, run_api: Run, make_picture: Make) -> None:
    page = upload(open_page(run_api().url), make_picture())
    page.button_group(key="detectors").set_value(["small", "large"]).run()
    choose_confidence(page, 0.05)

    comparison = page.dataframe[0].value
    assert comparison["detector"].tolist() == ["small", "large"]
    assert comparison["objects"].tolist() == [
        (objects(page)["detector"] == name).sum() for name in ("small", "large")
    ]
    assert (comparison["time (ms)"] > 0).all()


def test_no_detector_chosen_asks_for_one(open_page: Any, run_api: Run, make_picture: Make) -> None:
    page = upload(open_page(run_api().url), make_picture())
    page.button_group(key="detectors").set_value([]).run()

    assert "Choose a detector." in shown(page)
    assert not page.dataframe


def test_sample_is_answered_like_an_upload(open_page: Any, run_api: Run) -> None:
    page = open_page(run_api().url)
    page.button_group(key="samples").set_value(["dots"]).run()

    assert "**dots.jpg**" in shown(page)


def test_file_that_is_no_picture_gets_its_message_beside_good_ones(
    open_page: Any, run_api: Run, make_picture: Make
) -> None:
    page = upload(open_page(run_api().url), b"%PDF-1.7", make_picture())

    assert "This is a PDF document" in shown(page)
    assert set(objects(page)["picture"]) <= {"1.jpg"}


def test_failed_request_is_asked_again_by_the_button(
    open_page: Any, run_api: Run, make_picture: Make, detectors: Any
) -> None:
    small = detectors["small"]
    moody = FakeDetector("small", small.names, answer=small.detect, error=RuntimeError("not today"))
    page = upload(open_page(run_api(load=lambda name: moody).url), make_picture())
    assert "0.jpg, **small**: The server has an error of its own (500)" in shown(page)
    moody.error = None
    page.run()
    assert "an error of its own" in shown(page)  # nothing is asked again unasked

    next(button for button in page.button if button.label == "Try again").click().run()

    assert "an error of its own" not in shown(page)
    assert set(objects(page)["detector"]) == {"small"}


def test_test_mode_answers_without_a_server_and_says_so(open_page: Any, make_picture: Make) -> None:
    page = open_page()
    page.toggle(key="test_mode").set_value(True).run()
    upload(page, make_picture())
    choose_confidence(page, 0.05)

    assert "**Test mode.** No server is asked" in shown(page)
    assert "There is no server to ask" not in shown(page)
    assert set(objects(page)["detector"]) == {"test-small"}


def test_key_of_the_environment_goes_to_its_server_alone(
    open_page: Any, run_api: Run, make_picture: Make
) -> None:
    handle, other = (
        run_api(api_key="correct horse battery"),
        run_api(api_key="correct horse battery"),
    )
    page = upload(open_page(handle.url, API_KEY="correct horse battery"), make_picture())
    assert "API key" not in shown(page)

    page.text_input(key="address").set_value(other.url).run()
    assert "API key" in shown(page)

    page.text_input(key="api_key").set_value("correct horse battery").run()
    assert "API key" not in shown(page)


def test_locked_page_asks_no_other_server(open_page: Any, run_api: Run) -> None:
    page = open_page(run_api().url, SERVER_LOCKED="1")

    assert page.text_input(key="address").disabled


def test_locked_page_without_a_server_gives_no_advice_that_visitors_cannot_follow(
    open_page: Any,
) -> None:
    page = open_page(SERVER_LOCKED="1")

    assert "tell the operator of this page" in shown(page)
    assert "make serve" not in shown(page)


def test_address_that_is_none_says_what_one_looks_like(open_page: Any, run_api: Run) -> None:
    page = open_page(run_api().url)
    page.text_input(key="address").set_value("my server").run()

    assert "must be a server's address, such as" in shown(page)


def test_live_page_leads_to_the_camera_of_the_server() -> None:
    def script() -> None:
        import live_page
        from asking import Offer, RealServer
        from session import Surroundings, Visit

        server = RealServer("http://127.0.0.1:8000/")
        live_page.show(Visit(Surroundings.read(), server, Offer("detectlab", "1", ("nano",))))

    page = AppTest.from_function(script, default_timeout=60).run()

    assert not page.exception
    (link,) = page.get("link_button")
    assert link.proto.url == "http://127.0.0.1:8000/live"
    assert "must be reachable from this device" in shown(page)
