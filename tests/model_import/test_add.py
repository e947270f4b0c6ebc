"""Adding detectors to a cache, removing them, and finding with them."""

import os
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from detectlab import load_detector
from detectlab.engines import available
from detectlab.model_import.add import add, remove
from detectlab.models.atomic_files import WeightsError
from detectlab.models.files import WeightsError as PublicError
from detectlab.models.files import ensure, is_present, verify
from detectlab.models.registry import registry
from detectlab.settings import Settings


def objects(found):
    return sorted(
        (label, *np.round(corners, 2).tolist(), round(float(confidence), 2))
        for label, corners, confidence in zip(
            found.labels, found.xyxy, found.confidence, strict=True
        )
    )


@pytest.mark.parametrize("engine", available())
@pytest.mark.parametrize(
    ("layout", "certainty"), [("yolov5", 0.8), ("yolov8", 1.0)], ids=["yolov5", "yolov8"]
)
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param({}, id="plain"),
        pytest.param({"open_size": True, "imgsz": "[320, 320]"}, id="open size"),
        pytest.param({"half": True}, id="half"),
    ],
)
def test_added_onnx_detector_finds_what_is_in_the_picture(
    make_onnx, home, paint, engine, layout, certainty, kind
):
    add("mine", [make_onnx(layout=layout, **kind)], settings=home)
    detector = load_detector("mine", engine, settings=home)
    # Twice as wide as high: in the input it lies from row 80 on, so cells begin at 16, 48, ...
    picture = paint((320, 160), ("red", 32, 16, 96, 48), ("blue", 288, 112, 320, 144))
    assert objects(detector.detect(picture, 0.7, 0.3)) == [
        ("blue", 288, 112, 320, 144, pytest.approx(certainty, abs=0.01)),
        ("red", 32, 16, 64, 48, pytest.approx(certainty, abs=0.01)),
        ("red", 64, 16, 96, 48, pytest.approx(certainty, abs=0.01)),
    ]


@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
@pytest.mark.parametrize(
    "size_wh",
    [(1, 1), (1, 500), (500, 1), (321, 17), (33, 700), (4000, 3000), (319, 320), (97, 101)],
    ids=str,
)
def test_added_onnx_detector_with_pictures_of_odd_shapes_gives_its_cells_in_them(
    make_onnx, home, paint, layout, size_wh
):
    add("mine", [make_onnx(layout=layout)], settings=home)
    found = load_detector("mine", settings=home).detect(
        paint(size_wh, ("green", 0, 0, *size_wh)), 0.0
    )
    width, height = size_wh
    gain = 320 / max(size_wh)
    left, top = (320 - width * gain) / 2, (320 - height * gain) / 2
    assert set(found.labels) == {"green"}
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= [width, height, width, height]).all()
    # Those of cells that are wholly green; rounding the fitted picture moves them a little.
    sure = found[found.confidence > 0.79]
    cells = ((sure.xyxy[:, :2] * gain + (left, top)) / 32).round()
    begin = np.maximum((cells * 32 - (left, top)) / gain, 0)
    end = np.minimum(((cells + 1) * 32 - (left, top)) / gain, size_wh)
    assert np.abs(sure.xyxy - np.hstack([begin, end])).max(initial=0) <= max(1, 1.5 / gain)
    assert len(sure) >= (max(0, width * gain // 32 - 1) * max(0, height * gain // 32 - 1))


def test_added_onnx_detector_whose_input_is_no_square_finds_the_same(make_onnx, home, paint):
    card = add("wide", [make_onnx(size_wh=(320, 160))], settings=home)
    assert card.input_size_wh == (320, 160)
    found = load_detector("wide", settings=home).detect(
        paint((640, 320), ("red", 64, 64, 128, 128))
    )
    assert objects(found) == [("red", 64, 64, 128, 128, pytest.approx(1, abs=0.01))]


def test_added_detector_has_a_card_with_checksums_and_what_was_changed(make_onnx, home):
    card = add("mine", [make_onnx(half=True, license="MIT")], settings=home)
    assert registry(home)["mine"] == card
    assert (card.decoder, card.classes) == ("yolov8", ("red", "green", "blue"))
    assert (card.licence, card.own) == ("MIT", True)
    assert card.description == (
        "Added from cells.onnx (float16 made float32; shapes computed ahead)."
    )
    assert verify("mine", home) == {"mine.onnx": "ok"}
    assert is_present("mine", home)
    assert registry(Settings(home=home.home / "other")).keys() == registry().keys()


def test_added_darknet_pair_gives_the_numbers_of_its_files(make_network, home, tmp_path, paint):
    config, weights = make_network(3)
    labels = tmp_path / "my.names"
    labels.write_text("a\nb\nc\n\n")
    card = add("pair", [weights, config], labels, settings=home)
    assert (card.decoder, card.classes, card.input_size) == ("darknet", ("a", "b", "c"), 64)
    assert verify("pair", home) == {"pair.cfg": "ok", "pair.weights": "ok"}
    picture = paint((90, 70), ("red", 10, 10, 50, 50))
    assert len(load_detector("pair", settings=home).detect(picture, 0.0)) > 0
    assert load_detector("pair", input_size=96, settings=home).detect(picture) is not None


def test_added_detector_takes_labels_over_the_names_in_the_file(make_onnx, home, tmp_path):
    labels = tmp_path / "my.names"
    labels.write_bytes("\ufeffréd\ngreen\nblue".encode())
    assert add("mine", [make_onnx()], labels, settings=home).classes == ("réd", "green", "blue")


def test_add_under_the_name_of_one_that_waits_for_an_export_fills_it(make_onnx, home):
    with pytest.raises(PublicError, match=r'pip install "detectlab\[yolov5\]".*models add yolov5s'):
        ensure("yolov5s", home)
    card = add("yolov5s", [make_onnx(layout="yolov5")], settings=home)
    assert (card.licence, card.decoder) == ("not said", "yolov5")
    assert ensure("yolov5s", home).weights.is_file()
    remove("yolov5s", home)
    assert not is_present("yolov5s", home)


def test_remove_makes_the_name_free_and_leaves_nothing(make_onnx, home):
    add("mine", [make_onnx()], settings=home)
    with pytest.raises(ValueError, match="taken: `detectlab models remove mine` makes it free"):
        add("mine", [make_onnx()], settings=home)
    remove("mine", home)
    assert os.listdir(home.home / "own") == []
    assert "mine" not in registry(home)
    add("mine", [make_onnx(layout="yolov5")], settings=home)
    assert registry(home)["mine"].decoder == "yolov5"


@pytest.mark.parametrize("name", ["nano", "mine"])
def test_remove_of_what_was_not_added_raises_value_error(home, name):
    with pytest.raises(ValueError, match=f"that was added; there are none. Received: '{name}'"):
        remove(name, home)


@pytest.mark.parametrize(
    "name", ["", "../up", "a/b", "Nano", ".hidden", "a b", "ä", "x" * 41, "-x"]
)
def test_add_under_a_name_that_is_not_safe_raises_value_error(make_onnx, home, name):
    with pytest.raises(ValueError, match=r"`name` must begin with a small letter.*Received: "):
        add(name, [make_onnx()], settings=home)
    assert not (home.home / "own").exists()


@pytest.mark.parametrize("name", ["nano", "yolov3-tiny"])
def test_add_under_a_name_of_detectlab_s_own_raises_value_error(make_onnx, home, name):
    with pytest.raises(ValueError, match=f"taken: {name} is one of detectlab's own"):
        add(name, [make_onnx()], settings=home)


@pytest.mark.parametrize(
    "files",
    [
        ["a.onnx", "b.onnx"],
        ["a.cfg"],
        ["a.weights"],
        ["a.cfg", "b.cfg"],
        ["a.pt"],
        ["a.onnx", "b.cfg"],
    ],
    ids=" ".join,
)
def test_add_of_files_that_are_no_detector_names_what_is_taken(home, tmp_path, files):
    message = rf"one \.onnx file, or a \.cfg with its \.weights.*{re.escape(', '.join(files))}"
    with pytest.raises(ValueError, match=message):
        add("mine", [tmp_path / file for file in files], settings=home)


def test_add_of_a_file_that_is_not_there_says_so(home, tmp_path):
    with pytest.raises(ValueError, match=r"there is no file .*a\.onnx"):
        add("mine", [tmp_path / "a.onnx"], settings=home)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (b"red\ngreen\n", r"there are 2 class names, which fits no decoder of .*\(1, 7, 100\)"),
        (b"red\n\nblue\n", "Received for class 2: ''"),
        (b"red\ngreen\x1b[2J\nblue", r"at most 60 signs. Received for class 2: 'green\\x1b"),
        (b"\xff\xfe", "must be text in UTF-8, one class name a line"),
        (b"x" * 61, "at most 60 signs"),
    ],
)
def test_add_with_labels_that_do_not_fit_says_why(make_onnx, home, tmp_path, labels, message):
    (tmp_path / "my.names").write_bytes(labels)
    with pytest.raises(ValueError, match=message):
        add("mine", [make_onnx()], tmp_path / "my.names", settings=home)
    assert os.listdir(home.home / "own") == []
    assert "mine" not in registry(home)


def test_add_without_names_anywhere_asks_for_labels(make_onnx, make_network, home):
    with pytest.raises(
        ValueError, match=r"does not name its classes: `--labels FILE` must name 3 classes"
    ):
        add("mine", [make_onnx(names="")], settings=home)
    with pytest.raises(ValueError, match=r"`--labels FILE` must name 3 classes.*Received: 0"):
        add("mine", make_network(3), settings=home)


def test_add_of_half_a_weights_file_says_that_it_is_cut_off(make_network, home, tmp_path):
    config, weights = make_network(1)
    half = tmp_path / "half.weights"
    half.write_bytes(weights.read_bytes()[:-400])
    (tmp_path / "my.names").write_text("one")
    with pytest.raises(ValueError, match=r"half\.weights ends after .* it is cut off"):
        add("mine", [config, half], tmp_path / "my.names", settings=home)


def test_add_of_scores_that_are_none_says_so(make_onnx, home):
    # Its objectness, and so its scores, exceed 1.
    with pytest.raises(
        ValueError, match=r"as yolov5 .*its scores range from 0 to 1\.8.* instead of 0 to 1"
    ):
        add("mine", [make_onnx(layout="yolov5", objectness=3.0)], settings=home)


def test_add_of_what_the_engine_cannot_run_says_what_helps(make_onnx, home):
    broken = make_onnx(size_wh=(320, 16))  # lower than a cell
    with pytest.raises(
        ValueError, match=r"cannot be run here\. Export it anew as float32.*opset 17"
    ):
        add("mine", [broken], settings=home)


def test_add_into_a_folder_that_cannot_be_written_raises_weights_error(make_onnx, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(WeightsError, match="Cannot write"):
        add("mine", [make_onnx()], settings=Settings(home=tmp_path / "file"))


def test_added_detector_that_was_damaged_is_not_used(make_onnx, home):
    add("mine", [make_onnx()], settings=home)
    file = home.home / "own" / "mine" / "mine.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    assert verify("mine", home) == {"mine.onnx": "wrong"}
    with pytest.raises(WeightsError, match=r"damaged\. `detectlab models remove mine`, then"):
        load_detector("mine", settings=home)


def test_registry_overlooks_cards_that_cannot_be_read(make_onnx, home, caplog):
    card = add("mine", [make_onnx()], settings=home)
    own = home.home / "own"
    shutil.copytree(own / "mine", own / "other")  # its card has another name
    (own / "broken").mkdir()
    (own / "broken" / "card.json").write_text('{"name": "broken"}')
    (own / "empty").mkdir()
    assert [name for name in registry(home) if name not in registry()] == ["mine"]
    assert "broken/card.json cannot be used" in caplog.text
    assert registry(home)["mine"] == replace(card)


def test_loading_an_onnx_detector_with_another_size_raises_value_error(make_onnx, home):
    add("mine", [make_onnx()], settings=home)
    assert load_detector("mine", input_size=320, settings=home)
    with pytest.raises(ValueError, match="`input_size` of mine is fixed in its file: 320 x 320"):
        load_detector("mine", input_size=416, settings=home)


def test_added_detector_as_the_default_is_loaded_without_a_name(make_onnx, home):
    add("mine", [make_onnx()], settings=home)
    assert load_detector(settings=home.model_copy(update={"model": "mine"})).name == "mine"
