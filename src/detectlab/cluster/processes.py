"""Processes and ports of this machine, by their numbers."""

import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil


def python_for_ray(folder: Path) -> str:
    """This environment's Python, through a link in `folder` where its own path has spaces.

    Ray splits commands and library names at spaces, and then starts nothing.
    """
    if " " not in sys.prefix:
        return sys.executable
    link = folder / "environment"
    if not link.is_symlink():
        link.symlink_to(sys.prefix)
    return str(link / Path(sys.executable).relative_to(sys.prefix))


def free_ports(count: int) -> list[int]:
    """Distinct ports of 127.0.0.1 that no program uses at the moment."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def descendants(pid: int) -> list[int]:
    """A process, all of its descendants, and those of its process group's other members.

    The group still exists when the process itself has ended and its children have a new parent.
    """
    found = {pid: None}
    for process in _existing([pid, *_group_members(pid)]):
        with suppress(psutil.Error):
            found |= dict.fromkeys(one.pid for one in (process, *process.children(recursive=True)))
    return list(found)


def command_of(pid: int) -> str:
    """Command line of a process; empty where there is none."""
    for process in _existing([pid]):
        with suppress(psutil.Error):
            return " ".join(process.cmdline())
    return ""


def terminate(pids: Iterable[int]) -> None:
    """Ask processes to end (SIGTERM; on Windows they end at once)."""
    for process in _existing(pids):
        with suppress(psutil.NoSuchProcess):
            process.terminate()


def kill(pids: Iterable[int]) -> None:
    """End processes at once (SIGKILL)."""
    for process in _existing(pids):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def wait_until_gone(pids: list[int], timeout_s: float) -> bool:
    """Wait until none of these processes runs; returns whether that came true in time.

    Args:
        pids: Their numbers.
        timeout_s: Longest time to wait, in seconds.
    """
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if not alive(pids):
            return True
        time.sleep(0.1)
    return False


def alive(pids: Iterable[int]) -> bool:
    """Whether any of these processes runs; zombies do not count."""
    return any(_is_running(process) for process in _existing(pids))


def _existing(pids: Iterable[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            yield psutil.Process(pid)


def _is_running(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _group_members(group: int) -> Iterator[int]:
    if not hasattr(os, "getpgid"):  # Windows has no process groups
        return
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == group:
                yield pid
