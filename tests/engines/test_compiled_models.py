"""Compiled models on disk: used again, bounded, shared by processes, never trusted blindly."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectlab.engines import Network, available, open_engine
from detectlab.engines.compiled_models import CompiledModels

needs_openvino = pytest.mark.skipif("openvino" not in available(), reason="needs OpenVINO")

PICTURE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
LOAD = """
import sys; from pathlib import Path; import numpy as np
from detectlab.engines import Network, open_engine
config, weights, folder = map(Path, sys.argv[1:])
network = Network(weights, config, (64, 64))
engine = open_engine(network, "openvino", cache_folder=folder)
rows = engine.run(np.full((64, 64, 3), 90, np.uint8))["rows"]
print("onnx" in sys.modules, rows.sum())
"""


@pytest.fixture
def network(make_network: Callable[..., tuple[Path, Path]]) -> Network:
    config, weights = make_network()
    return Network(weights, config, (64, 64))


def run(network: Network, folder: Path) -> np.ndarray:
    rows: np.ndarray = open_engine(network, "openvino", cache_folder=folder).run(PICTURE)["rows"]
    return rows


def load_in_process(network: Network, folder: Path) -> "subprocess.Popen[str]":
    assert network.config is not None
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, network.config, network.weights, folder],
        stdout=subprocess.PIPE,
        text=True,
    )


@needs_openvino
def test_second_process_takes_the_compiled_model_without_converting(
    network: Network, tmp_path: Path
) -> None:
    answers = []
    for _ in range(2):
        with load_in_process(network, tmp_path / "compiled") as process:
            answers.append(process.communicate(timeout=120)[0].split())

    (first_converts, first), (second_converts, second) = answers
    assert (first_converts, second_converts) == ("True", "False")
    assert first == second


@needs_openvino
def test_processes_that_load_at_the_same_time_leave_one_complete_file(
    network: Network, tmp_path: Path
) -> None:
    folder = tmp_path / "compiled"
    processes = [load_in_process(network, folder) for _ in range(3)]
    answers = {process.communicate(timeout=120)[0].split()[1] for process in processes}

    assert len(answers) == 1
    (file,) = folder.iterdir()
    assert CompiledModels(folder).read(file.stem) is not None


@needs_openvino
def test_changed_weights_or_preprocessing_do_not_take_an_older_compiled_model(
    network: Network, tmp_path: Path, make_network: Callable[..., tuple[Path, Path]]
) -> None:
    first = run(network, tmp_path / "compiled")
    _, other_weights = make_network(seed=1)
    for changed in (replace(network, weights=other_weights), replace(network, scale=0.001)):
        found = run(changed, tmp_path / "compiled")
        assert not np.allclose(found, first)
        np.testing.assert_array_equal(found, run(changed, tmp_path / "elsewhere"))
    assert len(list((tmp_path / "compiled").iterdir())) == 3


@needs_openvino
@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign"])
def test_damaged_compiled_model_is_compiled_again(
    network: Network, tmp_path: Path, damage: str
) -> None:
    expected = run(network, tmp_path)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        middle = len(content) // 2
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    else:  # whole, and not a model that this version takes
        CompiledModels(tmp_path).write(file.stem, b"of another version")

    np.testing.assert_array_equal(run(network, tmp_path), expected)
    stored = CompiledModels(tmp_path).read(file.stem)
    assert stored
    assert stored.startswith(b'{"inputs"')


@needs_openvino
def test_folder_that_cannot_be_made_does_not_matter(network: Network, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    expected = run(network, tmp_path / "compiled")
    np.testing.assert_array_equal(run(network, tmp_path / "file" / "folder"), expected)


def test_least_recently_used_models_are_deleted_beyond_the_bound(tmp_path: Path) -> None:
    models = CompiledModels(tmp_path, limit_bytes=400)
    for age, key in enumerate("abc"):
        models.write(key, b"x" * 100)
        os.utime(tmp_path / f"{key}.compiled", (1_000_000 + age, 1_000_000 + age))
    assert models.read("a") == b"x" * 100  # and is now the latest
    models.write("d", b"x" * 100)

    assert {file.stem for file in tmp_path.iterdir()} == {"a", "c", "d"}
    assert models.read("b") is None


def test_model_larger_than_the_bound_is_not_stored(tmp_path: Path) -> None:
    CompiledModels(tmp_path, limit_bytes=50).write("a", b"x" * 51)
    assert list(tmp_path.iterdir()) == []
