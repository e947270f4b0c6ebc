"""The folder of pictures that a person labels."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from label_files import LabelFolder


@pytest.fixture
def folder(tmp_path: Path) -> LabelFolder:
    """Two pictures, of which one has labels."""
    (tmp_path / "classes.txt").write_text("apple\norange\n")
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "b.txt").write_text("-1 0.5 0.5 0.5 0.5\n")
    return LabelFolder.open(tmp_path)


def test_boxes_are_read_as_they_were_saved(folder: LabelFolder) -> None:
    boxes = [[1, 0.125, 0.25, 0.5, 0.75], [0, 0.0, 0.0, 1.0, 1.0]]
    assert folder.labelled == 1

    folder.save("a.jpg", boxes)

    assert folder.labelled == 2
    assert folder.read("a.jpg") == boxes
    assert folder.read("b.png") == [[-1, 0.25, 0.25, 0.75, 0.75]]
    folder.save("a.jpg", [])
    assert folder.is_labelled("a.jpg")
    assert folder.read("a.jpg") == []


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        pytest.param([[0, 0.5, 0.5, 1.2, 0.9]], "must lie inside its picture", id="outside"),
        pytest.param([[0, 0.5, 0.5, 0.5, 0.9]], "have a width and a height", id="empty"),
        pytest.param([[2, 0.1, 0.1, 0.5, 0.9]], "must be one of apple, orange", id="class"),
        pytest.param([[0, float("nan"), 0, 1, 1]], "must lie inside its picture", id="nan"),
    ],
)
def test_impossible_box_is_refused_and_the_older_file_stays(
    folder: LabelFolder, boxes: list[list[float]], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        folder.save("b.png", boxes)

    assert len(folder.read("b.png")) == 1


def test_label_file_with_an_unknown_class_names_it(folder: LabelFolder) -> None:
    (folder.path / "a.txt").write_text("5 0.5 0.5 0.1 0.1\n")

    with pytest.raises(ValueError, match=r"a\.txt contains the class 5; classes\.txt has 2 lines"):
        folder.read("a.jpg")


def test_full_disk_is_told_and_the_older_file_stays(
    folder: LabelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(ValueError, match=r"b\.txt was not saved: No space left on device\."):
        folder.save("b.png", [])

    assert len(folder.read("b.png")) == 1
    assert {path.name for path in folder.path.iterdir()} == {
        "classes.txt",
        "a.jpg",
        "b.png",
        "b.txt",
    }


def test_process_that_is_killed_while_it_saves_leaves_a_whole_file(
    folder: LabelFolder, companion: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from label_files import LabelFolder\n"
        "folder, n = LabelFolder.open(Path(sys.argv[1])), 0\n"
        "while True:\n"
        "    folder.save('b.png', [[n % 2, 0, 0, 1, 1]] * 500); n += 1\n"
        "    print(n, flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(folder.path)]
    for saves in (1, 3, 8):
        with subprocess.Popen(command, cwd=companion, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(saves):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        boxes = folder.read("b.png")
        assert len(boxes) == 500
        assert len({box[0] for box in boxes}) == 1


def test_what_a_person_reported_is_where_labelling_starts(folder: LabelFolder) -> None:
    assert folder.reported("a.jpg", (100, 50)) is None
    seen = [[10, 5, 60, 25, "orange"], [0, 0, 9, 9, "unknown"]]
    (folder.path / "collected.json").write_text(json.dumps({"a.jpg": {"seen": seen}}))

    assert folder.reported("a.jpg", (100, 50)) == [[1, 0.1, 0.1, 0.6, 0.5]]


def test_folder_without_pictures_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fill it by `detectlab collect`"):
        LabelFolder.open(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"Add a classes\.txt"):
        LabelFolder.open(tmp_path)
