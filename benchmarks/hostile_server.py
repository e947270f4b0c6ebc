"""A real server for `hostile.py`, and its throughput beside that of another checkout."""

import io
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil
import requests
from machine import ROOT
from PIL import Image
from serve_command import serve

MIN_THROUGHPUT = 0.98
JSON = {"Accept": "application/json"}
_FORM_HEADERS = {"Content-Type": "multipart/form-data; boundary=b"}
_FORM_BEGIN = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
_FORM_END = b"\r\n--b--\r\n"
_ORDINARY = {
    "640": ((640, 480), "JPEG"),
    "12 MP": ((4000, 3000), "JPEG"),
    "PNG": ((640, 480), "PNG"),
}


@dataclass
class Server:
    """A running server."""

    url: str
    process: psutil.Process

    def post(self, session: requests.Session, data: bytes, **headers: str) -> tuple[int, float]:
        """Status and seconds of a request with a picture."""
        started = time.perf_counter()
        file = {"file": ("picture.jpg", data)}
        answer = session.post(f"{self.url}/predict", files=file, headers=headers, timeout=120)
        return answer.status_code, time.perf_counter() - started

    def busiest_s(self) -> float:
        """Longest time that a worker was busy with one request so far."""
        metrics = requests.get(f"{self.url}/metrics", timeout=60).text
        found = re.search(r"^detectlab_longest_work_seconds (\S+)", metrics, re.MULTILINE)
        assert found, metrics
        return float(found[1])

    def megabytes(self) -> float:
        """What the server and its children hold; what they share counts once."""
        held = 0
        for process in (self.process, *self.process.children(recursive=True)):
            try:
                held += process.memory_full_info().pss
            except psutil.Error:  # it ended meanwhile
                continue
        return held / 2**20


class CheapClient:
    """A connection to a server that takes little processor time on this side.

    Args:
        server: Where it sends to.
    """

    def __init__(self, server: Server) -> None:
        self._connection = HTTPConnection(server.url.removeprefix("http://"), timeout=120)

    def post(self, data: bytes, is_form: bool = False) -> tuple[int, float]:
        """Status and seconds of a request with a picture, or with a form, right or not."""
        body = data if is_form else _FORM_BEGIN + data + _FORM_END
        started = time.perf_counter()
        self._connection.request("POST", "/predict", body, _FORM_HEADERS)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, time.perf_counter() - started


@contextmanager
def served(checkout: Path, precision: str = "float32") -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as home:
        env = {k: v for k, v in os.environ.items() if not k.startswith("DETECTLAB_")}
        env |= {"DETECTLAB_HOME": home, "DETECTLAB_MODEL": "nano"}
        env |= {"PYTHONPATH": str(checkout / "src"), "DETECTLAB_PRECISION": precision}
        with serve(env) as (url, process):
            try:
                yield Server(url, process)
            finally:
                process.terminate()
                process.wait()


def ordinary(kind: str) -> bytes:
    """A photograph that ships with the lab, as `"640"`, `"12 MP"` or `"PNG"`."""
    photo = Image.open(ROOT / "images" / "apples.jpg").convert("RGB")
    size, format = _ORDINARY[kind]
    file = io.BytesIO()
    photo.resize(size).save(file, format)
    return file.getvalue()


def compare(before: Path, repeats: int, seconds: float) -> bool:
    """Print the throughput of ordinary pictures as a share of another checkout's."""
    is_fine = True
    with ExitStack() as stack:
        servers = [stack.enter_context(served(path)) for path in (before, ROOT)]
        for kind in ("640", "12 MP", "PNG"):
            data, ratios = ordinary(kind), []
            for number in range(repeats + 1):
                order = servers if number % 2 else servers[::-1]
                rates = {id(server): rate(server, data, seconds) for server in order}
                if number:  # the first one warms up
                    ratios.append(rates[id(servers[1])] / rates[id(servers[0])])
            share = statistics.median(ratios)
            is_fine &= share >= MIN_THROUGHPUT
            spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
            print(f"{kind:6} {share:.3f} of the throughput before ({spread})", flush=True)
    return is_fine


def rate(server: Server, data: bytes, seconds: float) -> float:
    """Answers for each second of the server's processor time: other processes change it little."""
    with requests.Session() as session:
        used, count, until = processor_s(server), 0, time.perf_counter() + seconds
        while time.perf_counter() < until:
            assert server.post(session, data, **JSON)[0] == 200
            count += 1
        return count / (processor_s(server) - used)


def processor_s(server: Server) -> float:
    processes = (server.process, *server.process.children(recursive=True))
    return sum(sum(process.cpu_times()[:2]) for process in processes)
