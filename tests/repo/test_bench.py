"""What `make bench` is made of: its clients, its stand-in, its bars."""

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import pytest
from testing import pixels_of

CONFIG = """
[net]
width=416
height=416
channels=3

[convolutional]
batch_normalize=1
filters=8
size=3
stride=8
pad=1
activation=leaky

[maxpool]
size=4
stride=4

[convolutional]
filters=21
size=1
stride=1
pad=1
activation=linear

[yolo]
mask=0,1,2
anchors=20,20, 60,60, 150,150
classes=2
num=3
"""


@pytest.fixture
def bench() -> Callable[[str], Any]:
    """Gives a module of the benchmark by its name."""
    return lambda name: importlib.import_module(f"bench.{name}")


class Server(ThreadingHTTPServer):
    """Says nothing of clients that hang up in the middle of an answer; they mean to."""

    def handle_error(self, *_: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            raise


class Handler(BaseHTTPRequestHandler):
    """Answers with as many bytes as came: at `/whole` in one piece, at `/lines` in chunks."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/busy":
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("X-Received", str(len(data)))
        if self.path == "/whole":
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in (*data.splitlines(keepends=True), b""):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/whole", "/lines"])
def test_clients_get_every_answer_to_its_end(
    bench: Callable[[str], Any], url: str, path: str
) -> None:
    picture = b"a 0\r\npicture\n" * 1000  # a line that ends as an answer does

    found = bench("load").drive(url + path, [picture], clients=3, requests=30)

    assert found["outcomes"] == {"200": found["answers"]}
    assert found["answers"] >= 30
    assert len(found["ms"]) == found["answers"]
    received = len(bench("load").request_bytes(url + path, picture).partition(b"\r\n\r\n")[2])
    assert f"x-received: {received}" in found["last_head"]


def test_clients_count_refusals_apart(bench: Callable[[str], Any], url: str) -> None:
    found = bench("load").drive(f"{url}/busy", [b"picture"], clients=2, requests=10)

    assert found["outcomes"] == {"503": found["answers"]}
    assert found["ms"] == []


def test_weights_by_chance_find_some_objects(
    bench: Callable[[str], Any], tmp_path: Path, root: Path
) -> None:
    config, weights = tmp_path / "made.cfg", tmp_path / "made.weights"
    config.write_text(CONFIG)
    names = ("apples", "oranges", "clock", "car")
    pictures = [pixels_of(root / "images" / f"{name}.jpg") for name in names]

    bench("standin").make_weights(config, weights, pictures)

    network = cv2.dnn.readNetFromDarknet(str(config), str(weights))
    objects = 0
    for pixels in pictures:
        network.setInput(cv2.dnn.blobFromImage(pixels, 0.00392, (416, 416), (0, 0, 0), True))
        objects += int((network.forward()[:, 5:].max(axis=1) > 0.5).sum())
    assert 0 < objects <= bench("standin").OBJECTS_A_PICTURE * len(pictures)


def made_up(rates: dict[str, float]) -> dict[str, Any]:
    """A result in which each server has this rate, and everything else is well."""

    def spread(value: float) -> dict[str, Any]:
        # In its second round the machine is in half the mood.
        return {"median": value, "rounds": [value, value / 2, value]}

    def one(rate: float) -> dict[str, Any]:
        return {"rate": spread(rate), "p50_ms": spread(1000 / rate), "p99_ms": spread(1500 / rate)}

    bare = {str(clients): one(rates.get("bare", 30.0)) for clients in (1, 8)}
    return {
        "settings": {"memory_requests": 1000},
        "servers": {
            name: {str(clients): one(rate) for clients in (1, 8)}
            for name, rate in rates.items()
            if name != "bare"
        },
        "raw": {"opencv": bare} if "bare" in rates else {},
        "start_s": spread(1.0),
        "memory_mb": {"after_requests": 150.0},
        "agreement": {"nano": {"photographs": 200, "objects": 200, "again": 199}},
    }


def failed(bench: Callable[[str], Any], found: dict[str, Any]) -> list[str]:
    return [bar.what for bar in bench("bars").bars(found) if not bar.passed]


def test_bars_all_reached_pass(bench: Callable[[str], Any]) -> None:
    rates = {"course": 10, "litserve opencv": 24, "detectlab opencv": 29, "detectlab nano": 60}

    assert failed(bench, made_up({**rates, "bare": 30})) == []


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        pytest.param({"course": 11}, "against the course's server", id="course"),
        pytest.param({"litserve opencv": 25}, "against LitServe", id="litserve"),
        pytest.param({"bare": 40}, "against the bare pipeline", id="limit"),
        pytest.param({"detectlab nano": 50}, "of nano against yolov3-tiny", id="nano"),
    ],
)
def test_bar_that_is_missed_fails(
    bench: Callable[[str], Any], changed: dict[str, float], missed: str
) -> None:
    rates = {"course": 10, "litserve opencv": 24, "detectlab opencv": 29, "detectlab nano": 60}

    names = failed(bench, made_up({**rates, "bare": 30, **changed}))

    assert any(missed in name for name in names)


def test_bars_with_nano_alone_leave_the_others_out(bench: Callable[[str], Any]) -> None:
    bars = bench("bars").bars(made_up({"detectlab nano": 60}))

    assert [bar.unit for bar in bars] == ["s", "MB", "%"]
    assert all(bar.passed for bar in bars)


def engines_side_by_side(**changed: float) -> dict[str, Any]:
    """What `bench.fast` stores, with these rates in place of those that pass."""
    rates = {"course": 20, "opencv": 40, "openvino": 60, "int8": 80, **changed}
    rates = {"litserve_openvino": 50, "litserve_int8": 60, "bare_int8": 85, **rates}

    def spread(value: float) -> dict[str, Any]:
        return {"median": value, "rounds": [value, value, value]}

    def one(rate: float) -> dict[str, Any]:
        parts = {"rate": rate, "p50_ms": 1000 / rate, "server_cpu_ms": 11.0, "cpu_ms": 9.0}
        return {name: spread(value) for name, value in parts.items()} | {"outcomes": {}}

    names = ("course", "opencv", "openvino", "int8", "litserve_openvino", "litserve_int8")
    servers = {name.replace("_", " "): dict.fromkeys("18", one(rates[name])) for name in names}
    raw = {name: dict.fromkeys("18", one(rates["bare_int8"])) for name in ("opencv", "openvino")}
    group = {"date": "now", "commit": "", "cpu_count": 2, "cpu": "a processor"}
    group["settings"] = {"repeats": 3, "seconds": 2.0}
    raw["int8"] = dict.fromkeys("18", one(rates["bare_int8"]))
    return {"nano": {**group, "servers": servers, "raw": raw}}


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({"int8": 67.0}, ["fast (int8) against OpenCV float32, 8"], id="int8"),
        pytest.param({"litserve_int8": 75.0}, ["with the same int8 file"], id="litserve"),
        pytest.param({"bare_int8": 95.0}, ["the bare pipeline, 8 clients"], id="limit"),
    ],
)
def test_bars_of_precisions_name_what_is_missed(
    bench: Callable[[str], Any], changed: dict[str, float], missed: list[str]
) -> None:
    groups = engines_side_by_side(**changed)
    bars = bench("fast_bars").as_json(groups)

    failed = [bar["what"] for bar in bars if not bar["passed"]]

    assert all(any(part in what for what in failed) for part in missed)
    assert bool(failed) == bool(missed)
    page = bench("fast_page").page({"groups": groups, "bars": bars})
    assert page.count("**missed**") == len(failed)
    assert "| detectlab, `fast`: int8 |" in page
    summary = bench("fast_page").summary({"groups": groups, "bars": bars})
    assert f"{len(bars) - len(failed)} of the {len(bars)} bars are reached" in summary
    assert "| detectlab, `fast`: int8 |" in summary


def test_requests_come_at_a_rate_however_slow_the_server_is(
    bench: Callable[[str], Any], url: str
) -> None:
    found = bench("overload").offer(
        f"{url}/busy", [b"picture"], rate=100.0, seconds=0.5, accept="image/jpeg"
    )

    assert found["outcomes"] == {"503": 50}
    assert found["goodput"] == 0


def test_server_and_bare_pipeline_of_one_name_are_both_measured(
    bench: Callable[[str], Any],
) -> None:
    turns = bench("rounds").turns

    both = turns(servers=["course", "int8"], engines=["int8"], loops=2)
    assert both == [("course", 0), ("int8", 0), ("int8", 2)]
    assert turns(servers=["int8"], engines=["int8"], loops=0) == [("int8", 0)]
