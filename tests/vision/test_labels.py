"""Label files: what they say, and what is wrong with them."""

import numpy as np
import pytest

from detectlab.vision.labels import known_classes, label_file, read_boxes, read_labels


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "classes.txt").write_text("apple\norange\n")
    return tmp_path


def test_label_file_is_found_beside_the_picture_before_its_folder_of_labels(folder):
    picture = folder / "bowl.jpg"
    assert label_file(picture) is None

    (folder / "labels").mkdir()
    (folder / "labels" / "bowl.txt").touch()
    assert label_file(picture) == folder / "labels" / "bowl.txt"

    (folder / "bowl.txt").touch()
    assert label_file(picture) == folder / "bowl.txt"


def test_label_file_in_a_named_folder_is_not_looked_for_elsewhere(folder):
    (folder / "bowl.txt").touch()

    assert label_file(folder / "bowl.jpg", folder / "other") is None


def test_read_labels_gives_corners_and_names(folder):
    (folder / "bowl.txt").write_text("1 0.5 0.5 0.2 0.4\n\n-1 0.1 0.1 0.4 0.2\n")

    labels = read_labels(folder / "bowl.txt")

    assert labels.names == ("orange", None)
    np.testing.assert_allclose(labels.xyxy, [[0.4, 0.3, 0.6, 0.7], [0, 0, 0.3, 0.2]], atol=1e-6)
    assert known_classes([labels, labels]) == ("orange",)
    assert list(labels.objects((10, 20))) == [([4, 6, 6, 14], "orange", 1.0)]


def test_read_labels_of_an_empty_file_needs_no_classes(tmp_path):
    (tmp_path / "bowl.txt").touch()

    assert read_labels(tmp_path / "bowl.txt").names == ()


def test_read_labels_takes_classes_of_the_folder_above(folder):
    (folder / "bowls").mkdir()
    (folder / "bowls" / "bowl.txt").write_text("0 0.5 0.5 0.2 0.4\n")

    assert read_labels(folder / "bowls" / "bowl.txt").names == ("apple",)


def test_read_boxes_of_a_missing_file_has_none(tmp_path):
    assert read_boxes(tmp_path / "bowl.txt").shape == (0, 5)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("0 0.5 0.5 0.2", id="too-few"),
        pytest.param("0 0.5 0.5 0.2 0.4 0.9", id="too-many"),
        pytest.param("apple 0.5 0.5 0.2 0.4", id="name"),
        pytest.param("0.5 0.5 0.5 0.2 0.4", id="class-with-a-point"),
        pytest.param("0 320 240 100 100", id="pixels"),
        pytest.param("0 nan 0.5 0.2 0.4", id="nan"),
    ],
)
def test_read_boxes_of_a_wrong_line_says_where_and_what(folder, line):
    (folder / "bowl.txt").write_text(f"0 0.5 0.5 0.2 0.4\n{line}\n")

    with pytest.raises(ValueError, match=r"bowl.txt, line 2, must hold `class x_centre") as error:
        read_boxes(folder / "bowl.txt")
    assert repr(line) in str(error.value)


def test_read_boxes_of_a_binary_file_says_so(tmp_path):
    (tmp_path / "bowl.txt").write_bytes(b"\xff\xfe\x00\x80")

    with pytest.raises(ValueError, match="must be a text file in UTF-8"):
        read_boxes(tmp_path / "bowl.txt")


@pytest.mark.parametrize("number", [pytest.param(2, id="above"), pytest.param(-2, id="below")])
def test_read_labels_with_a_class_outside_the_list_says_so(folder, number):
    (folder / "bowl.txt").write_text(f"{number} 0.5 0.5 0.2 0.4\n")

    with pytest.raises(ValueError, match=rf"contains the class {number}; classes.txt has 2 lines"):
        read_labels(folder / "bowl.txt")


def test_read_labels_without_classes_says_what_is_missing(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "bowl.txt").write_text("0 0.5 0.5 0.2 0.4\n")

    with pytest.raises(ValueError, match=r"Add a classes.txt to .* or its parent"):
        read_labels(tmp_path / "deep" / "bowl.txt")


def test_labels_of_our_own_pictures_cover_each_of_them(root):
    pictures = sorted((root / "images").glob("*.jpg"))
    files = {picture.stem: label_file(picture) for picture in pictures}
    labels = {name: read_labels(file) for name, file in files.items() if file}

    assert {name: labels[name].names for name in ("apple", "none", "oranges")} == {
        "apple": ("apple",),
        "none": (),
        "oranges": ("orange",) * 3,
    }
    assert set(known_classes(labels.values())) == {"apple", "orange", "banana", "clock", "car"}
