"""The three images as they are built: who runs in them, what is in them, how they start and stop.

`make test-containers` builds them and runs this; elsewhere it is skipped.
"""

import contextlib
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from testing import wait_until

FOLDER = os.environ.get("DETECTLAB_CONTAINERS", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="runs in `make test-containers`")
PORTS = {"api": 8000, "companion": 8501, "lab": 8888}
HEALTH = {"api": "/health", "companion": "/_stcore/health", "lab": "/api"}
OPEN = ("--env", "DETECTLAB_ALLOW_OPEN=1")


def podman(*arguments: object, **options: Any) -> str:
    command = ["podman", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert run.returncode == 0, f"{' '.join(command)}: {run.stderr}"
    return run.stdout.strip()


def in_container(name: str, *command: str) -> str:
    return podman("exec", name, *command)


def answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=5).ok
    return False


@pytest.fixture
def run() -> Iterator[Callable[..., str]]:
    """Runs an image, waits until it answers, and gives the container's name."""
    names: list[str] = []

    def start(target: str, *options: str) -> str:
        name = f"test-{target}-{len(names)}"
        names.append(name)
        podman("run", "--detach", "--name", name, *options, f"detectlab-{target}")
        url = f"http://127.0.0.1:{PORTS[target]}{HEALTH[target]}"
        try:
            wait_until(lambda: answers(url), f"{target} to answer")
        except AssertionError as error:
            raise AssertionError(f"{error}: {podman('logs', name)}") from None
        return name

    yield start
    for name in names:
        subprocess.run(["podman", "rm", "--force", "--volumes", name], capture_output=True)


@pytest.fixture(scope="module", autouse=True)
def results(root: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """What was measured, written to benchmarks/results/ at the end."""
    measured: dict[str, Any] = {"stop_s": {}}
    yield measured
    lines = Path(FOLDER, "build-seconds").read_text().split("\n")
    commit = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
    about = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": subprocess.run(commit, capture_output=True, text=True).stdout.strip(),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "checks": {
            "run": request.session.testscollected,
            "failed": request.session.testsfailed,
        },
        "engine": podman("--version"),
        "base": "Debian's Python"
        if Path(FOLDER, "import.log").exists()
        else "the registry's image",
        "size_mb": {
            name: round(int(podman("image", "inspect", "-f", "{{.Size}}", image)) / 1e6)
            for name, image in [("base", "docker.io/library/python:3.11-slim-bookworm")]
            + [(target, f"detectlab-{target}") for target in PORTS]
        },
        "build_s": {line.split()[0]: int(line.split()[1]) for line in lines if line},
    }
    file = root / "benchmarks" / "results" / "containers.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(about | measured, indent=2) + "\n")


@pytest.mark.parametrize("target", PORTS)
def test_image_runs_unprivileged_with_a_read_only_root(target: str, run: Any) -> None:
    extra = ("--volume", "/home/jovyan") if target == "lab" else ()
    name = run(target, "--read-only", "--cap-drop=ALL", "--tmpfs", "/tmp", *OPEN, *extra)

    assert in_container(name, "id", "-u") == {"lab": "1000"}.get(target, "10001")
    assert podman("healthcheck", "run", name) == ""
    with pytest.raises(AssertionError, match="Read-only file system"):
        in_container(name, "touch", "/usr/here")


def test_lab_runs_as_any_user_of_group_0(run: Any) -> None:
    name = run("lab", "--user", "4321:0")

    assert in_container(name, "id", "-u") == "4321"
    in_container(name, "touch", "notebooks/mine.ipynb", "images_uploaded/mine.jpg")
    in_container(name, "detectlab", "detect", "images/apple.jpg", "--model", "nano")


def test_uid_of_an_image_can_be_chosen_when_it_is_built(root: Path) -> None:
    podman(
        "build",
        "--quiet",
        "--pull=never",
        "--format",
        "docker",
        "--target",
        "api",
        "--build-arg",
        "UID=2345",
        "--tag",
        "detectlab-api-2345",
        root,
    )

    assert podman("run", "--rm", "detectlab-api-2345", "id", "-u") == "2345"
    written = podman("run", "--rm", "detectlab-api-2345", "sh", "-c", "touch a && stat -c %u a")
    assert written == "2345"
    podman("rmi", "detectlab-api-2345")


@pytest.mark.parametrize("target", PORTS)
def test_image_holds_no_tests_secrets_or_repository(target: str) -> None:
    find = (
        "find / -xdev \\( -name .git -o -name '.env*' -o -name '*.pem' -o -name '*.key' "
        "-o -name id_rsa -o -name .netrc -o -name pip.conf \\) -not -path '/proc/*'"
    )
    found = podman("run", "--rm", "--user", "0", f"detectlab-{target}", "sh", "-c", find)
    known = ("/etc/ssl/certs/", "/usr/share/", "/opt/venv/lib/", "/usr/lib/")
    assert [line for line in found.split() if not line.startswith(known)] == []

    ours = "ls -d /app/* /home/*/* /var/lib/detectlab/* 2>/dev/null | xargs -n1 basename | sort -u"
    names = set(podman("run", "--rm", f"detectlab-{target}", "sh", "-c", ours).split())
    assert not names & {"tests", "training", "deploy", "tools", "build", "shared"}

    told = podman("image", "inspect", f"detectlab-{target}").lower()
    assert not any(word in told for word in ("password", "secret", "token=", "api_key="))


def test_api_and_companion_hold_only_what_they_need() -> None:
    listing = "ls /opt/venv/lib/python3*/site-packages"
    api = podman("run", "--rm", "detectlab-api", "sh", "-c", listing).split()
    companion = podman("run", "--rm", "detectlab-companion", "sh", "-c", listing).split()

    assert not {"jupyterlab", "tensorflow", "streamlit", "matplotlib", "pip"} & set(api)
    assert not {"cv2", "fastapi", "jupyterlab", "detectlab", "pip"} & set(companion)
    assert {"cv2", "detectlab"} <= set(api)


def test_api_without_a_key_refuses_to_be_open_to_others() -> None:
    command = ["podman", "run", "--rm", "detectlab-api"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 1
    assert "Set DETECTLAB_API_KEY" in run.stderr


def test_api_stops_within_10_s_and_finishes_what_it_has_begun(
    run: Any, root: Path, results: dict[str, Any]
) -> None:
    name = run("api", *OPEN)
    picture = (root / "images" / "fruits.jpg").read_bytes()
    url = "http://127.0.0.1:8000/predict?model=nano"

    def ask(_: int) -> int:
        try:
            return requests.post(url, files={"file": picture}, timeout=60).status_code
        except requests.RequestException:
            return 0

    assert ask(0) == 200
    with ThreadPoolExecutor(16) as clients:
        asked = list(clients.map(ask, range(16)))  # how long that many take
        assert set(asked) == {200}
        waiting = [clients.submit(ask, number) for number in range(400)]
        wait_until(lambda: sum(one.done() for one in waiting) > 4, "some answers")
        started = time.monotonic()
        podman("stop", "--time", "20", name)
        results["stop_s"]["api, with requests in flight"] = round(time.monotonic() - started, 1)
        codes = [one.result() for one in waiting]

    assert results["stop_s"]["api, with requests in flight"] < 10
    assert podman("inspect", "-f", "{{.State.ExitCode}}", name) == "0"
    assert set(codes) <= {200, 503, 0}
    assert codes.count(200) > 4


@pytest.mark.parametrize("target", ["companion", "lab"])
def test_image_stops_within_10_s(target: str, run: Any, results: dict[str, Any]) -> None:
    name = run(target)
    started = time.monotonic()

    podman("stop", "--time", "20", name)

    results["stop_s"][target] = round(time.monotonic() - started, 1)
    assert results["stop_s"][target] < 10


@pytest.fixture(scope="module")
def compose(root: Path) -> Iterator[Callable[..., str]]:
    """compose.yaml as it stands, on a network in which services have names."""
    environment = {**os.environ, "CONTAINERS_CONF": f"{FOLDER}/bridge.conf"}

    def call(*arguments: str) -> str:
        command = [f"{FOLDER}/venv/bin/podman-compose", "--profile", "lab", *arguments]
        run = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"{command}: {run.stdout} {run.stderr}"
        return run.stdout

    yield call
    call("down", "--volumes")


@pytest.fixture(scope="module")
def up(compose: Callable[..., str]) -> Callable[..., str]:
    compose("up", "--detach", "--no-build", "api")
    # Without systemd nobody runs podman's health checks: companion waits for this one.
    wait_until(lambda: answers("http://127.0.0.1:8000/health"), "the API's published port")
    podman("healthcheck", "run", "detectlab_api_1")
    compose("up", "--detach", "--no-build", "companion", "lab")
    wait_until(lambda: answers("http://127.0.0.1:8501/_stcore/health"), "the companion's port")
    return compose


def test_companion_finds_the_api_by_its_name_and_gets_detections(up: Any) -> None:
    code = (
        "import os; from detectlab.client import DetectClient; "
        "client = DetectClient(os.environ['DETECTLAB_SERVER']); "
        "print(client.url, client.predict('images/apple.jpg', 'nano', as_json=True))"
    )

    told = in_container("detectlab_companion_1", "python", "-c", code)

    assert told.startswith("http://api:8000 {'detections': [{")
    assert "'class_name': 'apple'" in told


def test_composed_services_keep_pictures_in_the_volume_and_nothing_else(
    up: Any, root: Path
) -> None:
    picture = (root / "images" / "apple.jpg").read_bytes()
    url = "http://127.0.0.1:8000/predict?model=nano"
    assert requests.post(url, files={"file": picture}, timeout=60).ok

    wait_until(
        lambda: bool(in_container("detectlab_api_1", "find", "received", "-type", "f")),
        "the received picture in its folder",
    )
    for name in ("detectlab_api_1", "detectlab_companion_1"):
        with pytest.raises(AssertionError, match="Read-only file system"):
            in_container(name, "sh", "-c", "touch /app/here /var/lib/here")


def test_published_ports_are_open_to_this_machine_alone(up: Any) -> None:
    for service in ("api", "companion", "lab"):
        ports = json.loads(podman("inspect", f"detectlab_{service}_1"))[0]["NetworkSettings"]
        hosts = {one["HostIp"] for some in ports["Ports"].values() if some for one in some}
        assert hosts == {"127.0.0.1"}


def test_server_of_a_notebook_is_reached_at_the_published_port(up: Any) -> None:
    wait_until(lambda: answers("http://127.0.0.1:8888/api"), "JupyterLab's published port")
    code = (
        "from threading import Event; from detectlab import create_app; "
        "from detectlab.kernel import start; server = start(create_app(), port=8000); "
        "Event().wait()"
    )
    podman("exec", "--detach", "detectlab_lab_1", "python", "-c", code)

    wait_until(lambda: answers("http://127.0.0.1:8080/health"), "the notebook's server")
