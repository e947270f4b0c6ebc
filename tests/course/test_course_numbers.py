"""The course's numbers: the table, and the comparison with it on a stand-in.

The course's weights and photographs cannot be had where the tests run. `nano` and pictures of our
own stand in for them: a table of what they give must hold, and an altered one must not.
"""

from dataclasses import replace

import pytest

from detectlab.course.course_numbers import Printed, compare_numbers, printed_by_the_course
from detectlab.detection.detector import load_detector
from detectlab.engines import available
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
