"""Every file of the corpus is read rightly, or refused with its cause."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from detectlab import load_detector
from detectlab.model_import.add import add

_spec = importlib.util.spec_from_file_location("corpus", Path(__file__).with_name("corpus.py"))
assert _spec is not None
assert _spec.loader is not None
corpus = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(corpus)

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    file = tmp_path / "colours.names"
    file.write_text("\n".join(corpus.COLOURS))
    return file


def test_corpus_has_at_least_40_files() -> None:
    assert len(corpus.RIGHT) + len(corpus.WRONG) >= 40


@pytest.mark.parametrize("name", corpus.RIGHT)
def test_right_file_is_recognised_and_finds_what_is_there(name, home, labels, paint, tmp_path):
    decoder, make = corpus.RIGHT[name]
    file = tmp_path / f"{name}.onnx"
    file.write_bytes(make())
    card = add("mine", [file], labels, settings=home)
    assert card.decoder == decoder
    # A cell of 64 pixels: whole cells of every stride are in it.
    picture = paint((320, 320), ("red", 64, 64, 128, 128), ("blue", 192, 192, 256, 256))
    found = load_detector("mine", settings=home).detect(picture, 0.4)
    assert set(found.labels) == {"red", "blue"}
    for xyxy, label in zip(found.xyxy, found.labels, strict=True):
        centre = (xyxy[:2] + xyxy[2:]) / 2
        low, high = (64, 128) if label == "red" else (192, 256)
        assert ((centre > low - 17) & (centre < high + 17)).all(), (label, xyxy)
    assert np.ptp(found.xyxy[:, 0]) > 64


@pytest.mark.parametrize("name", corpus.WRONG)
def test_wrong_file_is_refused_with_its_cause(name, home, labels, tmp_path):
    refusal, make = corpus.WRONG[name]
    file = tmp_path / f"{name}.onnx"
    file.write_bytes(make())
    with pytest.raises(ValueError, match=refusal) as caught:
        add("mine", [file], labels, settings=home)
    assert file.name in str(caught.value)
    assert not (home.home / "own" / "mine").exists()
