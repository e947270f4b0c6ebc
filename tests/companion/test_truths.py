"""Labels of chosen pictures, and how detections agree with them."""

from detectlab.client import Detection
from truths import Score, labels_among, score, total


def detection(name: str, x_min: int) -> Detection:
    return Detection(
        x_min=x_min, y_min=0, x_max=x_min + 20, y_max=20, class_name=name, confidence=0.9
    )


def test_labels_are_read_from_the_text_files_among_the_chosen() -> None:
    truths, problems = labels_among(
        {"a.txt": b"1 0.1 0.1 0.2 0.2\n", "classes.txt": b"pear\napple\n", "b.txt": b"what\n"}
    )

    assert truths["a"].names == ("apple",)
    assert "b" not in truths
    assert len(problems) == 1
    assert problems[0].startswith("b.txt, line 1, must hold `class x_centre")


def test_labels_without_their_classes_say_what_to_add() -> None:
    _, problems = labels_among({"a.txt": b"0 0.5 0.5 0.2 0.2\n"})

    assert problems[0].startswith("Add a classes.txt to the files")


def test_score_counts_hits_and_detections_without_a_label() -> None:
    truths, _ = labels_among(
        {"a.txt": b"0 0.1 0.1 0.2 0.2\n0 0.9 0.9 0.2 0.2\n", "classes.txt": b"apple\n"}
    )

    found = [detection("apple", 1), detection("pear", 1), detection("apple", 60)]

    assert score(found, truths["a"], (100, 100)) == Score(hits=1, labelled=2, extra=2)
    assert total([Score(1, 2, 2), Score(0, 1, 0)]) == Score(1, 3, 2)
    assert str(Score(1, 3, 2)) == "1 of 3 labelled objects found, 2 not labelled"
