"""Comparing detectors: figures, table, drawings, and what can be wrong."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from testing import pixels_of

from detectlab.compare import (
    ComparisonTable,
    Contender,
    Row,
    compare_detectors,
    draw_contact_sheet,
    most_different,
)
from detectlab.compare.plot import draw_plot, save_plot
from detectlab.compare.scoring import Verdict, score_against_labels, score_against_reference
from detectlab.vision.colours import class_colour
from detectlab.vision.detections import Detections
from detectlab.vision.labels import Labels

NAMES = ("apple", "orange", "banana")
SIZE_WH = (200, 100)


def found(*objects, names=NAMES):
    """Detections from (label, confidence, corners)."""
    if not objects:
        return Detections.empty(names)
    labels, confidence, xyxy = zip(*objects, strict=True)
    return Detections(
        np.array(xyxy), np.array(confidence), np.array([names.index(n) for n in labels]), names
    )


def there(*objects):
    """Labels from (name, corners in pixels of a picture of 200 x 100)."""
    corners = np.array([xyxy for _, xyxy in objects], np.float32).reshape(-1, 4)
    return Labels(corners / np.array([200, 100, 200, 100]), tuple(name for name, _ in objects))


def row(name, answers, score=0.5, times_ms=(10.0, 20.0, 30.0), memory_bytes=2_000_000):
    return Row(
        contender=Contender.parse(name),
        known_classes=5,
        verdict=Verdict(score, {}),
        objects=sum(map(len, answers)),
        times_ms=times_ms,
        file_bytes=1_500_000,
        memory_bytes=memory_bytes,
        answers=tuple(answers),
    )


@pytest.fixture
def picture(tmp_path):
    """A grey picture of 200 x 100."""
    file = tmp_path / "grey.png"
    cv2.imwrite(str(file), np.full((100, 200, 3), 127, np.uint8))
    return file


@pytest.fixture
def comparison(picture):
    """Two detectors, of which one sees the apple in the second of two pictures."""
    box = [20, 20, 60, 60]
    sees = [found(), found(("apple", 0.9, box))]
    return ComparisonTable(
        rows=(row("nano@416", sees, 0.75), row("nano", [found(), found()], memory_bytes=None)),
        classes=("apple", "orange"),
        pictures=(picture, picture),
        confidence=0.5,
        labels=(there(), there(("apple", box), ("banana", box), (None, box))),
        reference=None,
        unlabelled=1,
    )


def test_score_against_labels_averages_the_classes_that_count():
    # Apples: right at 0.9, one of two. Oranges: wrong first, then right. Bananas do not count.
    answers = [
        found(("apple", 0.9, [0, 0, 20, 20]), ("orange", 0.8, [100, 50, 120, 70])),
        found(("orange", 0.4, [0, 0, 40, 40]), ("banana", 0.9, [0, 0, 5, 5])),
    ]
    labels = [
        there(("apple", [0, 0, 20, 20]), ("apple", [60, 60, 80, 80])),
        there(("orange", [0, 0, 40, 40]), ("banana", [60, 60, 80, 80])),
    ]

    verdict = score_against_labels(
        answers, labels, sizes_wh=[SIZE_WH] * 2, classes=("apple", "orange")
    )

    assert verdict.per_class == {"apple": pytest.approx(0.5), "orange": pytest.approx(0.5)}
    assert verdict.score == pytest.approx(0.5)


def test_score_against_labels_leaves_out_ignored_regions():
    answers = [found(("apple", 0.9, [0, 0, 20, 20]), ("apple", 0.5, [60, 60, 80, 80]))]
    labels = [there((None, [0, 0, 20, 20]), ("apple", [60, 60, 80, 80]))]

    assert score_against_labels(
        answers, labels, sizes_wh=[SIZE_WH], classes=("apple",)
    ).score == pytest.approx(1.0)


def test_score_against_reference_is_the_f1_of_same_class_and_place():
    box, other = [0, 0, 20, 20], [60, 60, 80, 80]
    # In common: the apple. Only here: an orange. Only there: two. So 2 x 1 of 2 + 3 objects.
    answers = [found(("apple", 0.9, box), ("orange", 0.8, other)), found()]
    reference = [
        found(("apple", 0.6, box), ("apple", 0.8, other)),
        found(("apple", 0.7, box)),
    ]

    assert score_against_reference(answers, reference, NAMES).score == pytest.approx(2 / 5)


def test_score_against_reference_looks_at_the_classes_that_count():
    box = [0, 0, 20, 20]
    names = ("cup", "apple")
    answers = [found(("apple", 0.9, box))]
    reference = [found(("apple", 0.9, box), ("cup", 0.9, [60, 60, 80, 80]), names=names)]

    assert score_against_reference(answers, reference, ("apple",)).score == 1.0


def test_score_against_reference_without_objects_is_full_agreement():
    assert score_against_reference([found()], [found()], NAMES).score == 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("nano", Contender("nano"), id="name"),
        pytest.param(" nano@416 ", Contender("nano", 416), id="with-size"),
    ],
)
def test_contender_parse_gives(text, expected):
    assert Contender.parse(text) == expected
    assert expected.name == text.strip()


@pytest.mark.parametrize("text", ["nano@", "nano@big", "nano@0", "nano@100", "nano@-32"])
def test_contender_parse_with_a_wrong_size_says_what_is_right(text):
    with pytest.raises(ValueError, match="after @ comes the input size, a multiple of 32"):
        Contender.parse(text)


def test_contender_parse_of_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"`model` must be one of nano, .*Received: 'micro@320'"):
        Contender.parse("micro@320")


def test_comparison_table_says_what_counted_and_what_it_cost(comparison):
    lines = comparison.as_text().splitlines()

    title = "AP50 over apple, orange: 1 object in 2 pictures (1 without labels count as empty)"
    assert lines[0] == title
    assert lines[1].split("  ")[0] == "detector"
    assert " ".join(lines[2].split()) == "nano@416 416 5 0.750 1 20.0 (12.0 to 28.0) 1.5 2"
    assert lines[3].split()[-1] == "?"


def test_draw_contact_sheet_shows_the_truth_and_every_detector(comparison):
    drawn = draw_contact_sheet(comparison, 1, tile_width=100, columns=3)

    assert drawn.shape == (30 + 50 + 30, 3 * 100 + 2 * 8, 3)
    tiles = [drawn[30:80, left : left + 100] for left in (0, 108, 216)]
    changed = [bool((tile != 127).any()) for tile in tiles]
    assert changed == [True, True, False]


def test_draw_contact_sheet_of_small_tiles_has_a_legend_instead_of_labels(comparison):
    small = draw_contact_sheet(comparison, 1, tile_width=200, columns=3)
    large = draw_contact_sheet(comparison, 1, tile_width=400, columns=3)

    legend = small[-22:].reshape(-1, 3)
    assert (legend == class_colour("apple")[::-1]).all(axis=1).any()
    assert large.shape[0] == 30 + 200


def test_most_different_comes_first(comparison):
    assert most_different(comparison, 2) == [1, 0]
    assert most_different(comparison, 1) == [1]


def test_save_plot_writes_a_picture(comparison, tmp_path):
    pytest.importorskip("matplotlib")
    save_plot(comparison, tmp_path / "plot.png")

    assert pixels_of(tmp_path / "plot.png").std() > 10


@pytest.mark.parametrize(
    "times",
    [
        pytest.param((10.0, 10.2, 10.1, 10.3, 10.2), id="the-same"),
        pytest.param((2.0, 2.1, 10.0, 10.5, 70.0), id="wide"),
    ],
)
def test_plot_of_five_detectors_has_names_that_do_not_overlap(comparison, times):
    figure = pytest.importorskip("matplotlib.figure").Figure(
        figsize=(7, 4.2), dpi=130, layout="constrained"
    )
    axes = figure.add_subplot()
    rows = [
        replace(comparison.rows[0], contender=Contender("nano", 32 * side), times_ms=(ms,) * 3)
        for side, ms in zip((3, 5, 7, 13, 19), times, strict=True)
    ]

    draw_plot(replace(comparison, rows=tuple(rows)), axes)
    figure.draw_without_rendering()

    names = [text.get_window_extent() for text in axes.texts]
    assert {text.get_text() for text in axes.texts} == {row.name for row in rows}
    for place, name in enumerate(names):
        assert not any(name.overlaps(other) for other in names[:place])
        assert axes.bbox.ymin < name.ymin < name.ymax < axes.bbox.ymax


def test_compare_with_labels_gives_ap50_of_real_detectors(root):
    pictures = [root / "images" / f"{name}.jpg" for name in ("apple", "oranges", "none")]

    result = compare_detectors(pictures, ["nano", "nano@224", "nano"], progress=False)

    assert [r.name for r in result.rows] == ["nano", "nano@224"]
    assert result.measure == "AP50"
    assert result.classes == ("orange", "apple")
    assert result["nano"].score > 0.9
    assert len(result["nano"].times_ms) == 21
    assert result["nano"].file_bytes == result["nano@224"].file_bytes > 1e6
    if Path("/proc/self/statm").exists():
        assert 1e6 < (result["nano"].memory_bytes or 0) < 1e9
    json.dumps(result.as_json())


def test_compare_without_labels_gives_agreement_with_the_largest(root, tmp_path):
    copy = tmp_path / "oranges.jpg"
    copy.write_bytes((root / "images/oranges.jpg").read_bytes())

    result = compare_detectors([copy], ["nano@224", "nano"], progress=False)

    assert (result.measure, result.reference) == ("agreement", "nano")
    assert result["nano"].score == 1.0
    assert result.title == (
        "Agreement with nano, the largest, over apple, orange, banana, clock, car: 1 picture"
    )
    assert "reference" in result.as_text()


def test_compare_of_no_picture_says_so():
    with pytest.raises(ValueError, match="`pictures` must name at least one picture"):
        compare_detectors([], ["nano"])


def test_compare_of_no_detector_says_so(picture):
    with pytest.raises(ValueError, match="`contenders` must name at least one detector"):
        compare_detectors([picture], [])


def test_compare_with_a_labels_folder_that_is_none_says_so(picture, tmp_path):
    with pytest.raises(ValueError, match="`labels` must be a folder of label files"):
        compare_detectors([picture], ["nano"], labels=tmp_path / "missing")


def test_compare_with_labels_of_other_pictures_says_so(picture, root):
    with pytest.raises(ValueError, match="has no label file for any of the pictures"):
        compare_detectors([picture], ["nano"], labels=root / "images" / "labels")


@pytest.mark.parametrize(
    ("label", "named"),
    [
        pytest.param("0 0.5 0.5 0.2 0.2\n", "teapot", id="other"),
        pytest.param("", "empty pictures", id="no"),
    ],
)
def test_compare_with_labels_that_no_detector_knows_says_so(picture, label, named):
    (picture.parent / "classes.txt").write_text("teapot\n")
    picture.with_suffix(".txt").write_text(label)

    with pytest.raises(ValueError, match=rf"no object of a class that all .* only {named}"):
        compare_detectors([picture], ["nano"])


def test_compare_with_a_broken_label_file_names_it(picture):
    picture.with_suffix(".txt").write_text("an apple")

    with pytest.raises(ValueError, match=r"grey.txt, line 1, must hold `class x_centre"):
        compare_detectors([picture], ["nano"])
