"""Which kept pictures are chosen for labelling."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import testing
from starlette.testclient import TestClient
from testing import pixels_of
from typer.testing import CliRunner

from detectlab.cli.main import app
from detectlab.models.atomic_files import WeightsError
from detectlab.monitoring.collect import NOTES, Candidate, Reasons, choose, examine, write
from detectlab.serving.upload_store import kept_pictures, picture_key
from detectlab.vision.detections import Detections
from detectlab.vision.images import Pixels

CLASSES = ("apple", "orange")
MANY = {"count": 50, "max_bytes": 10**9}


def candidate(path: str, shade: float, worth: float, size: int = 1000) -> Candidate:
    scene = np.full(192, shade, np.float32)
    return Candidate(Path(path), size, {"low confidence": worth} if worth else {}, scene)


def one_object(confidence: float) -> Callable[[Any], Detections]:
    box = np.array([[5, 5, 30, 30]], np.float32)
    return lambda image: Detections(box, np.array([confidence], np.float32), np.array([0]), CLASSES)


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., Path]:
    """Writes a picture as the server keeps it."""

    def write_picture(minute: int, pixels: Pixels | None = None, key: str = "0123456789ab") -> Path:
        path = tmp_path / "kept" / f"20261126T05{minute:02}00000000-{key}.jpeg"
        path.parent.mkdir(exist_ok=True)
        shown = np.full((60, 80, 3), 4 * minute, np.uint8) if pixels is None else pixels
        path.write_bytes(cv2.imencode(".jpg", shown)[1].tobytes())
        return path

    return write_picture


def test_one_scene_is_chosen_once_and_the_most_telling_picture_first() -> None:
    same = [candidate(f"same{number}", 0.5, 0.9) for number in range(50)]
    others = [candidate("plain", 0.1, 0.0), candidate("unsure", 0.9, 0.5)]

    chosen = choose([*same, *others], **MANY)

    assert [one.path.name for one in chosen] == ["same0", "unsure", "plain"]


def test_choice_is_bounded_in_number_and_bytes() -> None:
    many = [candidate(str(number), number / 20, 1, size=1000) for number in range(20)]

    assert len(choose(many, count=7, max_bytes=10**9)) == 7
    assert len(choose(many, count=50, max_bytes=3500)) == 3
    assert choose([], **MANY) == []


def test_reasons_are_those_that_hold(keep: Callable[..., Path]) -> None:
    unsure = testing.FakeDetector("unsure", CLASSES, answer=one_object(0.5))
    sure = testing.FakeDetector("sure", CLASSES, answer=one_object(0.95))
    nothing = testing.FakeDetector("none", CLASSES, answer=lambda i: Detections.empty(CLASSES))
    since = datetime(2026, 11, 26, 5, 10, tzinfo=UTC)
    seen = one_object(1)(None)
    judged = {picture_key("a-request", 1): seen}

    def why(path: Path, reasons: Reasons) -> dict[str, float]:
        found = examine(path, reasons, 10**6)
        assert found is not None
        return found.reasons

    assert why(keep(5), Reasons(sure, since=since)) == {}
    assert why(keep(5), Reasons(unsure)) == {"low confidence": 1}
    assert why(keep(5), Reasons(sure, nothing)) == {"detectors disagree": 1}
    assert why(keep(15), Reasons(sure, since=since)) == {"since the alarm": 1}
    criticised = keep(20, key=picture_key("a-request", 1))
    assert why(criticised, Reasons(sure, judged=judged)) == {"feedback": 1}


def test_damaged_picture_is_passed_over(keep: Callable[..., Path]) -> None:
    path = keep(1)
    path.write_bytes(b"no picture")
    sure = testing.FakeDetector("sure", CLASSES, answer=one_object(0.95))

    assert examine(path, Reasons(sure), 10**6) is None
    path.unlink()
    assert examine(path, Reasons(sure), 10**6) is None


def test_pictures_are_copied_with_what_a_person_reported(
    tmp_path: Path, keep: Callable[..., Path]
) -> None:
    path, seen = keep(1), one_object(1)(None)
    chosen = [Candidate(path, 10, {"feedback": 1.0}, np.zeros(192, np.float32), seen)]
    folder = tmp_path / "to-label"

    assert write(folder, chosen, CLASSES) == 1
    (folder / f"{path.stem}.txt").write_text("")
    assert write(folder, chosen, CLASSES) == 0, "what is there stays"

    assert (folder / "classes.txt").read_text() == "apple\norange\n"
    assert (folder / f"{path.stem}.jpg").read_bytes() == path.read_bytes()
    notes = json.loads((folder / NOTES).read_text())[f"{path.stem}.jpg"]
    assert notes == {"reasons": {"feedback": 1.0}, "seen": [[5, 5, 30, 30, "apple"]]}
    with pytest.raises(ValueError, match="lists other classes than the detector has"):
        write(folder, chosen, ("car",))
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="Free some space"):
        write(tmp_path / "file", chosen, CLASSES)


def test_kept_picture_carries_the_key_of_its_request(
    make_client: Callable[..., TestClient],
    fake: testing.FakeDetector,
    make_jpeg: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    client = make_client(fake, received_dir=tmp_path / "kept")
    headers = {"X-Request-ID": "one-of-mine"}
    assert client.post("/predict", files={"file": make_jpeg(1)}, headers=headers).is_success

    testing.wait_until(lambda: kept_pictures(tmp_path / "kept"))

    (path,) = kept_pictures(tmp_path / "kept")
    assert path.stem.endswith(picture_key("one-of-mine", 0))


def test_command_says_what_it_chose_and_what_to_do_next(
    tmp_path: Path, keep: Callable[..., Path], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTLAB_HOME", str(tmp_path))
    run = CliRunner()
    out = ["collect", "--model", "nano", "--out", str(tmp_path / "to-label")]
    refused = run.invoke(app, out)
    assert "No pictures are kept: set DETECTLAB_RECEIVED_DIR" in str(refused.exception)
    monkeypatch.setenv("DETECTLAB_RECEIVED_DIR", str(tmp_path / "kept"))
    refused = run.invoke(app, out)
    assert "No pictures were kept in" in str(refused.exception)
    for minute, name in enumerate(("apples", "clock", "car")):
        keep(minute, pixels_of(root / "images" / f"{name}.jpg"))

    done = run.invoke(app, [*out, "--since", "2026-11-26T05:01:00", "--count", "2"])

    assert done.exit_code == 0, done.output
    assert "Chose 2 of 3 kept pictures, 2 of them new" in done.output
    assert "since the alarm: 2" in done.output
    assert f"Next: DETECTLAB_LABELS={tmp_path / 'to-label'} streamlit run" in done.output
    assert len(list((tmp_path / "to-label").glob("*.jpg"))) == 2
