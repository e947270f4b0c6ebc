import hashlib
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from detectlab.models.atomic_files import WeightsError
from detectlab.models.download import fetch
from detectlab.models.registry import WeightsFile, published
from detectlab.settings import Settings

CONTENT = random.Random(42).randbytes(200_001)  # some chunks, and not a whole number of them
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "a.weights"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", mirror=None, offline=False, model=None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "weights"


@pytest.fixture
def get(file_server, folder: Path, settings: Settings) -> Callable[..., Path]:
    """Fetches a file from servers that behave as named, asked in that order."""
    file_server.contents[NAME] = CONTENT

    def get(*behaviours: str, size: int | None = len(CONTENT), **changes: object) -> Path:
        places = [file_server.folder(behaviour) for behaviour in behaviours]
        file = published(NAME, SHA256, size, *places)
        changed = settings.model_copy(update=changes)
        short = {"silent", "stalls"}.intersection(behaviours)
        timeout_s = (20.0, 1.0 if short else 20.0)
        return fetch(file, folder, changed, progress=False, timeout_s=timeout_s)

    return get


def assert_only_the_right_file_in(folder: Path) -> None:
    assert [path.name for path in folder.iterdir()] == [NAME]
    assert (folder / NAME).read_bytes() == CONTENT


def assert_nothing_in(folder: Path) -> None:
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("behaviour", ["good", "redirect", "chunked", "no-length", "zipped"])
def test_fetch_from_a_sound_server_gives_the_file(behaviour: str, get, folder: Path):
    assert get(behaviour) == folder / NAME
    assert_only_the_right_file_in(folder)


SHORT = "sent only 100,000 of 200,001 bytes"
UNSOUND = {
    "truncated": "broke off in the middle",
    "dies": "broke off in the middle",
    "chunked-and-dies": "broke off in the middle",
    "length-too-big": "broke off in the middle",
    "stalls": "did not answer for 1 s",
    "silent": "did not answer for 1 s",
    "length-too-small": SHORT,
    "half-without-length": SHORT,
    "partial": SHORT,
    "empty": "sent only 0 of 200,001 bytes",
    "longer": "sent more than the file's 200,001 bytes",
    "wrong": r"sent other content \(sha256 [0-9a-f]{64}\)",
    "web-page": "sent a web page instead of the file",
    "web-page-with-spaces": "sent a web page instead of the file",
    "redirect-to-web-page": "sent a web page instead of the file",
    "redirect-in-a-circle": "redirects in a circle",
    "zipped-badly": "sent something that cannot be unpacked",
    "length-in-words": "sent a malformed answer",
    "403": "answered 403 Client Error: Forbidden",
    "404": "answered 404 Client Error: Not Found",
    "500": "answered 500 Server Error: Internal Server Error",
    "503": "answered 503 Server Error: Service Unavailable",
}


@pytest.mark.parametrize(("behaviour", "reason"), UNSOUND.items(), ids=UNSOUND)
def test_fetch_from_an_unsound_server_says_why_and_keeps_nothing(
    behaviour: str, reason: str, get, folder: Path
):
    with pytest.raises(WeightsError, match=f"/{behaviour}/a.weights {reason}\n"):
        get(behaviour)
    assert_nothing_in(folder)


@pytest.mark.parametrize("behaviour", UNSOUND)
def test_fetch_after_an_unsound_server_asks_the_next_and_gives_the_file(
    behaviour: str, get, folder: Path
):
    assert get(behaviour, "good") == folder / NAME
    assert_only_the_right_file_in(folder)


@pytest.mark.parametrize("behaviour", ["half-without-length", "wrong", "empty", "longer"])
def test_fetch_of_a_file_of_unstated_size_still_keeps_only_the_right_content(
    behaviour: str, get, folder: Path
):
    with pytest.raises(WeightsError, match="sent other content"):
        get(behaviour, size=None)
    assert_nothing_in(folder)


def test_fetch_of_a_file_of_unstated_size_stops_a_server_that_never_ends(
    file_server, folder: Path, settings: Settings
):
    file_server.contents["a.cfg"] = bytes(1_000_001)
    file = published("a.cfg", SHA256, None, file_server.folder("chunked"))
    with pytest.raises(WeightsError, match="sent more than the file's 1,000,000 bytes"):
        fetch(file, folder, settings)
    assert_nothing_in(folder)


def test_fetch_where_nobody_listens_says_so(folder: Path, settings: Settings, file_server):
    address = file_server.folder("good")
    secure = published(NAME, SHA256, None, address.replace("http:", "https:"))
    with pytest.raises(WeightsError, match=r"a\.weights has no secure connection to trust\n"):
        fetch(secure, folder, settings)
    file_server.server_close()
    with pytest.raises(WeightsError, match=r"a\.weights could not be reached\n"):
        fetch(published(NAME, SHA256, None, address), folder, settings)
    assert_nothing_in(folder)


def test_fetch_from_a_machine_that_takes_no_connection_says_so(folder: Path, settings: Settings):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        # Nobody accepts these; once the queue is full, the next one gets no answer at all.
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(address)
        file = published(NAME, SHA256, None, f"http://127.0.0.1:{address[1]}/")
        with pytest.raises(WeightsError, match=r"did not answer for 0\.7 s"):
            fetch(file, folder, settings, timeout_s=(0.7, 0.5))
        for client in waiting:
            client.close()


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/", "http://[/"])
def test_fetch_from_an_address_that_is_none_says_so(address: str, folder: Path, settings: Settings):
    reason = "is (neither a folder nor an http.s. address|not a valid address)"
    with pytest.raises(WeightsError, match=reason):
        fetch(published(NAME, SHA256, None, address), folder, settings)


def test_fetch_that_fails_names_every_place_and_what_to_do(get, folder: Path):
    with pytest.raises(WeightsError) as caught:
        get("404", "web-page", "truncated")
    lines = str(caught.value).splitlines()
    assert lines[0] == "a.weights could not be fetched. Tried:"
    assert [line.split()[1].split("/")[3] for line in lines[1:4]] == [
        "404",
        "web-page",
        "truncated",
    ]
    for advice in (
        "check the connection",
        "set DETECTLAB_MIRROR",
        f"put a.weights with sha256 {SHA256} into {folder}",
    ):
        assert advice in lines[4]


def test_fetch_of_a_file_that_is_there_asks_nobody(get, folder: Path, file_server):
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    assert get("good") == folder / NAME
    assert file_server.asked == []


def test_fetch_over_a_damaged_file_replaces_it_and_says_so(get, folder: Path, caplog):
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT[:-1] + b"?")
    get("good")
    assert_only_the_right_file_in(folder)
    assert "is damaged and will be fetched again" in caplog.text


def test_fetch_over_a_damaged_file_that_cannot_be_replaced_removes_it(get, folder: Path):
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(WeightsError, match="404"):
        get("404")
    assert_nothing_in(folder)


def test_fetch_offline_asks_no_server_and_says_what_to_unset(get, folder: Path, file_server):
    with pytest.raises(WeightsError, match="was not asked, because DETECTLAB_OFFLINE is set") as e:
        get("good", offline=True, mirror=file_server.folder("good"))
    assert "What helps: unset DETECTLAB_OFFLINE; or" in str(e.value)
    assert file_server.asked == []
    assert_nothing_in(folder)


def test_fetch_offline_takes_the_file_from_a_mirror_folder(get, folder: Path, tmp_path: Path):
    (tmp_path / NAME).write_bytes(CONTENT)
    get(offline=True, mirror=str(tmp_path))
    assert_only_the_right_file_in(folder)


@pytest.mark.parametrize("ending", ["/", ""])
def test_fetch_with_a_mirror_address_asks_it_first(ending: str, get, folder: Path, file_server):
    get("404", mirror=file_server.folder("good").rstrip("/") + ending)
    assert file_server.asked == ["/good/a.weights"]
    assert_only_the_right_file_in(folder)


def test_fetch_with_a_wrong_mirror_goes_on_to_the_public_places(get, folder: Path, tmp_path: Path):
    (tmp_path / NAME).write_bytes(CONTENT[::-1])
    get("good", mirror=str(tmp_path))
    assert_only_the_right_file_in(folder)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda path: None, "No such file or directory", id="missing"),
        pytest.param(lambda path: path.mkdir(), "Is a directory", id="a folder"),
    ],
)
def test_fetch_with_a_mirror_that_has_no_such_file_says_so(
    make, reason: str, get, folder: Path, tmp_path: Path
):
    make(tmp_path / NAME)
    with pytest.raises(WeightsError, match=f"{NAME} cannot be read: {reason}\n"):
        get(mirror=str(tmp_path))
    assert_nothing_in(folder)


def test_fetch_never_shows_the_password_of_a_mirror(get, file_server):
    secret = file_server.folder("404").replace("http://", "http://ada:secret@")
    with pytest.raises(WeightsError, match=r"- http://127\.0\.0\.1") as caught:
        get(mirror=secret)
    assert "secret" not in str(caught.value)


def test_fetch_of_a_file_without_checksum_raises_value_error(folder: Path, settings: Settings):
    with pytest.raises(ValueError, match="`file` must have a sha256 to be fetched"):
        fetch(WeightsFile(NAME, urls=("http://127.0.0.1/",)), folder, settings)


def test_fetch_into_a_folder_that_cannot_be_written_says_so(get, folder: Path, file_server):
    folder.parent.mkdir(exist_ok=True)
    folder.touch()
    with pytest.raises(WeightsError, match=r"Cannot write .*a\.weights: .*set DETECTLAB_HOME"):
        get("good")
    assert file_server.asked == []


def test_fetch_that_is_interrupted_leaves_nothing(get, folder: Path, file_server):
    """Ctrl-C, or the stop button of a notebook, while half of the file is there."""

    def interrupt():
        file_server.halfway.wait(timeout=20)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        get("waits")
    assert_nothing_in(folder)


def test_fetch_by_many_threads_at_once_downloads_once(get, folder: Path, file_server):
    start = threading.Barrier(6)
    results: queue.Queue[Path] = queue.Queue()

    def work():
        start.wait()
        results.put(get("good"))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [results.get_nowait() for _ in threads] == [folder / NAME] * 6
    assert len(file_server.asked) == 1
    assert_only_the_right_file_in(folder)


@pytest.fixture
def start_fetch(file_server, folder: Path):
    """Starts a process that fetches the file, and ends it with the test."""
    file_server.contents[NAME] = CONTENT
    processes = []

    def start(behaviour: str) -> subprocess.Popen[str]:
        code = (
            "import sys; from pathlib import Path\n"
            "from detectlab.models.download import fetch\n"
            "from detectlab.models.registry import published\n"
            "from detectlab.settings import Settings\n"
            "name, sha256, size, place, folder = sys.argv[1:]\n"
            "file = published(name, sha256, int(size), place)\n"
            "print(fetch(file, Path(folder), Settings(mirror=None, offline=False)))\n"
        )
        place = file_server.folder(behaviour)
        process = subprocess.Popen(
            [sys.executable, "-c", code, NAME, SHA256, str(len(CONTENT)), place, str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_fetch_by_two_processes_at_once_downloads_once(start_fetch, folder: Path, file_server):
    first = start_fetch("waits")
    assert file_server.halfway.wait(timeout=60)
    second = start_fetch("good")
    assert "Waiting for another process" in second.stderr.readline()
    file_server.go_on.set()
    for process in (first, second):
        assert process.communicate(timeout=60)[0] == f"{folder / NAME}\n"
    assert file_server.asked == ["/waits/a.weights"]
    assert_only_the_right_file_in(folder)


def test_fetch_after_a_process_was_killed_halfway_clears_up_and_gives_the_file(
    start_fetch, get, folder: Path, file_server
):
    process = start_fetch("waits")
    assert file_server.halfway.wait(timeout=60)
    process.kill()
    process.wait(timeout=60)
    assert [path.suffix for path in folder.glob("a.*")] == [".part"]
    get("good")
    assert_only_the_right_file_in(folder)


def test_fetch_waiting_for_a_process_that_is_killed_takes_over(
    start_fetch, folder: Path, file_server
):
    first = start_fetch("waits")
    assert file_server.halfway.wait(timeout=60)
    second = start_fetch("good")
    assert "Waiting for another process" in second.stderr.readline()
    first.kill()
    assert second.communicate(timeout=60)[0] == f"{folder / NAME}\n"
    assert_only_the_right_file_in(folder)
