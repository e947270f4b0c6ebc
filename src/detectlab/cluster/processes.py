"""Processes and ports of this machine, by their numbers."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path


def python_for_ray(folder: Path) -> str:
    """This environment's Python, through a link in `folder` where its own path has spaces.

    Ray splits commands and names of libraries at spaces, and starts nothing then.
    """
    if " " not in sys.prefix:
        return sys.executable
    link = folder / "environment"
    if not link.is_symlink():
        link.symlink_to(sys.prefix)
    return str(link / Path(sys.executable).relative_to(sys.prefix))


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses at the moment, each another one."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def descendants(pid: int) -> list[int]:
    """A process, all that descend from it, and what is left of its group when it has ended."""
    shown = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,pgid="], capture_output=True, text=True, check=True
    )
    rows = [tuple(map(int, line.split())) for line in shown.stdout.splitlines()]

    def below(parent: int) -> Iterator[int]:
        for one, its_parent, _ in rows:
            if its_parent == parent:
                yield one
                yield from below(one)

    heads = [pid, *(one for one, _, group in rows if group == pid)]
    return list(dict.fromkeys(each for head in heads for each in (head, *below(head))))


def command_of(pid: int) -> str:
    """What a process was started with; empty where there is none."""
    shown = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout


def send(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to those of these processes that are still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def wait_until_gone(pids: list[int], seconds: float) -> bool:
    """Wait until none of these processes runs, at most so long; whether that became true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not alive(pids):
            return True
        time.sleep(0.1)
    return False


def alive(pids: list[int]) -> bool:
    """Whether any of these processes runs; one that nobody buried yet does not."""
    shown = subprocess.run(
        ["ps", "-o", "stat=", "-p", ",".join(map(str, pids))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return any(state[0] != "Z" for state in shown.stdout.split())
