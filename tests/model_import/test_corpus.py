"""Every file of the corpus is read rightly, or refused with its cause."""

from pathlib import Path

import numpy as np
import onnx_corpus as corpus
import onnx_families as families
import pytest

from detectlab import load_detector
from detectlab.engines import available
from detectlab.model_import.add import add

pytestmark = pytest.mark.filterwarnings("error")
RIGHT, WRONG = corpus.RIGHT | families.RIGHT, corpus.WRONG | families.WRONG


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    file = tmp_path / "colours.names"
    file.write_text("\n".join(corpus.COLOURS))
    return file


def test_corpus_has_at_least_40_files() -> None:
    assert len(RIGHT) + len(WRONG) >= 80


@pytest.mark.parametrize("name", RIGHT)
def test_right_file_is_recognised_and_finds_what_is_there(name, home, labels, paint, tmp_path):
    engine = families.ONE_ENGINE.get(name, home.engine)
    if engine != "auto" and engine not in available():
        pytest.skip(f"needs {engine}")
    settings = home.model_copy(update={"engine": engine})
    decoder, make = RIGHT[name]
    file = tmp_path / f"{name}.onnx"
    file.write_bytes(make())
    card = add("mine", [file], labels, settings=settings)
    assert card.decoder == decoder
    # A cell of 64 pixels: whole cells of every stride are in it.
    picture = paint((320, 320), ("red", 64, 64, 128, 128), ("blue", 192, 192, 256, 256))
    found = load_detector("mine", settings=settings).detect(picture, 0.4)
    assert set(found.labels) == {"red", "blue"}
    for xyxy, label in zip(found.xyxy, found.labels, strict=True):
        centre = (xyxy[:2] + xyxy[2:]) / 2
        low, high = (64, 128) if label == "red" else (192, 256)
        assert ((centre > low - 17) & (centre < high + 17)).all(), (label, xyxy)
    assert np.ptp(found.xyxy[:, 0]) > 64


@pytest.mark.parametrize("name", WRONG)
def test_wrong_file_is_refused_with_its_cause(name, home, labels, tmp_path):
    refusal, make = WRONG[name]
    file = tmp_path / f"{name}.onnx"
    file.write_bytes(make())
    with pytest.raises(ValueError, match=refusal) as caught:
        add("mine", [file], labels, settings=home)
    assert file.name in str(caught.value)
    assert not (home.home / "own" / "mine").exists()
