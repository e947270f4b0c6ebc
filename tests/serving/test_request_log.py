"""One line per request, an id for each, and nothing private in it."""

import base64
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from detectlab.detection.detector import NetworkDetector
from detectlab.serving import log_format


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    with caplog.at_level(logging.INFO, "detectlab.requests"):
        yield lambda: [
            record.__dict__["facts"] for record in caplog.records if "facts" in vars(record)
        ]


def test_a_request_leaves_one_line_with_its_facts(
    client: TestClient, jpeg: bytes, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    answer = client.post("/predict", files={"file": jpeg})

    (line,) = lines()
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/predict", 200)
    assert line["model"] == "tiny"
    assert line["bytes_in"] > len(jpeg)
    assert line["bytes_out"] == len(answer.content)
    assert line["ms"] > 0


@pytest.mark.parametrize(
    ("path", "route"),
    [
        pytest.param("/models/abc", "/models/{name}", id="template"),
        pytest.param("/nowhere/at/all", "other", id="unknown"),
    ],
)
def test_a_line_names_the_route_and_never_the_address(
    client: TestClient, lines: Callable[[], list[dict[str, Any]]], path: str, route: str
) -> None:
    client.get(path)

    assert [line["route"] for line in lines()] == [route]


def test_a_request_id_that_is_given_comes_back(client: TestClient) -> None:
    answer = client.get("/health", headers={"X-Request-ID": "Learner.7_a-b"})

    assert answer.headers["X-Request-ID"] == "Learner.7_a-b"


@pytest.mark.parametrize("given", [b"", b"a b", b"a" * 65, b"a\tb", b"\xe4", b"<b>"], ids=repr)
def test_a_request_id_that_is_none_is_replaced(client: TestClient, given: bytes) -> None:
    answer = client.get("/health", headers={b"X-Request-ID": given})

    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_neither_picture_nor_key_nor_file_name_is_logged(
    make_client: Callable[..., TestClient],
    tiny: NetworkDetector,
    jpeg: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = make_client(tiny, api_key="open-sesame-and-close")
    key = {"X-API-Key": "open-sesame-and-close"}
    image = base64.b64encode(jpeg).decode()
    with caplog.at_level(logging.DEBUG):
        client.post("/predict", files={"file": ("private.jpg", jpeg)}, headers=key)
        client.post("/predict", json={"image": image}, headers=key)
        client.post("/predict", json={"image": 1, "private": image}, headers=key)
        client.get("/models", headers={"X-API-Key": "wrong-key"})

    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("detectlab"))
    for secret in ("open-sesame-and-close", "wrong-key", "private", image[:30]):
        assert secret not in ours
    assert ours.count("route=") == 4


def test_logs_are_json_when_asked(
    client: TestClient, own_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log_format.configure(log_json=True)
    client.get("/health")
    own_logger.warning("with\na line break")
    try:
        raise ValueError("broken")
    except ValueError:
        own_logger.exception("it failed")

    lines = map(json.loads, capsys.readouterr().err.splitlines())
    first, second, third = (
        line for line in lines if line["logger"] != "detectlab.serving.detector_cache"
    )
    assert (first["route"], first["status"], first["level"]) == ("/health", 200, "INFO")
    assert second["message"] == "with\na line break"
    assert "ValueError: broken" in third["exception"]


def test_logs_are_plain_text_otherwise(
    client: TestClient, own_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log_format.configure()
    client.get("/health")

    line = capsys.readouterr().err
    assert "INFO detectlab.requests request_id=" in line
    assert "method=GET route=/health model=- status=200 ms=" in line


def test_metrics_count_requests_by_route_and_status(client: TestClient, jpeg: bytes) -> None:
    client.post("/predict", files={"file": jpeg})
    client.post("/predict", files={"file": b"no picture"})
    client.get("/nowhere")

    text = client.get("/metrics").text
    for line in (
        'detectlab_requests_total{route="/predict",status="200"} 1.0',
        'detectlab_requests_total{route="/predict",status="400"} 1.0',
        'detectlab_requests_total{route="other",status="404"} 1.0',
        'detectlab_inference_seconds_count{model="tiny"} 1.0',
        "detectlab_loaded_detectors 1.0",
        "detectlab_queue_waiting 0.0",
        "detectlab_running 0.0",
        'detectlab_received_lost_total{reason="disk"} 0.0',
    ):
        assert line in text


def test_two_apps_count_for_themselves(
    make_client: Callable[..., TestClient], tiny: NetworkDetector
) -> None:
    busy, idle = make_client(tiny), make_client(tiny)

    busy.get("/health")

    assert 'route="/health"' in busy.get("/metrics").text
    assert 'route="/health"' not in idle.get("/metrics").text


def test_a_message_cannot_forge_a_line(
    own_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log_format.configure()
    own_logger.info("why: %s", "a\n2026-01-01 INFO forged\x1b[2J\u2028b")

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert r"a\x0a2026-01-01 INFO forged\x1b[2J\x2028b" in lines[0]
