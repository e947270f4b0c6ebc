"""The balancer of a cluster, run by a real nginx in front of two real servers."""

import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from testing import free_ports, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx (Debian: nginx-light)"),
]


def configure(shipped: str, folder: Path, port: int, nodes: list[int]) -> None:
    for ours, theirs in (
        ("listen 127.0.0.1:8080;", f"listen 127.0.0.1:{port};"),
        ("server 127.0.0.1:8001 ", f"server 127.0.0.1:{nodes[0]} "),
        ("server 127.0.0.1:8002 ", f"server 127.0.0.1:{nodes[1]} "),
    ):
        assert shipped.count(ours) == 1, ours
        shipped = shipped.replace(ours, theirs)
    (folder / "detectlab.conf").write_text(shipped)


def test_node_that_dies_fails_no_request_behind_the_balancer(
    run_server: Any,
    make_network: Callable[..., tuple[Path, Path]],
    root: Path,
    tmp_path: Path,
    jpeg: bytes,
    write_nginx_main: Callable[[Path], Path],
) -> None:
    networks = {"tiny": (*make_network(5), 64)}
    shipped = (root / "deploy" / "ray" / "nginx.conf").read_text()
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"

    def ask() -> int:
        return requests.post(f"{url}/predict", files={"file": jpeg}, timeout=60).status_code

    with ExitStack() as stack:
        nodes = [stack.enter_context(run_server(networks)) for _ in range(2)]
        configure(shipped, tmp_path, port, [node.port for node in nodes])
        config = write_nginx_main(tmp_path)
        process = stack.enter_context(
            subprocess.Popen(["nginx", "-e", tmp_path / "error.log", "-c", config])
        )
        stack.callback(process.terminate)
        wait_until(lambda: _answers(url) or process.poll() is not None, "nginx")
        assert process.poll() is None, (tmp_path / "error.log").read_text()

        assert [ask() for _ in range(10)] == [200] * 10
        nodes[0].process.kill()
        assert [ask() for _ in range(20)] == [200] * 20
        assert requests.get(f"{url}/rollout", timeout=60).status_code == 404
        nodes[1].process.kill()
        nodes[1].process.wait()
        nobody = requests.post(f"{url}/predict", files={"file": jpeg}, timeout=60)
        assert (nobody.status_code, nobody.headers["Retry-After"]) == (503, "5")
        assert "not there now" in nobody.json()["detail"]


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).ok
    except requests.ConnectionError:
        return False
