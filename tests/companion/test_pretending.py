"""Test mode's made-up answers."""

from collections.abc import Callable

import pytest

from asking import FLOOR, Answer, Offer, Problem
from pretending import PretendServer

Make = Callable[..., bytes]


@pytest.mark.parametrize("size_wh", [(1, 1), (160, 120), (3, 900)])
def test_pretended_answers_are_valid(make_picture: Make, size_wh: tuple[int, int]) -> None:
    server = PretendServer()
    offer = server.look()
    assert isinstance(offer, Offer)

    for model in offer.models:
        for seed in range(20):
            answer = server.detect(make_picture("PNG", size_wh, seed), model)
            assert isinstance(answer, Answer)
            assert answer.model == model
            assert answer.detections
            confidences = [found["confidence"] for found in answer.detections]
            assert confidences == sorted(confidences, reverse=True)
            for found in answer.detections:
                assert 0 <= found["x_min"] < found["x_max"] <= size_wh[0]
                assert 0 <= found["y_min"] < found["y_max"] <= size_wh[1]
                assert FLOOR <= found["confidence"] <= 1


def test_pretended_answers_are_the_same_for_the_same_picture(make_picture: Make) -> None:
    one, two = PretendServer(), PretendServer()

    assert one.detect(make_picture(), "test-large") == two.detect(make_picture(), "test-large")
    assert one.detect(make_picture(), "test-large") != one.detect(make_picture(), "test-small")


def test_pretended_answer_about_another_file_is_a_problem() -> None:
    problem = PretendServer().detect(b"%PDF", "test-small")

    assert isinstance(problem, Problem)
    assert "not a picture" in problem.text
