"""Examining in a process of its own: a hostile file ends that, not the one that asks."""

import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
from pydantic import TypeAdapter

from detectlab.model_import.request import Answer, Examined, Request

TIME_LIMIT_S = 180.0
MEMORY_LIMIT_BYTES = 4_000_000_000
_LOOK_EVERY_S = 0.02
_ERRORS: dict[str, type[Exception]] = {"ModuleNotFoundError": ModuleNotFoundError}


def examine_isolated(
    request: Request,
    *,
    time_limit_s: float = TIME_LIMIT_S,
    memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
) -> Examined:
    """Examine files in a process of its own.

    Args:
        request: What is asked.
        time_limit_s: The process is ended after this many seconds.
        memory_limit_bytes: The process is ended when it has more than this.

    Raises:
        ValueError: When a file cannot be used, or examining it takes too much time or memory.
        ModuleNotFoundError: When the package `onnx` is not installed.
    """
    names = " with ".join(file.name for file in request.files)
    with tempfile.TemporaryDirectory() as folder:
        question, answered = Path(folder, "request.json"), Path(folder, "answer.json")
        question.write_bytes(TypeAdapter(Request).dump_json(request))
        command = [sys.executable, "-m", "detectlab.model_import.examine", question, answered]
        with subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                reason = _watch(process, time_limit_s, memory_limit_bytes)
            finally:
                process.kill()
        if not reason and answered.is_file():
            answer = TypeAdapter(Answer).validate_json(answered.read_bytes())
            if answer.examined:
                return answer.examined
            if answer.error:
                raise _ERRORS.get(answer.kind, ValueError)(answer.error)
            reason = "it needs more memory than there is"
        reason = reason or f"the process that read it ended with {process.returncode}"
        raise ValueError(f"{names} cannot be used: {reason}. It is damaged, or too large.")


def _watch(process: "subprocess.Popen[bytes]", time_limit_s: float, memory_limit: int) -> str:
    """Wait for a process; why it was not waited for any longer, in words."""
    until = time.monotonic() + time_limit_s
    watched = psutil.Process(process.pid)
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_EVERY_S)
            return ""
        with suppress(psutil.Error):
            if watched.memory_info().rss > memory_limit:
                return f"reading it needs more than {memory_limit / 1e9:.1f} GB of memory"
        if time.monotonic() > until:
            return f"reading it takes more than {time_limit_s:g} s"
