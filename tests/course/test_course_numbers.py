"""The course's numbers: the table, and the comparison with it on a stand-in.

The course's weights and photographs cannot be had where the tests run. `nano` and pictures of our
own stand in for them: a table of what they give must hold, and an altered one must not.
"""

import hashlib
from dataclasses import replace

import pytest

from detectlab.course.course_numbers import (
    Course,
    Printed,
    check_course,
    compare_numbers,
    printed_by_the_course,
)
from detectlab.detection.detector import load_detector
from detectlab.engines import available
from detectlab.models.card import published
from detectlab.models.files import locate
from detectlab.models.registry import get_card
from detectlab.settings import Settings
from detectlab.vision.images import read_image


def test_table_has_the_15_confidences_of_the_five_photographs():
    table = printed_by_the_course()

    assert [len(one.objects) for one in table] == [1, 1, 2, 1, 10]
    assert {one.picture for one in table} == {
        f"{name}.jpg" for name in ("apple", "clock", "oranges", "car", "fruits")
    }
    for one in table:
        confidences = [confidence for _, confidence in one.objects]
        assert confidences == sorted(confidences, reverse=True)
        assert min(confidences) > one.confidence


def load(engine):
    return load_detector("nano", engine, precision="float32")


@pytest.fixture(scope="module")
def table(root):
    """What `nano` finds with OpenCV in two pictures, rounded as a print-out is."""
    lines = []
    for name, confidence in (("oranges.jpg", 0.5), ("none.jpg", 0.5)):
        found = load("opencv").detect(read_image(root / "images" / name), confidence)
        objects = tuple((label, round(float(value), 6)) for _, label, value in found)
        lines.append(Printed(name, confidence, objects))
    return lines


def compared(table, root, engines=("opencv",)):
    return list(compare_numbers(table, folder=root / "images", engines=engines, load=load))


def test_numbers_that_hold_are_fine_with_every_engine(table, root):
    lines = compared(table, root, available())

    assert len(lines) == 2 * len(available())
    assert all(fine for fine, _ in lines), lines
    assert lines[0][1].startswith(f"{available()[0]}, oranges.jpg: orange 0.")
    assert "largest difference 0.000" in lines[0][1]
    assert "none.jpg: nothing" in lines[1][1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda o: ((o[0][0], o[0][1] - 0.002), *o[1:]), "difference 0.002", id="off"),
        pytest.param(lambda o: (("apple", o[0][1]), *o[1:]), ", not apple 0.", id="label"),
        pytest.param(lambda o: o[:-1], ", not orange", id="one-more"),
        pytest.param(lambda o: (), ", not nothing", id="none"),
    ],
)
def test_numbers_that_do_not_hold_are_shown(table, root, change, told):
    wrong = replace(table[0], objects=change(table[0].objects))

    ((fine, line),) = compared([wrong], root)

    assert not fine
    assert told in line


@pytest.fixture
def stand_in(table, root, tmp_path):
    """A course of stand-ins in a mirror: `make(change)` changes the last numbers of its network."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    nano = locate("nano")

    def put(name, content):
        (mirror / name).write_bytes(content)
        return published(name, hashlib.sha256(content).hexdigest(), len(content))

    def make(change=bytes):
        weights = nano.weights.read_bytes()
        weights = weights[:-4000] + change(weights[-4000:])
        card = replace(
            get_card("nano"),
            name="stand-in",
            embedded=False,
            config=put("stand-in.cfg", nano.config.read_bytes()),
            weights=put("stand-in.weights", weights),
        )
        pictures = [(root / "images" / one.picture) for one in table]
        photographs = tuple(put(picture.name, picture.read_bytes()) for picture in pictures)
        return Course(card, photographs, tuple(table))

    return make


def lines_of(course, tmp_path):
    settings = Settings(home=tmp_path / "home", mirror=str(tmp_path / "mirror"), offline=True)
    folder = tmp_path / "course"
    return list(check_course(course, folder=folder, engines=("opencv",), settings=settings))


def test_course_whose_files_are_right_holds(stand_in, tmp_path):
    lines = lines_of(stand_in(), tmp_path)

    assert [fine for fine, _ in lines] == [True, True], lines
    assert (tmp_path / "course" / "oranges.jpg").is_file()


def test_course_with_another_network_does_not_hold(stand_in, tmp_path):
    (oranges, nothing) = lines_of(stand_in(lambda numbers: bytes(len(numbers))), tmp_path)

    assert not oranges[0]
    assert oranges[1].startswith("opencv, oranges.jpg: ")
    assert nothing[1].startswith("opencv, none.jpg: ")


def test_course_with_a_wrong_photograph_refuses_it_and_compares_the_others(stand_in, tmp_path):
    course = stand_in()
    picture = tmp_path / "mirror" / "oranges.jpg"
    picture.write_bytes(bytes(reversed(picture.read_bytes())))

    refused, compared_one = lines_of(course, tmp_path)

    assert not refused[0]
    assert "oranges.jpg could not be fetched" in refused[1]
    assert compared_one == (True, "opencv, none.jpg: nothing (largest difference 0.000000)")
    assert not (tmp_path / "course" / "oranges.jpg").exists()


def test_course_with_wrong_weights_says_so_and_compares_nothing(stand_in, tmp_path):
    course = stand_in()
    weights = tmp_path / "mirror" / "stand-in.weights"
    weights.write_bytes(bytes(weights.stat().st_size))

    ((fine, line),) = lines_of(course, tmp_path)

    assert not fine
    assert "stand-in.weights could not be fetched" in line
