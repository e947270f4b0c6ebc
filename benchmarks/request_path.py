"""Show which files of detectlab a plain `POST /predict` passes through, in order.

Run it with `.venv/bin/python benchmarks/request_path.py [--calls | --json]`. A server answers warm
requests for a JPEG, without a rollout plan, while every Python call is recorded in all its threads;
the path that most of them took is printed. Calls of background tasks do not count: a call counts
when its outermost caller in detectlab lies in `serving` or in `kernel`.
"""

import argparse
import http.client
import json
import os
import tempfile
import threading
import time
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import uvicorn

SOURCE = Path(__file__).parents[1] / "src" / "detectlab"
PICTURE = Path(__file__).parents[1] / "images" / "apple.jpg"
_BOUNDARY = "request-path"
_ENTRANCES = ("serving/", "kernel/")
_WARM_UP, _MEASURED = 5, 9


class Call(NamedTuple):
    """One Python call: its file, relative to `src/detectlab`, and its function."""

    file: str
    function: str


class RequestPath(NamedTuple):
    """The calls of one request, in order over all threads."""

    calls: tuple[Call, ...]

    @property
    def visits(self) -> list[tuple[str, list[str]]]:
        """Consecutive calls within one file, as the file and its functions."""
        return [
            (file, [call.function for call in calls])
            for file, calls in groupby(self.calls, key=lambda call: call.file)
        ]

    @property
    def files(self) -> set[str]:
        """The files of detectlab that the request visits."""
        return {call.file for call in self.calls}

    @property
    def moves(self) -> int:
        """How often the request goes from one file of detectlab to another one."""
        return len(self.visits) - 1


class Recorder:
    """Records the calls into detectlab's files, in every thread started after `install`."""

    def __init__(self) -> None:
        self.is_on = False
        self.calls: list[Call] = []
        self._prefix = str(SOURCE) + os.sep

    def install(self) -> None:
        """Profile threads that start from now on."""
        threading.setprofile(self._note)

    def remove(self) -> None:
        """Stop profiling new threads."""
        threading.setprofile(None)

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        if self.is_on and event == "call" and (file := self._file(frame)):
            outermost, caller = file, frame.f_back
            while caller:
                outermost, caller = self._file(caller) or outermost, caller.f_back
            if outermost.startswith(_ENTRANCES):
                self.calls.append(Call(file, frame.f_code.co_name))

    def _file(self, frame: FrameType) -> str:
        """The file of a frame, relative to the package; empty when it is not ours."""
        name = frame.f_code.co_filename
        if not name.startswith(self._prefix):
            return ""
        return name.removeprefix(self._prefix).replace(os.sep, "/")


def measure(picture: bytes) -> RequestPath:
    """The path of a warm request for a picture with boxes, without a rollout plan.

    Args:
        picture: The bytes of a JPEG file.

    Returns:
        The path with the fewest moves: on a busy machine, threads that take turns add some.
    """
    from detectlab.serving.app import create_app
    from detectlab.settings import Settings

    recorder = Recorder()
    recorder.install()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), model="nano", offline=True)
        config = uvicorn.Config(create_app(settings=settings), port=0, log_level="warning")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            port = _wait_for_port(server, thread)
            paths = [_path_of_one(port, picture, recorder) for _ in range(_WARM_UP + _MEASURED)]
        finally:
            server.should_exit = True
            thread.join()
            recorder.remove()
    return min(paths[_WARM_UP:], key=lambda path: path.moves)


def _wait_for_port(server: uvicorn.Server, thread: threading.Thread) -> int:
    until = time.monotonic() + 60
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise SystemExit("The server did not start.")
        time.sleep(0.01)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port


def _path_of_one(port: int, picture: bytes, recorder: Recorder) -> RequestPath:
    body = (
        (
            f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name=file; filename=picture.jpg\r\n"
            "Content-Type: image/jpeg\r\n\r\n"
        ).encode()
        + picture
        + f"\r\n--{_BOUNDARY}--\r\n".encode()
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    recorder.calls = []
    recorder.is_on = True
    try:
        connection.request("POST", "/predict", body, headers)
        response = connection.getresponse()
        response.read()
    finally:
        recorder.is_on = False
        connection.close()
    if response.status != 200:
        raise SystemExit(f"POST /predict was answered with {response.status}.")
    return RequestPath(tuple(recorder.calls))


def main() -> None:
    """Print the path, and how many files, moves and calls it has."""
    parser = argparse.ArgumentParser(description="Show the path of a plain POST /predict.")
    parser.add_argument("--calls", action="store_true", help="Show the functions, too.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    arguments = parser.parse_args()
    path = measure(PICTURE.read_bytes())
    if arguments.json:
        visits = [file for file, _ in path.visits]
        print(json.dumps({"files": len(path.files), "moves": path.moves, "visits": visits}))
        return
    for number, (file, functions) in enumerate(path.visits):
        print(f"{number:3} {file}" + (f": {', '.join(functions)}" if arguments.calls else ""))
    print(f"{len(path.files)} files, {path.moves} moves, {len(path.calls)} calls")


if __name__ == "__main__":
    main()
