"""The live camera's WebSocket: a real server, and a client that sends what it likes."""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import requests
from testing import wait_until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from detectlab.kernel import start
from detectlab.models.registry import get_card
from detectlab.serving import frame_stream
from detectlab.serving.app import create_app
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings

KEY = "correct horse battery"


@pytest.fixture(scope="module")
def serve(tiny: Any) -> Iterator[Callable[..., str]]:
    handles = []
    cards = {"tiny": replace(get_card("nano"), name="tiny", classes=tiny.names)}

    def serve(**limits: Any) -> str:
        settings = Settings(workers=2, **limits)
        pool = ThreadPool(lambda name: tiny, cards, "tiny", settings)
        handles.append(start(create_app(pool, settings)))
        return handles[-1].url

    yield serve
    for handle in handles:
        handle.stop()


@pytest.fixture(scope="module")
def url(serve: Callable[..., str]) -> str:
    return serve()


@contextmanager
def stream(url: str, query: str = "", **options: Any) -> Iterator[ClientConnection]:
    address = f"{url.replace('http', 'ws')}/stream{query}"
    with connect(address, open_timeout=30, close_timeout=5, **options) as socket:
        yield socket


def receive(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(socket.recv(timeout=30))


def test_each_frame_is_answered_as_predict_would(url: str, jpeg: bytes) -> None:
    with stream(url, "?confidence=0.2") as socket:
        hello = receive(socket)
        answers = []
        for _ in range(3):
            socket.send(jpeg)
            answers.append(receive(socket))

    assert hello["model"] == "tiny"
    assert set(hello["colours"]) >= {"apple", "orange"}
    assert [answer["frame"] for answer in answers] == [1, 2, 3]
    options: Any = {"params": {"confidence": 0.2}, "headers": {"Accept": "application/json"}}
    expected = requests.post(f"{url}/predict", files={"file": jpeg}, timeout=60, **options).json()
    assert expected["detections"]
    assert [answer["detections"] for answer in answers] == [expected["detections"]] * 3


def test_only_the_newest_of_waiting_frames_is_answered(url: str, jpeg: bytes) -> None:
    with stream(url) as socket:
        receive(socket)
        for _ in range(40):
            socket.send(jpeg)
        numbers = [receive(socket)["frame"]]
        while numbers[-1] < 40:
            numbers.append(receive(socket)["frame"])

    assert numbers == sorted(set(numbers))
    assert len(numbers) < 40


def test_frame_that_is_no_picture_gets_a_sentence_and_the_stream_goes_on(
    url: str, jpeg: bytes
) -> None:
    with stream(url) as socket:
        receive(socket)
        socket.send(b"no picture")
        assert "This is not a picture" in receive(socket)["detail"]
        socket.send(jpeg)
        assert "detections" in receive(socket)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param("text", 1003, id="text"),
        pytest.param(b"\xff" * (frame_stream.MAX_FRAME_BYTES + 1), 1009, id="too large"),
    ],
)
def test_message_that_is_no_frame_ends_the_stream(url: str, message: Any, code: int) -> None:
    with stream(url) as socket:
        receive(socket)
        socket.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            receive(socket)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


def test_closed_streams_free_their_places(url: str) -> None:
    with ExitStack() as streams:
        for _ in range(frame_stream.MAX_STREAMS):
            streams.enter_context(stream(url))
        with pytest.raises(InvalidStatus, match="503"), stream(url):
            pass
    wait_until(lambda: "detectlab_streams 0.0" in requests.get(f"{url}/metrics", timeout=30).text)
    with stream(url) as socket:
        assert receive(socket)["model"] == "tiny"


@pytest.mark.parametrize(
    ("options", "status"),
    [
        pytest.param({"origin": "https://evil.example"}, 403, id="foreign page"),
        pytest.param({"additional_headers": {"Host": "evil.example"}}, 400, id="two names"),
        pytest.param({"query": "?model=yolov9000"}, 422, id="unknown detector"),
    ],
)
def test_stream_is_refused_before_it_begins(url: str, options: Any, status: int) -> None:
    with pytest.raises(InvalidStatus, match=str(status)), stream(url, **options):
        pass


def test_key_is_asked_for_and_may_come_as_a_subprotocol(serve: Callable[..., str]) -> None:
    url = serve(api_key=KEY)
    name = "key." + base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("=")
    with pytest.raises(InvalidStatus, match="401"), stream(url):
        pass
    with pytest.raises(InvalidStatus, match="401"), stream(url, subprotocols=["key.d3Jvbmc"]):
        pass
    with stream(url, subprotocols=["detectlab", name]) as socket:
        assert socket.subprotocol == "detectlab"  # the key does not come back
    with stream(url, additional_headers={"X-API-Key": KEY}) as socket:
        assert receive(socket)["model"] == "tiny"


def test_page_is_open_and_its_scripts_may_come_from_here_alone(serve: Callable[..., str]) -> None:
    page = requests.get(f"{serve(api_key=KEY)}/live", timeout=30)

    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    for name in ("live", "tracks"):
        script = requests.get(page.url + f"/{name}.js", timeout=30)
        assert script.headers["Content-Type"].startswith("text/javascript")
    assert requests.get(page.url + "/secret.js", timeout=30).status_code == 404


def test_frame_waits_for_a_photograph_that_is_worked_on_but_not_for_long(
    tiny: Any, gate: Any, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, settings = get_card("nano"), Settings(workers=2)
    detectors = {"tiny": tiny, "gate": gate}
    cards = {name: replace(card, name=name, classes=it.names) for name, it in detectors.items()}
    pool = ThreadPool(detectors.__getitem__, cards, "tiny", settings)
    with (
        start(create_app(pool, settings)) as handle,
        ThreadPoolExecutor(1) as executor,
        stream(handle.url) as socket,
    ):
        ask = partial(requests.post, f"{handle.url}/predict?model=gate", files={"file": jpeg})
        photo = executor.submit(ask, timeout=60)
        assert gate.started.acquire(timeout=60)
        receive(socket)
        socket.send(jpeg)
        assert receive(socket)["frame"] == 1  # the photograph takes longer than a frame waits

        monkeypatch.setattr(frame_stream, "_MAX_YIELD_S", 60)
        socket.send(jpeg)
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.3)
        gate.gate.set()
        assert receive(socket)["frame"] == 2
        assert photo.result(60).ok
