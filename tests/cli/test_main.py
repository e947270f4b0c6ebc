"""The command line, run as a person runs it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import requests
from testing import pixels_of

from detectlab.engines import available

ENGINES = [
    "opencv",
    pytest.param(
        "openvino",
        marks=pytest.mark.skipif("openvino" not in available(), reason="needs OpenVINO"),
    ),
]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No settings of the person who runs the tests, and a cache of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DETECTLAB_")}
    return {**kept, "DETECTLAB_HOME": str(tmp_path / "home"), "DETECTLAB_OFFLINE": "1"}


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


def test_detect_prints_each_object_and_saves_the_drawing(
    run: Run, root: Path, tmp_path: Path
) -> None:
    picture = root / "images" / "apple.jpg"
    done = run("detect", picture)
    assert done.returncode == 0, done.stderr
    assert "apple.jpg: 1 object (nano," in done.stdout
    assert "  apple " in done.stdout
    drawn = pixels_of(tmp_path / "images_with_boxes" / "apple.jpg")
    assert drawn.shape == pixels_of(picture).shape


def test_detect_as_json_prints_what_the_server_would_answer(
    run: Run, root: Path, tmp_path: Path
) -> None:
    done = run("detect", "--json", "--model", "nano", root / "images" / "apple.jpg")
    (answer,) = json.loads(done.stdout)
    assert answer["model"] == "nano"
    assert [found["class_name"] for found in answer["detections"]] == ["apple"]
    assert not (tmp_path / "images_with_boxes").exists()


def test_detect_of_a_folder_takes_its_pictures(run: Run, root: Path, tmp_path: Path) -> None:
    done = run("detect", "--json", root / "images")
    names = {Path(answer["file"]).name for answer in json.loads(done.stdout)}
    assert {"apple.jpg", "fruits.jpg", "car.jpg"} <= names


def test_detect_of_many_pictures_keeps_their_order(run: Run, root: Path, tmp_path: Path) -> None:
    content = (root / "images" / "apple.jpg").read_bytes()
    files = [tmp_path / f"{number:02}.jpg" for number in range(22)]
    for file in files:
        file.write_bytes(content if file.stem != "07" else b"no picture")
    done = run("detect", "--json", "--model", "nano", *reversed(files), DETECTLAB_WORKERS="3")
    assert done.returncode == 1
    answers = json.loads(done.stdout)
    assert [Path(a["file"]).stem for a in answers] == [
        file.stem for file in reversed(files) if file.stem != "07"
    ]
    assert len({str(answer["detections"]) for answer in answers}) == 1
    assert "07.jpg: This is not a picture" in done.stderr
    assert "22/22" in done.stderr  # the progress bar


@pytest.mark.parametrize("engine", ENGINES)
def test_detect_and_doctor_use_the_engine_that_is_named(engine: str, run: Run, root: Path) -> None:
    done = run("detect", "--engine", engine, "--precision", "fast", root / "images" / "apple.jpg")
    assert "apple.jpg: 1 object" in done.stdout, done.stderr
    done = run("doctor", DETECTLAB_ENGINE=engine)
    assert f"ok   Engine: {engine}, precision float32" in done.stdout


def test_detect_with_one_bad_picture_does_the_others_and_fails(
    run: Run, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.jpg").write_text("no picture")
    done = run("detect", "notes.jpg", "missing.jpg", root / "images" / "apple.jpg")
    assert done.returncode == 1
    assert "notes.jpg: This is not a picture" in done.stderr
    assert "no picture at missing.jpg" in done.stderr
    assert "apple.jpg: 1 object" in done.stdout


def test_detect_into_the_picture_s_own_folder_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    grey = np.full((60, 80, 3), 90, np.uint8)
    (tmp_path / "other").mkdir()
    for file in ("a.png", "other/a.png"):
        cv2.imwrite(str(tmp_path / file), grey)
    before = (tmp_path / "a.png").read_bytes()
    done = run("detect", "a.png", "other/a.png", "--out", ".")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.png").read_bytes() == before
    assert {file.name for file in tmp_path.glob("*.png")} == {"a.png", "a-2.png", "a-3.png"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["detect", "--model", "yolov9000", "a.jpg"], "`model` must be one of nano, yolov3-tiny"),
        (["detect", "--confidence", "1.5", "a.jpg"], "less than or equal to 1"),
        (["detect", "--model", "nano@33", "a.jpg"], "a multiple of 32 up to 2048"),
        (["detect", "--model", "yolox-nano@320", "a.jpg"], "is fixed in its file: 416 x 416"),
        (["detect", "--engine", "abacus", "a.jpg"], "`engine` must be one of auto, "),
        (["serve", "--engine", "abacus"], "`engine` must be one of auto, "),
        (["serve", "--precision", "int8"], "'int8' is not one of 'float32', 'fast'"),
        (["models", "pull", "nano", "yolov9000"], "`model` must be one of nano, yolov3-tiny"),
        (["models", "pull", "yolov3-tiny"], "DETECTLAB_OFFLINE"),
        (["serve", "--host", "0.0.0.0"], "without a key, every client that reaches 0.0.0.0"),
    ],
)
def test_command_that_cannot_work_says_why_in_words(
    run: Run, arguments: list[str], message: str
) -> None:
    done = run(*arguments, COLUMNS="200")
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"DETECTLAB_ENGINE": "cuda"}, "`DETECTLAB_ENGINE`: `engine` must be one of auto, "),
        ({"DETECTLAB_WORKERS": "many"}, "`DETECTLAB_WORKERS`: Input should be a valid integer"),
        ({"DETECTLAB_API_KEY": "hunter2"}, "`DETECTLAB_API_KEY`: it must have at least 16"),
    ],
)
def test_bad_variable_gets_one_line_without_addresses_and_secrets(
    run: Run, settings: dict[str, str], message: str
) -> None:
    done = run("detect", "a.jpg", **settings)
    assert done.returncode == 1
    assert done.stderr.startswith(f"detectlab: {message}")
    assert done.stderr.count("\n") == 1
    assert "http" not in done.stderr
    assert "hunter2" not in done.stderr


def test_detect_reads_a_picture_from_standard_input(
    root: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    def detect(data: bytes) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "detectlab", "detect", "--out", "drawn", "-"]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, input=data, capture_output=True, check=False
        )

    done = detect((root / "images" / "apple.jpg").read_bytes())
    assert done.stdout.startswith(b"stdin.jpg: 1 object (nano,"), done.stderr
    assert pixels_of(tmp_path / "drawn" / "stdin.jpg").any()
    assert b"stdin.jpg: This is not a picture" in detect(b"no picture").stderr
    assert b"standard input is empty: pipe a picture into it." in detect(b"").stderr


def test_detect_at_another_input_size_and_with_the_note_said_once(run: Run, root: Path) -> None:
    picture = root / "images" / "apple.jpg"
    first, second = run("detect", picture), run("detect", picture)
    assert first.stderr.startswith("Using the detector nano, because yolov3-tiny is not on this")
    assert second.stderr == ""

    done = run("detect", "--json", picture, DETECTLAB_MODEL="nano@224")
    (answer,) = json.loads(done.stdout)
    assert answer["model"] == "nano@224"
    assert [found["class_name"] for found in answer["detections"]] == ["apple"]


@pytest.mark.parametrize("command", ["detect", "compare"])
def test_file_where_drawings_are_to_go_is_refused_before_anything_loads(
    run: Run, root: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "taken").write_text("mine")
    done = run(command, root / "images" / "apple.jpg", "--out", "taken/drawn")
    assert done.stderr == "detectlab: `--out` must be a folder. Received the file taken\n"
    done = run(command, "missing.jpg")
    assert "There is no picture at missing.jpg." in done.stderr


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["detect", "--model", "yolox-"], {"yolox-nano", "yolox-tiny", "yolox-s"}),
        (["compare", "--models", "nano,yolox-n"], {"nano,yolox-nano"}),
        (["models", "pull", "nanod"], {"nanodet-m"}),
    ],
)
def test_shell_completes_names_of_detectors(
    environment: dict[str, str], words: list[str], names: set[str]
) -> None:
    asked = {
        "_DETECTLAB_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["detectlab", *words]),
        "COMP_CWORD": str(len(words)),
    }
    command = Path(sys.executable).with_name("detectlab")
    done = subprocess.run(
        [command], env={**environment, **asked}, capture_output=True, text=True, check=False
    )
    assert set(done.stdout.split()) == names, done.stderr


def test_models_lists_each_with_size_and_place(run: Run) -> None:
    done = run("models")
    assert "nano *" in done.stdout
    assert "with the package" in done.stdout
    assert "yolov3-tiny" in done.stdout
    assert "35.4 MB" in done.stdout


def test_models_verify_finds_a_damaged_file(run: Run, tmp_path: Path) -> None:
    assert run("models", "verify").returncode == 0
    folder = tmp_path / "home" / "weights"
    folder.mkdir(parents=True)
    (folder / "yolov3-tiny.cfg").write_text("<html>")
    done = run("models", "verify")
    assert done.returncode == 1
    assert "wrong  yolov3-tiny: yolov3-tiny.cfg" in done.stdout
    assert "`detectlab models pull NAME` fetches it again" in done.stderr


def test_doctor_on_a_good_machine_finds_nothing_wrong(run: Run) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert "ok   OpenCV 4." in done.stdout
    assert "ok   nano answers in" in done.stdout


def test_doctor_with_a_wrong_setting_says_so(run: Run) -> None:
    done = run("doctor", DETECTLAB_MODEL="yolov9000")
    assert done.returncode == 1
    assert "look detectors: `model` must be one of" in done.stdout


def test_version_is_the_package_s(run: Run) -> None:
    assert run("--version").stdout == "detectlab 0.1.0\n"


@pytest.fixture
def served(environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    command = [sys.executable, "-m", "detectlab", "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Serving on http://127.0.0.1:")
        yield line.split()[2], process
        process.kill()


def test_serve_answers_the_course_s_client_and_stops_on_sigterm(
    served: tuple[str, subprocess.Popen], root: Path
) -> None:
    url, process = served
    with (root / "images" / "apple.jpg").open("rb") as picture:
        answer = requests.post(f"{url}/predict?model=nano", files={"file": picture}, timeout=30)
    assert answer.status_code == 200
    pixels = pixels_of(answer.content)
    assert pixels.shape == pixels_of(root / "images" / "apple.jpg").shape
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) in (0, -signal.SIGTERM)


def test_serve_on_a_port_in_use_says_so(run: Run, served: tuple[str, subprocess.Popen]) -> None:
    port = served[0].rpartition(":")[2]
    done = run("serve", "--port", port)
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken by another program." in done.stderr
    assert "choose another port; port 0 takes any free one" in done.stderr


def test_doctor_about_the_course_says_what_cannot_be_fetched(run: Run) -> None:
    done = run("doctor", "--course")
    assert done.returncode == 1
    for missing in ("apple.jpg", "fruits.jpg", "yolov3-tiny.cfg"):
        assert f"look {missing} could not be fetched" in done.stdout
    assert "DETECTLAB_OFFLINE" in done.stdout
