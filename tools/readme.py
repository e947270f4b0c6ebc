"""Run the commands and programs of README.md, and compare or renew what it says they print.

    .venv/bin/python tools/readme.py            # compare: show differences, end with 1 if there are
    make readme                                 # renew the outputs, and the picture at the top

Every block in `bash` or `python` is run, in order, in one folder with our pictures, as on a fresh
copy without internet. A comment in front of it changes that: `<!-- server -->` leaves it running
in the background, `<!-- not run: why -->` skips it. A block in `text` behind it is what it prints.

The list of detectors is written from the registry and from `benchmarks/results/detectors.json`.
"""

import difflib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from detectlab.models.files import locate
from detectlab.models.registry import ModelCard, built_in

ROOT = Path(__file__).resolve().parents[1]
PORT = 8000  # of the server in the README; a free one takes its place
DEADLINE_S = 60

BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^>]*?) -->\n)?"
    r"```(?P<language>bash|python)\n(?P<code>.*?)```\n"
    r"(?:\n?```text\n(?P<printed>.*?)```\n)?",
    re.DOTALL,
)
DETECTORS = re.compile(r"(?<=<!-- detectors -->\n).*?(?=<!-- end of detectors -->)", re.DOTALL)
SPEEDS = ROOT / "benchmarks" / "results" / "detectors.json"
TIME = re.compile(r"\d+ ms\b")
NUMBER = re.compile(r"(\d+(?:\.\d+)?)")


class Runner:
    """Runs blocks in a folder; `stop` ends the server that one of them started."""

    def __init__(self, folder: Path) -> None:
        """Lay out the folder as the root of a fresh copy."""
        (folder / "images").symlink_to(ROOT / "images")
        self._folder = folder
        self._port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self._variables = {
            **{name: v for name, v in os.environ.items() if not name.startswith("DETECTLAB_")},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "DETECTLAB_HOME": str(folder / "cache"),
            "DETECTLAB_OFFLINE": "1",
            "DETECTLAB_PORT": str(self._port),
        }

    def renew(self, block: re.Match[str]) -> str:
        """Run a block and return it with what it prints."""
        mark = block["mark"] or ""
        if mark.startswith("not run"):
            return block[0]
        code = block["code"].replace(f":{PORT}", f":{self._port}")
        command = ["bash", "-euc", code]
        if block["language"] == "python":
            command = [sys.executable, "-c", code]
        if mark == "server":
            self._start_server(code.split())
            return block[0]
        run = subprocess.run(
            command, cwd=self._folder, env=self._variables, capture_output=True, text=True
        )
        if run.returncode != 0:
            raise SystemExit(f"README.md: this fails\n{code}\n{run.stdout}{run.stderr}")
        if block["printed"] is None:
            return block[0]
        printed = run.stdout.replace(f":{self._port}", f":{PORT}").rstrip() + "\n"
        if alike(printed, block["printed"]):
            return block[0]
        start, end = (place - block.start() for place in block.span("printed"))
        return block[0][:start] + printed + block[0][end:]

    def stop(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(DEADLINE_S)

    def _start_server(self, command: list[str]) -> None:
        self._server = subprocess.Popen(
            [*command, f"--port={self._port}"],
            cwd=self._folder,
            env=self._variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + DEADLINE_S
        while not listens(self._port):
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"README.md: {' '.join(command)} starts no server")
            time.sleep(0.1)


_YOLOX = "https://github.com/Megvii-BaseDetection/YOLOX"
_SCALED_YOLOV4 = "https://arxiv.org/abs/2011.08036"
_DEIMV2 = "https://github.com/Intellindust-AI-Lab/DEIMv2"
# AP (IoU 0.5 to 0.95) on COCO's validation pictures, and where it was published.
PUBLISHED_AP = {
    "yolov3-tiny": (16.6, _SCALED_YOLOV4),
    "yolov4-tiny": (21.7, _SCALED_YOLOV4),
    "yolox-nano": (25.8, _YOLOX),
    "yolox-tiny": (32.8, _YOLOX),
    "yolox-s": (40.5, _YOLOX),
    "deimv2-atto": (23.8, _DEIMV2),
    "deimv2-femto": (31.0, _DEIMV2),
    "nanodet-m": (23.5, "https://github.com/RangiLyu/nanodet"),
    "yolov5s": (37.4, "https://github.com/ultralytics/yolov5"),
}


def with_detectors(text: str) -> str:
    """Return README.md with the list of detectors as the registry has it now."""
    speeds = json.loads(SPEEDS.read_text("utf-8"))["detectors"]
    rows = [row_of(card, speeds) for card in built_in().values()]
    titles = "| detector | MB | classes | COCO AP | time | licence | what for |\n"
    head = titles + "|---" * 7 + "|\n"
    return DETECTORS.sub(lambda _: head + "".join(rows), text)


def row_of(card: ModelCard, speeds: dict[str, dict[str, float]]) -> str:
    """Return a detector's line of the list."""
    size = card.size
    if card.embedded:
        files = locate(card)
        size = sum(file.stat().st_size for file in (files.config, files.weights) if file)
    megabytes = f"{size / 1e6:.1f}" if size else "—"
    speed = f"{speeds[card.name]['ratio']:.2f}" if card.name in speeds else "—"
    ap, source = PUBLISHED_AP.get(card.name, (None, ""))
    published = f"[{ap}]({source})" if ap else "—"
    licence = f"[{card.licence}]({card.licence_url})"
    numbers = [megabytes, str(len(card.classes)), published, speed]
    return f"| {' | '.join([card.name, *numbers, licence, card.description])} |\n"


def alike(one: str, other: str) -> bool:
    """Whether two outputs agree but for times and small differences between processors."""
    ours, theirs = (NUMBER.split(TIME.sub("", text)) for text in (one, other))
    if ours[::2] != theirs[::2]:
        return False
    return all(
        abs(float(our) - float(their)) <= tolerance(our)
        for our, their in zip(ours[1::2], theirs[1::2], strict=True)
    )


def tolerance(number: str) -> float:
    """Return how far a number may differ: confidences have a decimal point, pixels are large."""
    if "." in number:
        return 0.01
    return 2 if float(number) > 20 else 0


def free_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something accepts connections at the port."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def main() -> int:
    """Run all blocks; return 1 where README.md says something else than they print."""
    readme = ROOT / "README.md"
    old = readme.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(folder))
        try:
            new = with_detectors(BLOCK.sub(runner.renew, old))
        finally:
            runner.stop()
    if "--write" in sys.argv[1:]:
        readme.write_text(new, "utf-8")
        return 0
    names = ("README.md", "what it prints now")
    for line in difflib.unified_diff(old.splitlines(), new.splitlines(), *names, lineterm=""):
        print(line)
    return int(old != new)


if __name__ == "__main__":
    sys.exit(main())
