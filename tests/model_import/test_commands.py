"""`detectlab models add`, and a server that runs meanwhile, as people meet them."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
import requests

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DETECTLAB_")}
    home = {"DETECTLAB_HOME": str(tmp_path / "home"), "DETECTLAB_OFFLINE": "1"}
    return {**kept, **home, "DETECTLAB_ENGINE": "opencv", "DETECTLAB_MODEL": "nano"}


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Run:
    def run(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "detectlab", *map(str, arguments)],
            cwd=tmp_path,
            env={**environment, **settings},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def server(tmp_path: Path, environment: dict[str, str]) -> Iterator[str]:
    """The address of a server that runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "detectlab", "serve", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = re.search(r"http://\S+", process.stdout.readline())
            assert url
            until = time.monotonic() + 60
            while time.monotonic() < until:
                try:
                    if requests.get(f"{url[0]}/ready", timeout=5).ok:
                        break
                except requests.ConnectionError:
                    pass
                time.sleep(0.05)
            yield url[0]
        finally:
            process.kill()


def ask(server: str, model: str, picture: Path) -> requests.Response:
    return requests.post(
        f"{server}/predict",
        params={"model": model},
        timeout=60,
        files={"file": picture.read_bytes()},
        headers={"Accept": "application/json"},
    )


def test_models_add_then_detect_then_remove(run: Run, make_onnx, paint, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), paint((320, 160), ("red", 32, 16, 64, 48)))

    added = run("models", "add", "mine", make_onnx(layout="yolov5", open_size=True), "--input", 320)
    assert added.returncode == 0, added.stderr
    assert added.stdout.startswith(
        "mine: yolov5, 320 x 320 pixels, 3 classes (red, green, blue), licence: not said\n"
        "    Added from cells.onnx (its input fixed at 320 x 320).\n"
    )
    listed = run("models").stdout
    assert re.search(r"mine +0\.0 MB +3 classes +added +not said", listed)
    assert "yolov5s                       80 classes  to export         AGPL-3.0" in listed
    assert "ok     mine: mine.onnx" in run("models", "verify").stdout
    found = run("detect", "--model", "mine", picture)
    assert "1 object (mine" in found.stdout, found.stderr
    assert re.search(r"red +0\.8\d\d +\[32, 16, 64, 48\]", found.stdout)
    changed = run("models", "decode", "mine", "--colour", "bgr")
    assert re.match(r"mine: yolov5.*bgr", changed.stdout), changed.stderr
    assert re.search(r"blue +0\.8\d\d", run("detect", "--model", "mine", picture).stdout)
    assert run("models", "remove", "mine").stdout == "mine is removed.\n"
    assert "mine" not in run("models").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "mine", "missing.onnx"], "there is no file missing.onnx"),
        (["add", "../mine", "a.onnx"], "`name` must begin with a small letter or a digit"),
        (["remove", "mine"], "must be one that was added; there are none. Received: 'mine'"),
        (["decode", "nano", "--colour", "bgr"], "must be a detector that was added"),
        (["pull", "yolov5s"], 'pip install "detectlab[yolov5]"'),
    ],
)
def test_models_command_that_cannot_work_says_why_in_words(
    run: Run, arguments: list[str], message: str
) -> None:
    done = run("models", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_models_pull_of_yolov5_names_its_licence_before_anything_else(run: Run) -> None:
    assert run("models", "pull", "yolov5m").stdout.startswith("yolov5m: code and weights are AGPL")


def test_models_verify_finds_an_added_file_that_is_gone(
    run: Run, make_onnx, tmp_path: Path
) -> None:
    assert run("models", "add", "mine", make_onnx()).returncode == 0
    (tmp_path / "home" / "own" / "mine" / "mine.onnx").unlink()
    done = run("models", "verify")
    assert (done.returncode, "missing mine: mine.onnx" in done.stdout) == (1, True)
    assert re.search(r"mine +0\.0 MB +3 classes +damaged", run("models").stdout)


@pytest.mark.slow
def test_running_server_offers_what_is_added_and_drops_what_is_removed(
    run: Run, server: str, make_onnx, paint, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), paint((320, 160), ("red", 32, 16, 64, 48)))
    refused = ask(server, "mine", picture)
    assert (refused.status_code, "must be one of nano" in refused.json()["detail"]) == (422, True)

    assert run("models", "add", "mine", make_onnx()).returncode == 0
    assert "mine" in requests.get(f"{server}/models", timeout=60).json()
    card = requests.get(f"{server}/models/mine", timeout=60).json()
    assert card["classes"] == ["red", "green", "blue"]
    assert (card["family"], card["input_size"], card["available"]) == ("yolov8", 320, True)
    answer = ask(server, "mine", picture).json()
    assert answer["model"] == "mine"
    assert answer["detections"] == [
        {"x_min": 32, "y_min": 16, "x_max": 64, "y_max": 48, "class_name": "red", "confidence": 1.0}
    ]
    documented = requests.get(f"{server}/openapi.json", timeout=60).text
    assert '"yolov5l","mine"' in documented

    # Another one under the same name: it is the new one that answers.
    assert run("models", "remove", "mine").returncode == 0
    assert ask(server, "mine", picture).status_code == 422
    assert "mine" not in requests.get(f"{server}/models?all=1", timeout=60).json()
    assert run("models", "add", "mine", make_onnx(layout="yolov5")).returncode == 0
    (found,) = ask(server, "mine", picture).json()["detections"]
    assert found["confidence"] == pytest.approx(0.8, abs=0.01)


@pytest.mark.slow
def test_time_of_an_answer_is_the_detectors_own_for_every_family(
    run: Run, server: str, make_onnx, make_network, paint, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), paint((320, 160)))
    (tmp_path / "names").write_text("a\nb\nc")
    adding = {
        "five": [make_onnx("five.onnx", layout="yolov5")],
        "eight": [make_onnx("eight.onnx")],
        "pair": [*make_network(3), "--labels", "names"],
    }
    for name, arguments in adding.items():
        assert run("models", "add", name, *arguments).returncode == 0
    for name in ("nano", *adding):
        answer = ask(server, name, picture)
        header_s = float(answer.headers["X-Inference-Ms"]) / 1000
        assert 0 < answer.json()["time"] < answer.elapsed.total_seconds()
        assert answer.json()["time"] == pytest.approx(header_s, abs=1e-3)


@pytest.mark.slow
def test_rollout_takes_an_added_detector_as_its_candidate(
    run: Run, server: str, make_onnx, paint, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), paint((320, 160), ("red", 32, 16, 64, 48)))
    assert run("models", "add", "mine", make_onnx()).returncode == 0
    begun = run("rollout", "canary", "mine", "--share", "1", "--url", server)
    assert begun.returncode == 0, begun.stderr
    answer = requests.post(
        f"{server}/predict",
        files={"file": picture.read_bytes()},
        timeout=60,
        headers={"Accept": "application/json"},
    ).json()
    assert [found["class_name"] for found in answer["detections"]] == ["red"]
