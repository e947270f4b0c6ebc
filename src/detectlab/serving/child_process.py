"""Child processes that answer messages over their pipes, and can be ended in the middle of one.

The parent starts `python -m MODULE` with `ChildProcess`. The module's `main` calls `take_output()`
and `end_with_parent()`, then answers what `read_message()` gives with `write_message()`.
"""

import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np
import psutil

Facts = dict[str, Any]
Message = tuple[Facts, memoryview]

_LENGTHS = struct.Struct(">IQ")
_ORPHAN_CHECK_S = 1.0
_MEMORY_CHECK_S = 0.02


class ChildProcess:
    """A Python module that runs in a process of its own.

    Args:
        module: Its full name.
        arguments: Its command line.
        environment: Its environment variables; by default those of this process.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._ending = threading.Lock()
        self.timed_out = False

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """As `subprocess.Popen.returncode`: negative when a signal ended it, `None` before."""
        return self._process.returncode

    def lower_priority(self, by: int) -> None:
        """Make its priority so much lower than that of this process."""
        lower_priority(self._process.pid, by)

    def receive(self, timeout_s: float) -> Message | None:
        """A message that was not asked for; raises and returns as `ask` does."""
        return self._exchange(None, b"", timeout_s)

    def ask(self, facts: Facts, data: bytes = b"", *, timeout_s: float) -> Message | None:
        """Send a message and wait for the answer.

        Args:
            facts: What to send; JSON.
            data: Bytes that belong to it.
            timeout_s: The process is killed when it takes longer.

        Returns:
            The answer, or `None` when the process ended before it gave one.
        """
        return self._exchange(facts, data, timeout_s)

    def _exchange(self, facts: Facts | None, data: bytes, timeout_s: float) -> Message | None:
        assert self._process.stdin
        assert self._process.stdout
        with self._killed_after(timeout_s):
            try:
                if facts is not None:
                    write_message(self._process.stdin, facts, data)
                return read_message(self._process.stdout)
            except (OSError, ValueError):  # ValueError: the pipe was closed meanwhile
                return None

    @contextlib.contextmanager
    def _killed_after(self, seconds: float) -> Iterator[None]:
        def kill() -> None:
            self.timed_out = True
            self._process.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def end(self) -> None:
        """Kill it, from any thread, in the middle of an answer too; may be called twice."""
        with self._ending:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):
                    assert pipe
                    pipe.close()


def lower_priority(of: int, by: int) -> None:
    """Lower a priority.

    Args:
        of: A child process, or, on Linux, a thread of this process.
        by: How much lower than that of this process.
    """
    with contextlib.suppress(OSError, psutil.Error):
        if sys.platform == "win32":  # has classes instead of numbers
            psutil.Process(of).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            own = os.getpriority(os.PRIO_PROCESS, os.getpid())
            os.setpriority(os.PRIO_PROCESS, of, own + by)


def write_message(pipe: IO[bytes], facts: Facts, data: bytes | memoryview = b"") -> None:
    """Send a message.

    Args:
        pipe: To the other process.
        facts: Sent as JSON.
        data: Sent as it is.
    """
    head = json.dumps(facts).encode()
    size = data.nbytes if isinstance(data, memoryview) else len(data)
    pipe.write(_LENGTHS.pack(len(head), size) + head)
    pipe.write(data)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> Message | None:
    """What the other end sent with `write_message`, or `None` when it has ended."""
    lengths = pipe.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_length, data_length = _LENGTHS.unpack(lengths)
    # Not a bytearray: filling it with zeros would stop all other threads for as long.
    head, data = pipe.read(head_length), np.empty(data_length, np.uint8).data
    if len(head) < head_length or pipe.readinto(data) < data_length:  # type: ignore[attr-defined]
        return None
    return json.loads(head), data


def take_output() -> IO[bytes]:
    """In the child: keep the standard output for answers; libraries then print to the errors."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def end_with_parent() -> None:
    """In the child: end when the parent was killed, in the middle of an answer too."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_ORPHAN_CHECK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def bound_memory(more_bytes: int) -> None:
    """In the child: bound the memory beyond what it holds now.

    On Linux an allocation that goes beyond fails. Elsewhere the system keeps no such limit, and the
    process ends when it is found to hold more.
    """
    process = psutil.Process()
    if psutil.LINUX:
        limit = process.memory_info().vms + more_bytes
        process.rlimit(psutil.RLIMIT_AS, (limit, limit))
        return
    limit = process.memory_info().rss + more_bytes

    def watch() -> None:
        while process.memory_info().rss <= limit:
            time.sleep(_MEMORY_CHECK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
