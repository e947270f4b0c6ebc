"""Checks about the page's questions: typical wrong answers, and right ones of other forms."""

import base64
import sys
import urllib.request

import pytest
import requests

from detectlab.course import page_checks
from detectlab.course.page_checks import check_ask, check_look

PATIENCE_S = 0.2


def look(address, timeout=PATIENCE_S):
    try:
        answer = requests.get(f"{address}/models", timeout=timeout)
        answer.raise_for_status()
        return answer.json()
    except (requests.RequestException, ValueError):
        return None


def raises_on_dead(address):
    return requests.get(f"{address}/models", timeout=PATIENCE_S).json()


def only_connection(address):
    try:
        return requests.get(f"{address}/models", timeout=PATIENCE_S).json()
    except requests.ConnectionError:
        return None


def never_looks_at_status(address):
    try:
        answer = requests.get(f"{address}/models", timeout=PATIENCE_S)
        return answer.json() if answer.ok else answer.text
    except (requests.RequestException, ValueError):
        return None


def trusts_json(address):
    try:
        return requests.get(f"{address}/models", timeout=PATIENCE_S).json()
    except (requests.RequestException, ValueError):
        return None


def returns_nothing(address):
    look(address)


def response_itself(address):
    try:
        return requests.get(f"{address}/models", timeout=PATIENCE_S)
    except requests.RequestException:
        return None


def three_errors(address):
    try:
        answer = requests.get(f"{address}/models", timeout=PATIENCE_S)
        answer.raise_for_status()
        return answer.json()
    except (requests.ConnectionError, requests.Timeout, requests.HTTPError):
        return None


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(trusts_json, "not alive. Yours gives {'detail'", id="json-of-an-error"),
        pytest.param(lambda a: look(a, None), "waits longer than 0.6 s. Give", id="no-timeout"),
        pytest.param(lambda a: look(a, 30), "waits longer than 0.6 s. Give", id="long-timeout"),
        pytest.param(lambda a: look(a) or "No service", "it should give None. Yours", id="text"),
        pytest.param(lambda a: look(a) or False, "it should give None. Yours gives F", id="false"),
        pytest.param(lambda a: sys.exit(1), "your function raised SystemExit: 1", id="exit"),
        pytest.param(returns_nothing, "is there a `return`?", id="none"),
        pytest.param(response_itself, "Yours gives <Response [200]>", id="response"),
        pytest.param(three_errors, "nonsense, your function raised MissingSchema", id="three"),
        pytest.param(raises_on_dead, "nothing listens, your function raised Conn", id="raises"),
        pytest.param(only_connection, "is nonsense, your function raised", id="one-error-only"),
        pytest.param(never_looks_at_status, "answers 500 is not alive", id="status"),
        pytest.param(lambda a: look(a) is not None, "Yours gives True", id="bool"),
        pytest.param(lambda a: look(a) or [], "it should give None. Yours gives []", id="empty"),
        pytest.param(lambda a: look(f"{a}/v1"), "Yours gives None", id="other-path"),
        pytest.param(lambda a: ["small", "large"], "it should give None", id="constant"),
        pytest.param(lambda: [], "TypeError", id="arguments"),
        pytest.param(["small"], "pass the function itself", id="called"),
    ],
)
def test_look_with_a_mistake_names_it(monkeypatch, not_yet, attempt, hint):
    monkeypatch.setattr(page_checks, "_HANGS_S", 0.6)

    assert hint in not_yet(check_look, attempt)


def look_by_urllib(address):
    try:
        with urllib.request.urlopen(f"{address}/models", timeout=PATIENCE_S) as answer:
            return requests.compat.json.loads(answer.read())
    except (OSError, ValueError):
        return None


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(look, id="requests"),
        pytest.param(look_by_urllib, id="urllib"),
        pytest.param(lambda a: (names := look(a)) and tuple(names), id="tuple"),
    ],
)
def test_look_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_look, attempt).startswith("Correct. ")


def ask(
    address,
    model,
    data,
    confidence,
    *,
    path="/predict",
    change=lambda q: q,
    how="json",
    pick=lambda a: a["detections"],
):
    image = base64.b64encode(data).decode()
    question = change({"model": model, "image": image, "confidence": confidence})
    try:
        answer = requests.post(f"{address}{path}", **{how: question}, timeout=1)
        if answer.status_code == 200:
            return pick(answer.json())
        raise RuntimeError(answer.json()["detail"])
    except (requests.RequestException, ValueError):
        raise RuntimeError("The service does not answer.") from None


def asks(**mistake):
    return lambda *arguments: ask(*arguments, **mistake)


def trusting(address, model, data, confidence):
    question = {"model": model, "image": base64.b64encode(data).decode(), "confidence": confidence}
    return requests.post(f"{address}/predict", json=question, timeout=1).json()["detections"]


def says_the_code(*arguments):
    try:
        return ask(*arguments)
    except RuntimeError:
        raise RuntimeError("Error 400") from None


def gives_nothing(*arguments):
    try:
        return ask(*arguments)
    except RuntimeError:
        return None


def as_value_error(*arguments):
    try:
        return ask(*arguments)
    except RuntimeError as problem:
        raise ValueError(str(problem)) from None


def returns_the_text(*arguments):
    try:
        return ask(*arguments)
    except RuntimeError as problem:
        return str(problem)


def silent(*arguments):
    try:
        return ask(*arguments)
    except RuntimeError:
        raise RuntimeError from None


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(trusting, "an unknown model should end in a RuntimeError", id="trusting"),
        pytest.param(says_the_code, "Put that into the error. Yours says 'Error 400'", id="code"),
        pytest.param(gives_nothing, "should end in a RuntimeError. Yours gives None", id="none"),
        pytest.param(silent, "needs a sentence for the visitor", id="silent"),
        pytest.param(asks(pick=lambda a: a), "return the list under `detections`", id="all"),
        pytest.param(asks(pick=lambda a: a["boxes"]), "KeyError: 'boxes'", id="other-key"),
        pytest.param(asks(pick=lambda a: a["detections"][0]), "return the list under", id="first"),
        pytest.param(asks(pick=lambda a: len(a["detections"])), "return the list", id="number"),
        pytest.param(as_value_error, "Yours raised ValueError: No model 'huge'", id="other-error"),
        pytest.param(returns_the_text, "Yours gives \"No model 'huge'", id="text"),
        pytest.param(
            asks(change=lambda q: q | {"image": str(q["image"].encode())}), "as base64", id="bytes"
        ),
        pytest.param(
            asks(change=lambda q: q | {"confidence": 35}), "is 0.35, not 35", id="percent"
        ),
        pytest.param(
            asks(change=lambda q: q | {"model": "large"}), "is small, not 'large'", id="model"
        ),
        pytest.param(asks(path="/detect"), "the question went to /detect", id="path"),
        pytest.param(asks(how="data"), "send JSON", id="form"),
        pytest.param(asks(how="params"), "send JSON", id="address"),
        pytest.param(
            asks(change=lambda q: {"model": q["model"], "image": q["image"]}),
            "the question lacks confidence",
            id="no-confidence",
        ),
        pytest.param(asks(change=lambda q: q | {"confidence": 0.5}), "is 0.35, not 0.5", id="0.5"),
        pytest.param(asks(change=lambda q: q | {"model": "large"}), "is small, not", id="model"),
        pytest.param(asks(change=lambda q: q | {"image": "picture"}), "as base64", id="image"),
        pytest.param(lambda a, m, d, c: [], "nothing arrived at the service", id="constant"),
        pytest.param(None, "pass the function itself", id="no-function"),
    ],
)
def test_ask_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_ask, attempt)


def ask_in_order(address, model, data, confidence):
    image = str(base64.b64encode(data), "ascii")
    try:
        answer = requests.request(
            "POST",
            address + "/predict",
            json={"confidence": confidence, "image": image, "model": model},
            timeout=1,
        )
        answer.raise_for_status()
    except requests.HTTPError as error:
        raise RuntimeError(f"The service says: {error.response.text}") from error
    except requests.RequestException as error:
        raise RuntimeError(str(error)) from error
    return answer.json()["detections"]


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(ask, id="status"),
        pytest.param(ask_in_order, id="raise-for-status"),
        pytest.param(asks(pick=lambda a: tuple(a["detections"])), id="tuple"),
    ],
)
def test_ask_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_ask, attempt).startswith("Correct. ")
