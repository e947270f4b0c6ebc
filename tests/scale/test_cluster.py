"""The service on a real cluster: the same answers, whatever dies or changes meanwhile."""

import io
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from testing import wait_until

from detectlab.client import RequestRefused
from detectlab.client.monitoring_client import MonitoringClient
from detectlab.cluster.dashboard import ClusterError
from detectlab.detection.detector import load_detector
from detectlab.vision.images import decode_image

pytestmark = pytest.mark.timeout(900)
TEXT = {"Content-Type": "text/plain"}


def fifty_pictures(folder: Path) -> list[bytes]:
    """Cut-outs of our pictures, some turned over, the same ones each time."""
    rng = np.random.default_rng(9)
    originals = [Image.open(file).convert("RGB") for file in sorted(folder.glob("*.jpg"))]
    pictures = []
    for number in range(50):
        whole = originals[number % len(originals)]
        side = rng.uniform(0.5, 1.0)
        width, height = (round(side * length) for length in whole.size)
        left = int(rng.integers(0, whole.width - width + 1))
        top = int(rng.integers(0, whole.height - height + 1))
        cut = whole.crop((left, top, left + width, top + height))
        if rng.random() < 0.5:
            cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        file = io.BytesIO()
        cut.save(file, "JPEG", quality=92)
        pictures.append(file.getvalue())
    return pictures


@pytest.mark.parametrize(("name", "input_size"), [("nano", None), ("nano-256", 256)])
def test_answers_equal_those_of_one_machine(
    cluster: Any, root: Path, name: str, input_size: int | None
) -> None:
    detector = load_detector("nano", input_size=input_size)
    pictures = fifty_pictures(root / "images")

    def ask(picture: bytes) -> list[dict[str, Any]]:
        answer = requests.post(
            f"{cluster.url}/predict?model={name}",
            files={"file": picture},
            timeout=200,
            headers={"Accept": "application/json"},
        )
        assert answer.ok, answer.text
        assert answer.json()["model"] == name
        return answer.json()["detections"]

    with ThreadPoolExecutor(8) as clients:
        remote = list(clients.map(ask, pictures))

    local = [detector.detect(decode_image(picture).pixels) for picture in pictures]
    assert sum(map(len, local)) > 50
    for found, expected in zip(remote, local, strict=True):
        boxes = [tuple(one[key] for key in ("x_min", "y_min", "x_max", "y_max")) for one in found]
        assert boxes == [tuple(map(int, corners)) for corners, _, _ in expected]
        assert [one["class_name"] for one in found] == [label for _, label, _ in expected]
        assert [one["confidence"] for one in found] == [
            pytest.approx(confidence, abs=0.0006) for _, _, confidence in expected
        ]


def test_trace_goes_on_in_the_process_of_the_detector(
    cluster: Any, collector: tuple[str, list[Any]], apple: bytes
) -> None:
    pytest.importorskip(
        "opentelemetry.exporter.otlp.proto.http", reason='needs pip install "detectlab[otel]"'
    )
    trace_id = os.urandom(16)
    headers = {"traceparent": f"00-{trace_id.hex()}-b7ad6b7169203331-01"}

    requests.post(f"{cluster.url}/predict", files={"file": apple}, headers=headers, timeout=200)

    here = {"POST /predict", "upload", "queue", "decode", "replica", "drawing", "encoding"}
    there = {"network", "box decoding"}
    until = time.monotonic() + 60
    processes: dict[int, set[str]] = {}
    while not here | there <= set().union(*processes.values()):
        assert time.monotonic() < until, f"only these spans were exported: {processes}"
        time.sleep(0.05)
        processes = {}
        for resource in list(collector[1]):
            found = resource.resource.attributes
            pid = next(one.value.int_value for one in found if one.key == "process.pid")
            for scope in resource.scope_spans:
                assert {span.trace_id for span in scope.spans} == {trace_id}
                names = {span.name for span in scope.spans}
                processes[pid] = processes.get(pid, set()) | names
    assert sorted(processes.values(), key=len) == [there, here]


def test_monitoring_adds_up_what_all_gateways_watch(cluster: Any, load: Any) -> None:
    def stable() -> dict[str, Any]:
        watches = requests.get(f"{cluster.url}/monitoring", timeout=60).json()["watches"]
        return next((one for one in watches if one["lane"] == "stable"), {"gateways": 0})

    until = time.monotonic() + 120
    with load(clients=4, query="") as asked:
        asked.wait_for(400)
    while stable()["gateways"] < 2 or stable()["pictures"] < len(asked.answers):
        assert time.monotonic() < until, f"not the numbers of both gateways: {stable()}"
        time.sleep(0.5)

    frozen = MonitoringClient(cluster.url, operator="anna").freeze_baseline()
    assert frozen["source"].endswith("pictures of lane stable at 2 gateways")


def test_replica_killed_under_load_loses_no_request(healthy: Any, load: Any) -> None:
    killed, *_ = healthy.replicas("nano")

    with load(clients=16) as asked:
        asked.wait_for(100)
        os.kill(killed.pid, signal.SIGKILL)
        asked.wait_for(500)

    assert asked.lost == []
    assert len(asked.confidences) == 1
    healthy.wait()
    assert killed.pid not in {replica.pid for replica in healthy.replicas("nano")}


def test_new_version_under_load_fails_no_request(healthy: Any, load: Any) -> None:
    with load(clients=4) as asked:
        asked.wait_for(20)
        (old,) = asked.confidences
        healthy.deploy({"nano": {"input_size": 256}})
        healthy.wait()
        done = len(asked.answers)
        asked.wait_for(done + 20)

    assert asked.lost == []
    assert len(asked.confidences) == 2
    (after,) = {key for key in asked.confidences if key != old}
    assert [found["confidence"] for found in asked.answers[-1]["detections"]] == list(after)


def test_broken_new_version_under_load_leaves_the_old_one_serving(healthy: Any, load: Any) -> None:
    before = {replica.pid for replica in healthy.replicas("nano")}

    with load(clients=4) as asked:
        asked.wait_for(20)
        healthy.deploy({"nano": {"drill": "raises"}})
        with pytest.raises(ClusterError, match=r"(?s)`nano` could not be deployed.*on purpose"):
            healthy.wait()
        done = len(asked.answers)
        asked.wait_for(done + 20)

    assert asked.lost == []
    assert len(asked.confidences) == 1
    assert {replica.pid for replica in healthy.replicas("nano")} == before


def test_full_queue_answers_503_and_when_to_come_back(healthy: Any, apple: bytes) -> None:
    def ask(_: int) -> requests.Response:
        return requests.post(
            f"{healthy.url}/predict?model=slow",
            files={"file": apple},
            timeout=200,
            headers={"Accept": "application/json"},
        )

    with ThreadPoolExecutor(24) as clients:
        answers = list(clients.map(ask, range(24)))

    assert {answer.status_code for answer in answers} == {200, 503}
    for answer in answers:
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) >= 1
            assert "queue is full" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        pytest.param("GET", "/nowhere", {}, 404, id="no-route"),
        pytest.param("GET", "/predict", {}, 405, id="method"),
        pytest.param("POST", "/predict", {"files": {"file": b"words"}}, 400, id="no-picture"),
        pytest.param("POST", "/predict", {"files": {"file": b"%PDF-1.7 ..."}}, 415, id="pdf"),
        pytest.param("POST", "/predict", {"data": b"words", "headers": TEXT}, 415, id="text"),
        pytest.param("POST", "/predict", {"json": {}}, 422, id="json-without-picture"),
        pytest.param(
            "POST", "/predict?confidence=7", {"files": {"file": b"words"}}, 422, id="range"
        ),
        pytest.param("POST", "/predict", {"files": {"file": bytes(11 << 20)}}, 413, id="too-large"),
    ],
)
def test_wrong_request_gets_the_answer_of_one_machine(
    cluster: Any, one_machine: str, method: str, path: str, content: dict[str, Any], status: int
) -> None:
    remote, local = (
        requests.request(method, url + path, timeout=200, **content)
        for url in (cluster.url, one_machine)
    )

    assert remote.status_code == status, remote.text
    assert (local.status_code, local.json()) == (status, remote.json())


def test_detector_that_is_not_deployed_is_refused_by_name(cluster: Any, apple: bytes) -> None:
    answer = requests.post(
        f"{cluster.url}/predict?model=yolov3", files={"file": apple}, timeout=200
    )

    assert answer.status_code == 422
    assert "`model` must be one of nano, nano-256, slow" in answer.json()["detail"]


def test_two_operators_change_the_plan_and_the_last_valid_change_holds(
    cluster: Any, operator: Callable[[str], Any], apple: bytes
) -> None:
    anna, bert = operator("anna"), operator("bert")
    start = anna.status()
    plan = {"mode": "canary", "stable": {"model": "nano"}, "candidate": {"model": "nano-256"}}

    mine = anna.put({**plan, "canary": {"share": 1.0}}, start["revision"], "all of it")
    with pytest.raises(RequestRefused, match="changed meanwhile"):
        bert.put({**plan, "canary": {"share": 0.0}}, start["revision"], "nothing of it")
    with pytest.raises(RequestRefused, match="`model` must be one of"):
        bert.put({"mode": "stable", "stable": {"model": "yolov9"}}, mine["revision"])

    seen = _until_all_gateways_say(cluster, apple, "nano-256")
    theirs = bert.put({"stable": {"model": "nano"}}, mine["revision"], "back")
    assert theirs["revision"] == mine["revision"] + 1
    assert seen >= 20
    assert _until_all_gateways_say(cluster, apple, "nano") >= 20
    changes = anna.history(2)
    assert [change["why"] for change in changes] == ["back", "all of it"]
    assert [change["action"] for change in changes] == ["put", "put"]
    assert changes[0]["who"].startswith("bert at")


def _until_all_gateways_say(cluster: Any, picture: bytes, model: str) -> int:
    """Ask until twenty answers in a row came from `model`; each gateway looks four times a second.

    With two gateways, twenty in a row from one alone have a chance of one in 500,000.
    """
    until, in_a_row = time.monotonic() + 200, 0
    while in_a_row < 20:
        assert time.monotonic() < until, f"not all gateways answer with {model}"
        answer = requests.post(
            f"{cluster.url}/predict",
            files={"file": picture},
            timeout=200,
            headers={"Accept": "application/json"},
        )
        assert answer.ok, answer.text
        in_a_row = in_a_row + 1 if answer.json()["model"] == model else 0
    return in_a_row


def test_plan_of_the_settings_holds_until_an_operator_changes_it(
    healthy: Any, operator: Callable[[str], Any]
) -> None:
    anna = operator("anna")
    killed, *_ = healthy.replicas("gateway")
    anna.put({"stable": {"model": "nano-256"}}, why="by hand")
    revision = anna.status()["revision"]

    os.kill(killed.pid, signal.SIGKILL)
    healthy.wait()

    # The gateway that took its place finds what the operator did.
    assert anna.status()["revision"] == revision
    assert anna.status()["summary"] == "nano-256 answers"
    anna.put({"stable": {"model": "nano"}}, why="as it was")


def test_drained_node_fails_no_request(healthy: Any, load: Any) -> None:
    machine = healthy.machine
    leaving = machine.nodes[-1]
    name = machine.id_of(leaving)

    with load(clients=4) as asked:
        asked.wait_for(20)
        machine.drain(leaving)
        wait_until(lambda: not _runs_on(healthy, name), "an empty drained node", 400)
        done = len(asked.answers)
        asked.wait_for(done + 20)
    assert asked.lost == []

    # Its proxy listens to the end. A balancer leaves it alone before; here both nodes' proxies
    # share one port, and the system goes on to give it connections.
    machine.end(leaving)
    with load(clients=4) as asked:
        asked.wait_for(20)
    assert asked.lost == []


def test_lost_node_fails_no_request_of_clients_that_ask_twice(healthy: Any, load: Any) -> None:
    machine = healthy.machine

    with load(clients=4, attempts=2) as asked:
        asked.wait_for(20)
        machine.lose(machine.nodes[-1])
        done = len(asked.answers)
        asked.wait_for(done + 100)

    assert asked.lost == []


def _runs_on(cluster: Any, node: str) -> list[Any]:
    applications = cluster.machine.dashboard.applications().values()
    return [one for app in applications for one in app.replicas if one.node == node]
