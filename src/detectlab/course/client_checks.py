"""Checks for the exercises of the client's notebook."""

from collections.abc import Callable, Mapping
from numbers import Integral
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from detectlab.client import DetectClient, RequestFailed
from detectlab.course.verdicts import NotYet, answer_of, exercise_check, require_keys, shown

_LOWEST = 0.01
_STATUSES = {
    "an apple, nothing wrong": (200, "all is well"),
    "a confidence of 7": (422, "a parameter outside its range"),
    "an address that does not exist": (404, "nothing is at this address"),
    "a queue that is full": (503, "the server is fine, only busy: ask again later"),
}


@exercise_check
def check_predict_url(predict_url: Callable[[str, str, float], str]) -> str:
    """Check a function that builds the URL of a prediction from base, model and confidence."""
    for base, model, confidence in (
        ("http://example.org:9000", "nano", 0.25),
        ("http://127.0.0.1:8000", "yolov3-tiny", 0.6),
    ):
        answer = answer_of(predict_url, base, model, confidence)
        if not isinstance(answer, str):
            raise NotYet(f"return the URL, a text. Yours is {shown(answer)}")
        if answer != answer.strip() or " " in answer:
            raise NotYet(f"a URL has no spaces. Yours is {answer!r}")
        if "{" in answer:
            raise NotYet(f"braces are left in {answer}. Is the `f` before the quotes missing?")
        if not answer.startswith(base):
            raise NotYet(f"start with the base that comes as an argument. Yours is {answer}")
        _check_path(answer)
        _check_query(answer, model, confidence)
    return "Base, endpoint, then name=value pairs joined by &"


def _check_path(url: str) -> None:
    path = urlsplit(url).path
    if "model=" in path:
        raise NotYet(f"between endpoint and parameters comes a `?`. Yours is {url}")
    if path != "/predict":
        raise NotYet(f"the endpoint is /predict. Yours is {path or 'missing'}")


def _check_query(url: str, model: str, confidence: float) -> None:
    query = urlsplit(url).query
    joined = next((sign for sign in ",;?/+" if f"{sign}confidence=" in query), None)
    if joined:
        raise NotYet(f"parameters are joined by `&`. Yours has {joined!r} in {query!r}")
    given = {name: values[-1] for name, values in parse_qs(query).items()}
    for name, value in (("model", model), ("confidence", confidence)):
        if name not in given:
            raise NotYet(f"behind `?` it needs {name}={value}. Yours has {query!r}")
        if given[name] != value and _number(given[name]) != value:
            raise NotYet(
                f"{name} should be {value}, as the argument says. Yours is {given[name]!r}"
            )
    if len(given) > 2 or query.count("=") > 2:
        raise NotYet(f"behind `?` it needs two parameters only. Yours has {query!r}")


def _number(text: str) -> float | None:
    """The number that a text writes, such as `0.60`."""
    try:
        return float(text)
    except ValueError:
        return None


@exercise_check
def check_statuses(statuses: Mapping[str, int]) -> str:
    """Check the status codes that a learner expects for four requests."""
    require_keys(statuses, tuple(_STATUSES), "statuses")
    for request, (status, meaning) in _STATUSES.items():
        answer = statuses[request]
        if isinstance(answer, str) and answer.strip() == str(status):
            raise NotYet(f"{request}: {status} is right, but as a number, without quotes")
        if not isinstance(answer, Integral) or isinstance(answer, bool):
            raise NotYet(f"{request}: a status code is a whole number. Yours is {shown(answer)}")
        if answer == status:
            continue
        if answer // 100 != status // 100 and 100 <= answer < 600:
            meaning += f". Yours, {answer}, begins with another digit than that"
        raise NotYet(f"{request}: {meaning}. Which code in the table says that?")
    return "4xx: change the request. 5xx: the server's matter"


@exercise_check
def check_counts(counts: Mapping[str, int], client: DetectClient, folder: str | Path) -> str:
    """Check a learner's table of how many objects are in each picture.

    Args:
        counts: Number of objects by the picture's name: all objects, or those of one class, above
            any one confidence.
        client: Client of the server that counts.
        folder: Folder of the pictures.
    """
    if not isinstance(counts, dict):
        raise NotYet(f"`counts` should be a dictionary. Yours is {shown(counts)}")
    if len(counts) < 3:
        raise NotYet(f"count at least three pictures. Yours has {len(counts)}")
    for name, count in counts.items():
        if not isinstance(count, Integral) or isinstance(count, bool):
            raise NotYet(
                "every value should be a whole number, such as len(result['detections']). Yours "
                f"for {name} is {shown(count)}"
            )
    if not any(counts.values()):
        raise NotYet("every count is 0. Take the number of entries in `detections`")
    found = _found(counts, client, Path(folder))
    labels = sorted({label for one in found.values() for label, _ in one})
    levels = {_LOWEST, *(confidence for one in found.values() for _, confidence in one)}
    for wanted in (labels, *([label] for label in labels)):
        for level in sorted(levels):
            if all(counts[name] == _count(found[name], wanted, level) for name in counts):
                return f"{sum(counts.values())} objects in {len(counts)} pictures"
    if set(counts.values()) == {3}:
        raise NotYet("every count is 3: the answer has three keys. Count its `detections`")
    if len(set(counts.values())) == 1:
        raise NotYet(f"every count is {next(iter(counts.values()))}. Ask the server about each")
    name = next(iter(counts))
    for name, count in counts.items():
        if not 0 <= count <= len(found[name]):
            break
    half = _count(found[name], labels, 0.5)
    raise NotYet(
        f"at no confidence does the server find these numbers. {name}: it finds {half} above 0.5, "
        f"yours says {counts[name]}"
    )


def _found(
    names: Mapping[str, int], client: DetectClient, folder: Path
) -> dict[str, list[tuple[str, float]]]:
    """Label and confidence of all objects in each picture, however weak."""
    found = {}
    for name in names:
        file = folder / str(name)
        if not file.is_file():
            raise NotYet(f"there is no picture {shown(name)} in {folder.name}/. Use `path.name`")
        try:
            detections = client.predict(file, confidence=_LOWEST)["detections"]
        except RequestFailed as failure:
            raise NotYet(f"the server does not answer the check. {failure}") from None
        found[name] = [(one["class_name"], one["confidence"]) for one in detections]
    return found


def _count(found: list[tuple[str, float]], labels: list[str], level: float) -> int:
    return sum(label in labels and confidence >= level for label, confidence in found)
