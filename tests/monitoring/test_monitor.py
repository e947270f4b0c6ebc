"""The monitor in the service: baselines, alarms, the page, and what can go wrong."""

import errno
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import testing
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from detectlab.models.atomic_files import WeightsError
from detectlab.monitoring.baseline import Baseline, BaselineStore
from detectlab.monitoring.folder_baseline import baseline_of_pictures
from detectlab.monitoring.metrics import MonitoringMetrics
from detectlab.monitoring.monitor import Monitor
from detectlab.monitoring.observed import observed_bins
from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import NAMES
from detectlab.serving.observation import Observation
from detectlab.vision.detections import Detections

Make = Callable[..., TestClient]
HTML = {"Accept": "text/html"}


def test_drift_from_a_baseline_is_an_alarm_everywhere(
    make_client: Make,
    fake: testing.FakeDetector,
    send: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = make_client(fake)
    send(client, 150)
    frozen = client.post("/monitoring/baseline").json()
    assert (frozen["model"], frozen["pictures"]) == ("fake", 150)
    send(client, 60, first=200)
    assert client.get("/monitoring").json()["watches"][0]["alarm"] is None

    send(client, 40, first=300, brightness=40)

    (watch,) = client.get("/monitoring").json()["watches"]
    moved = {one["name"]: one for one in watch["alarm"]["moved"]}
    assert moved["brightness"]["direction"] == "lower"
    assert moved["brightness"]["now"] < 60 < moved["brightness"]["before"]
    assert watch["window"] <= 45, "the pictures before the change are not now"
    assert moved["brightness"]["histogram"]
    assert watch["verdict"].startswith("Alarm: fake (stable), since ")
    metrics = client.get("/metrics").text
    assert 'detectlab_monitoring_alarm{lane="stable",model="fake"} 1.0' in metrics
    assert {*re.findall(r'monitoring_psi\{.*statistic="(\w+)"', metrics)} == {*NAMES}
    assert "Drift alarm: fake (stable)" in caplog.text
    page = client.get("/monitoring", headers=HTML)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "mean brightness is lower" in page.text
    assert page.text.count("<svg") == page.text.count("<summary>Table</summary>") > 10

    client.post("/monitoring/baseline")
    assert client.get("/monitoring").json()["watches"][0]["alarm"] is None


def test_detector_that_answers_nothing_any_more_is_noticed_within_50_pictures(
    make_client: Make, fake: testing.FakeDetector, send: Callable[..., None]
) -> None:
    client = make_client(fake, monitoring_share=0.5)
    send(client, 150)
    assert client.post("/monitoring/baseline").status_code == 200
    fake._answer = lambda image: Detections.empty(fake.names)

    send(client, 50, first=500)

    (watch,) = client.get("/monitoring").json()["watches"]
    assert watch["alarm"]["moved"][0]["name"] == "objects"
    assert watch["alarm"]["moved"][0]["direction"] == "lower"


def test_baseline_of_one_picture_is_refused(
    make_client: Make, fake: testing.FakeDetector, send: Callable[..., None]
) -> None:
    client = make_client(fake)
    nothing = client.post("/monitoring/baseline").json()["detail"]
    assert "Nothing was observed of fake yet" in nothing
    send(client, 1)

    refused = client.post("/monitoring/baseline")

    assert refused.status_code == 409
    assert "needs at least 100 pictures" in refused.json()["detail"]
    assert "There are 1 of fake" in refused.json()["detail"]


def test_empty_window_says_that_nothing_was_observed(
    make_client: Make, fake: testing.FakeDetector, usual: Sketch
) -> None:
    client = make_client(fake)
    assert "Nothing was observed yet." in client.get("/monitoring", headers=HTML).text
    baseline = Baseline.freeze("fake", usual, classes=fake.names, source="a test").as_json()
    assert client.put("/monitoring/baseline", json=baseline).json()["pictures"] == 1000

    state = client.get("/monitoring").json()

    assert (state["watches"], state["other_baselines"]) == ([], ["fake"])


def test_baseline_of_a_removed_detector_is_told_and_changes_nothing(
    make_client: Make,
    fake: testing.FakeDetector,
    send: Callable[..., None],
    usual: Sketch,
    tmp_path: Path,
) -> None:
    gone = Baseline.freeze("gone", usual, classes=("apple",), source="a test")
    BaselineStore(tmp_path / "monitoring" / "baselines").save(gone)
    client = make_client(fake)
    send(client, 1)

    state = client.get("/monitoring").json()
    refused = client.post("/monitoring/baseline", params={"model": "gone"})

    assert state["other_baselines"] == ["gone"]
    assert refused.status_code == 422
    assert refused.json()["detail"] == "`model` must be one of fake. Received: 'gone'"
    assert "or were removed: gone" in client.get("/monitoring", headers=HTML).text


_PARTS: dict[str, Any] = {
    "model": "fake",
    "classes": [],
    "source": "",
    "at": "",
    "calibration": None,
}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param({"model": "fake"}, "This is no baseline.", id="parts"),
        pytest.param(
            {**_PARTS, "pictures": 500, "counts": {"objects": {"x": 1}}},
            "This is no sketch of statistics.",
            id="counts",
        ),
        pytest.param(
            {**_PARTS, "pictures": 1e400, "counts": {}},
            "This is no sketch of statistics.",
            id="infinite",
        ),
        pytest.param(
            {**_PARTS, "pictures": 500, "counts": {}, "calibration": {"objects": []}},
            "This is no baseline.",
            id="calibration",
        ),
        pytest.param(
            {**_PARTS, "model": "fake@" + "x" * 300, "pictures": 500, "counts": {}},
            "`model` must be one of fake. Received: 'fake@" + "x" * 35 + "'",
            id="long name",
        ),
    ],
)
def test_body_that_is_no_baseline_is_refused(
    make_client: Make, fake: testing.FakeDetector, body: dict[str, Any], words: str
) -> None:
    text = json.dumps(body)  # writes infinity, too
    headers = {"Content-Type": "application/json"}
    refused = make_client(fake).put("/monitoring/baseline", content=text, headers=headers)

    assert (refused.status_code, refused.json()["detail"]) == (422, words)


def test_baseline_on_a_full_disk_is_refused_and_the_older_one_stays(
    make_client: Make,
    fake: testing.FakeDetector,
    send: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = make_client(fake)
    send(client, 120)
    before = client.post("/monitoring/baseline").json()

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fail)
        refused = client.post("/monitoring/baseline", params={"pictures": 110})

    assert refused.status_code == 503
    assert "the server's disk is full" in refused.json()["detail"]
    now = client.get("/monitoring").json()["watches"][0]["baseline"]
    assert (now["at"], now["pictures"]) == (before["at"], 120)


def test_baselines_are_for_operators_and_the_state_for_clients(
    make_client: Make, fake: testing.FakeDetector
) -> None:
    client = make_client(fake)
    wrong = {"X-Operator-Token": "not the operators' token"}

    assert client.get("/monitoring", headers=wrong).status_code == 200
    assert client.post("/monitoring/baseline", headers=wrong).status_code == 403


def test_server_that_watches_nothing_says_so(make_client: Make, fake: testing.FakeDetector) -> None:
    refused = make_client(fake, monitoring=False).get("/monitoring")

    assert refused.status_code == 404
    assert "watches nothing" in refused.json()["detail"]


def test_thresholds_of_a_client_are_no_drift_of_the_answers(
    make_client: Make, fake: testing.FakeDetector, make_jpeg: Callable[..., bytes]
) -> None:
    client = make_client(fake)
    client.post("/predict", params={"confidence": 0.1}, files={"file": make_jpeg(0)})
    client.post("/predict", params={"model": "fake"}, files={"file": make_jpeg(1)})

    watches = {watch["lane"]: watch for watch in client.get("/monitoring").json()["watches"]}

    seen = {one["name"]: one["seen"] for one in watches["stable"]["statistics"]}
    assert (seen["objects"], seen["brightness"]) == (0, 1)
    assert watches["named"]["pictures"] == 1


def test_damaged_baseline_is_told_in_the_log_and_can_be_replaced(
    make_client: Make,
    fake: testing.FakeDetector,
    send: Callable[..., None],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = tmp_path / "monitoring" / "baselines"
    folder.mkdir(parents=True)
    (folder / "fake.json").write_text("{")
    client = make_client(fake)
    send(client, 110)

    assert client.get("/monitoring").json()["watches"][0]["baseline"] is None
    assert "The baseline of fake is damaged. Freeze a new one." in caplog.text
    assert client.post("/monitoring/baseline").status_code == 200


def test_store_keeps_what_it_was_given_under_any_name(tmp_path: Path, usual: Sketch) -> None:
    store = BaselineStore(tmp_path)
    name = "../nano@input_size=256"
    store.save(Baseline.freeze(name, usual, classes=("apple",), source="a test"))

    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text())["model"] == name
    assert store.models() == [name]
    loaded = store.load(name)
    assert loaded is not None
    assert (loaded.sketch.counts == usual.counts).all()
    assert store.load("other") is None


def test_store_in_a_folder_that_cannot_be_made_says_what_to_do(
    tmp_path: Path, usual: Sketch
) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(WeightsError, match="Free some space, or set DETECTLAB_HOME"):
        BaselineStore(tmp_path / "file").save(
            Baseline.freeze("nano", usual, classes=(), source="a test")
        )


def test_baseline_of_labelled_pictures_knows_the_precision(
    tmp_path: Path, fake: testing.FakeDetector, make_jpeg: Callable[..., bytes]
) -> None:
    (tmp_path / "classes.txt").write_text("apple\norange\n")
    for seed in range(100):
        (tmp_path / f"{seed}.jpg").write_bytes(make_jpeg(seed))
        line = "0 0.3125 0.4167 0.4167 0.5556" if seed < 75 else ""
        (tmp_path / f"{seed}.txt").write_text(line)
    (tmp_path / "notes.jpg").write_text("no picture")
    skipped: list[str] = []

    baseline = baseline_of_pictures(
        fake, sorted(tmp_path.glob("*.jpg")), max_pixels=10**6, on_skipped=skipped.append
    )

    assert baseline.calibration is not None
    assert (baseline.calibration.objects, baseline.calibration.right) == (100, 75)
    assert baseline.calibration.precision(baseline.calibration.confidence) == pytest.approx(0.75)
    assert [text.partition(":")[0] for text in skipped] == [str(tmp_path / "notes.jpg")]


def test_baseline_that_lacks_a_newer_statistic_is_compared_in_the_others(
    make_client: Make,
    fake: testing.FakeDetector,
    send: Callable[..., None],
    tmp_path: Path,
) -> None:
    client = make_client(fake)
    send(client, 150)
    assert client.post("/monitoring/baseline").status_code == 200
    (file,) = (tmp_path / "monitoring" / "baselines").iterdir()
    data = json.loads(file.read_text())
    for name in ("hue", "darkest"):
        del data["counts"][name]
    file.write_text(json.dumps(data))

    later = make_client(fake)
    send(later, 40, first=200, brightness=40)

    (watch,) = later.get("/monitoring").json()["watches"]
    assert watch["alarm"]["moved"][0]["name"] == "brightness"
    assert later.get("/monitoring", headers=HTML).status_code == 200


def test_released_candidate_takes_what_it_did_as_its_baseline(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path, MonitoringMetrics(CollectorRegistry()))
    seen = Observation(
        0.0,
        "new",
        "candidate",
        Detections.empty(("apple",)),
        ("apple",),
        (9, 9),
        400,
        np.full((9, 9, 3), 90, np.uint8),
    )
    for _ in range(120):
        monitor.observed.append(seen)
    monitor.drain()
    assert monitor.store.load("new") is None

    monitor.observed.append(seen._replace(lane="stable"))
    monitor.drain()

    baseline = monitor.store.load("new")
    assert baseline is not None
    assert baseline.source == "the last 120 pictures before its release"
    assert monitor.watches["new", "stable"].baseline is not None


def test_monitor_keeps_a_bounded_number_of_watches(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path, MonitoringMetrics(CollectorRegistry()))
    for number in range(20):
        nothing = Detections.empty(("apple",))
        monitor.observed.append(
            Observation(0.0, f"m{number}", "named", nothing, ("apple",), (9, 9), 400, None)
        )
    monitor.drain()

    assert [model for model, _ in monitor.watches] == [f"m{number}" for number in range(12, 20)]


def test_pixels_of_every_picture_are_looked_at_from_a_suspicion_to_the_alarm(
    tmp_path: Path,
) -> None:
    def seen(side: int) -> Observation:
        return Observation(0.0, "fake", "stable", None, (), (side, side), 1000 + side, None)

    monitor = Monitor(tmp_path, MonitoringMetrics(CollectorRegistry()), share=0.2)
    usual = Sketch.of_pictures([observed_bins(seen(side)) for side in range(400, 900)])
    usual.counts[NAMES.index("brightness"), 100] = 100
    monitor.put(Baseline.freeze("fake", usual, classes=(), source="a test"))
    monitor.observed.append(seen(600))
    monitor.drain()
    shares = [monitor.share]
    while not monitor.alarms:
        monitor.observed.append(seen(2000))
        monitor.drain()
        shares.append(monitor.share)

    assert len(shares) < 20
    assert (shares[0], shares[-2], shares[-1]) == (0.2, 1.0, 0.2)
