"""Checks for the notebooks' exercises: each prints "Correct" or "Not yet" with a hint."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


def check_box_area(box_area: Callable[[list[int]], object]) -> None:
    """Check a function that computes the area of a box in square pixels."""
    for box, area in (([10, 20, 110, 70], 5000), ([0, 5, 3, 12], 21)):
        answer = answer_of(box_area, box)
        if answer != area:
            sides = f"{box[2] - box[0]} x {box[3] - box[1]}"
            not_yet(f"the box {box} measures {sides} = {area} pixels, your function says {answer}")
            return
    correct("Width times height, each one the difference of two corners")


def check_precision_and_recall(
    precision_and_recall: Callable[[int, int, int], object],
) -> None:
    """Check a function of the right, wrong and missed objects that gives precision and recall."""
    answer = answer_of(precision_and_recall, 6, 2, 4)
    if not (isinstance(answer, Sequence) and len(answer) == 2):
        not_yet(f"return two numbers, separated by a comma. Yours gives {answer}")
    elif differ(answer[0], 0.75):
        not_yet(f"6 of 8 boxes are right, so precision is 0.75. Yours is {answer[0]}")
    elif differ(answer[1], 0.6):
        not_yet(f"6 of 10 objects are found, so recall is 0.6. Yours is {answer[1]}")
    else:
        correct("Precision judges the boxes, recall the objects")


def check_confidence_parameter(app: Any, picture: str | Path) -> None:
    """Check an app whose `POST /predict` takes a `confidence`, 0.5 when the client sends none.

    Args:
        app: The learner's ASGI app.
        picture: A picture with objects of high and of low confidence.
    """
    from detectlab.client import DetectClient, RequestFailed
    from detectlab.kernel import start

    with start(app) as server:
        client = DetectClient(server.url)
        try:
            usual, half, low = (client.draw(picture, "nano", c) for c in (None, 0.5, 0.1))
        except RequestFailed as failure:
            not_yet(f"the server answered an error. {failure}")
            return
    if low == half:
        not_yet(
            "0.1 and 0.5 give the same picture. Does `predict` take `confidence`, and does it "
            "pass it on to `detect`?"
        )
    elif usual != half:
        not_yet("a client that sends no confidence should get 0.5. Give the parameter a default")
    else:
        correct("The client chooses, and a client that does not care gets 0.5")


def check_question(answers: Sequence[object]) -> None:
    """Check the answers that an endpoint of the learner's own gave to several pictures."""
    if len(set(map(str, answers))) < 2:
        not_yet(f"every picture gets the answer {answers[0]}. Make it depend on what is found")
    else:
        correct(f"Your endpoint tells the pictures apart: {', '.join(map(str, answers))}")


def check_predict_url(predict_url: Callable[[str, str, float], str]) -> None:
    """Check a function that builds the URL of a prediction from base, model and confidence."""
    answer = answer_of(predict_url, "http://example.org:9000", "nano", 0.25)
    parts = urlsplit(str(answer))
    if f"{parts.scheme}://{parts.netloc}" != "http://example.org:9000":
        not_yet(f"start with the base that comes as an argument. Yours is {answer}")
    elif parts.path != "/predict":
        not_yet(f"the endpoint is /predict. Yours is {parts.path or 'missing'}")
    elif parse_qs(parts.query) != {"model": ["nano"], "confidence": ["0.25"]}:
        not_yet(f"behind `?` it needs model=nano&confidence=0.25. Yours has {parts.query!r}")
    else:
        correct("Base, endpoint, then name=value pairs joined by &")


def check_statuses(statuses: Mapping[str, int]) -> None:
    """Check the status codes that a learner expects for four requests."""
    hints = {
        "an apple, nothing wrong": (200, "all is well"),
        "a confidence of 7": (422, "a parameter outside its range"),
        "an address that does not exist": (404, "nothing is at this address"),
        "a queue that is full": (503, "the server is fine, only busy: ask again later"),
    }
    for request, (status, meaning) in hints.items():
        if statuses.get(request) != status:
            not_yet(f"{request}: {meaning}. Which code in the table says that?")
            return
    correct("4xx: change the request. 5xx: the server's matter")


def check_counts(counts: Mapping[str, int]) -> None:
    """Check a learner's table of how many objects are in each picture."""
    if len(counts) < 3:
        not_yet(f"count at least three pictures. Yours has {len(counts)}")
    elif not all(isinstance(count, int) for count in counts.values()):
        not_yet("every value should be a whole number, such as len(result['detections'])")
    elif not any(counts.values()):
        not_yet("every count is 0. Take the number of entries in `detections`")
    else:
        correct(f"{sum(counts.values())} objects in {len(counts)} pictures")


def answer_of(function: Callable[..., Any], *arguments: object) -> Any:
    """The answer of a learner's function, or words that say how it failed."""
    try:
        return function(*arguments)
    except Exception as error:  # whatever a learner's first attempt raises
        return f"{type(error).__name__}: {error}"


def differ(answer: object, expected: float) -> bool:
    """Whether an answer is another number than the expected one, or none."""
    return not isinstance(answer, int | float) or abs(answer - expected) > 1e-6


def correct(why: str) -> None:
    """Tell a learner that the answer is right, and why."""
    print(f"Correct. {why}.")


def not_yet(hint: str) -> None:
    """Tell a learner what is still missing."""
    print(f"Not yet: {hint}" + ("" if hint.endswith("?") else "."))
