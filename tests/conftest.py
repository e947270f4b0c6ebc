"""What every layer of tests shares."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

# Stored answers are one engine's; the tests of other engines choose theirs. Commands that tests
# start inherit this.
os.environ.setdefault("DETECTLAB_ENGINE", "opencv")


@pytest.fixture(autouse=True)
def own_logger() -> logging.Logger:
    """The package's logger as an import leaves it: a command in this process sets it up.

    Before each test and not after it, since a command in a thread may set it up late.
    """
    ours = logging.getLogger("detectlab")
    ours.handlers, ours.propagate = [], True
    ours.setLevel(logging.NOTSET)
    return ours


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """Public detectors beside the checkout, where there are any."""
    return _beside("weights")


@pytest.fixture(scope="session")
def shared_photos() -> Path:
    """Labelled photographs beside the checkout, where there are any."""
    return _beside("photos")


def _beside(folder: str) -> Path:
    if not (SHARED / folder).is_dir():
        pytest.skip(f"needs ../shared/{folder} beside the checkout")
    return SHARED / folder


@dataclass
class Front:
    """nginx, as seen from outside."""

    url: str
    plain_url: str
    certificate: Path

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        certificate = str(self.certificate)
        return requests.request(
            method,
            self.url + path,
            verify=certificate,
            timeout=60,
            allow_redirects=False,
            **options,
        )


@pytest.fixture(scope="session")
def make_front() -> Callable[[int, int, Path], Front]:
    """Gives the view from outside of an nginx: its port with TLS, the other one, a certificate."""

    def make(secure: int, plain: int, certificate: Path) -> Front:
        return Front(f"https://127.0.0.1:{secure}", f"http://127.0.0.1:{plain}", certificate)

    return make


@pytest.fixture(scope="session")
def write_nginx_main() -> Callable[[Path], Path]:
    """Writes what nginx needs around the `detectlab.conf` of a folder, and says where."""

    def write(folder: Path) -> Path:
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
        (folder / "nginx.conf").write_text(
            f"user root;\npid {folder}/pid;\ndaemon off;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{temporary}include {folder}/detectlab.conf;\n}}\n"
        )
        return folder / "nginx.conf"

    return write


@pytest.fixture(scope="session")
def make_network(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Path]]:
    """Makes small Darknet networks with random weights, each seed another one."""

    def make(classes: int = 5, seed: int = 0) -> tuple[Path, Path]:
        folder = tmp_path_factory.mktemp("network")
        rng = np.random.default_rng(seed)
        layers, numbers, channels = ["[net]\nwidth=64\nheight=64\nchannels=3\n"], [], 3
        for filters, stride in ((8, 4), (16, 4), (16, 2), (3 * (5 + classes), 1)):
            last = stride == 1
            size = 1 if last else stride + 1
            layers.append(
                f"[convolutional]\nfilters={filters}\nsize={size}\nstride={stride}\npad=1\n"
                f"activation={'linear' if last else 'leaky'}\n"
            )
            spread = 1.0 if last else (2.0 / (channels * size * size)) ** 0.5
            numbers.append(rng.normal(0, 0.5, filters))
            numbers.append(rng.normal(0, spread, filters * channels * size * size))
            channels = filters
        layers.append(f"[yolo]\nmask=0,1,2\nanchors=8,8, 24,24, 48,48\nclasses={classes}\nnum=3\n")
        config, weights = folder / "random.cfg", folder / "random.weights"
        config.write_text("\n".join(layers))
        header = np.array([0, 2, 5, 0, 0], np.int32)
        weights.write_bytes(header.tobytes() + np.concatenate(numbers).astype("<f4").tobytes())
        return config, weights

    return make
