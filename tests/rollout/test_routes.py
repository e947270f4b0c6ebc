"""The routes: access, what they take and refuse, and which version answers afterwards."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from testing import wait_until

JSON = {"Accept": "application/json"}
NEW = "nano@input_size=256"
PLAN: dict[str, Any] = {
    "mode": "blue_green",
    "stable": {"model": "nano"},
    "candidate": {"model": "nano", "input_size": 256},
}
FLAT = {"x_min": 5, "y_min": 0, "x_max": 5, "y_max": 9, "class_name": "a"}
MakeClient = Callable[..., TestClient]


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    return make_client()


def put(client: TestClient, plan: Any = PLAN, revision: object = 0, **changes: Any) -> Any:
    headers = {"If-Match": f'"{revision}"'}
    return client.put("/rollout", json={**plan, **changes}, headers=headers)


def ask(client: TestClient, picture: bytes, **request: Any) -> Any:
    headers = {**JSON, **request.pop("headers", {})}
    answer = client.post("/predict", files={"file": picture}, headers=headers, **request)
    assert answer.status_code == 200, answer.text
    return answer


def test_without_a_plan_the_default_answers_and_nothing_is_remembered(
    client: TestClient, apples: bytes
) -> None:
    now = client.get("/rollout")

    assert now.headers["ETag"] == '"0"'
    assert (now.json()["revision"], now.json()["summary"]) == (0, "nano answers")
    assert ask(client, apples).headers["X-Model"] == "nano"
    assert client.get("/rollout/history").json() == []


def test_plan_decides_for_requests_without_a_detector_only(
    client: TestClient, apples: bytes
) -> None:
    assert put(client, live="green").status_code == 200

    assert ask(client, apples).headers["X-Model"] == NEW
    assert ask(client, apples).json()["model"] == NEW
    assert ask(client, apples, params={"model": "nano"}).headers["X-Model"] == "nano"
    drawn = client.post("/predict", files={"file": apples})
    assert (drawn.headers["X-Model"], drawn.headers["Content-Type"]) == (NEW, "image/jpeg")


def test_plan_decides_for_json_batches_and_counts_too(client: TestClient, apples: bytes) -> None:
    import base64

    put(client, live="green")
    image = base64.b64encode(apples).decode()

    for model, answers in ((None, NEW), ("nano", "nano")):
        asked = {"image": image, **({"model": model} if model else {})}
        assert client.post("/predict", json=asked).json()["model"] == answers
    batch = client.post("/predict/batch", files=[("files", apples), ("files", b"junk")])
    assert [one.get("model", one.get("status")) for one in batch.json()] == [NEW, 400]
    assert batch.headers["X-Model"] == NEW
    assert client.post("/count-apples/", files={"file": apples}).json()["model"] == NEW


def test_thresholds_of_a_side_hold_where_the_client_names_none(
    client: TestClient, apples: bytes
) -> None:
    sure = {"model": "nano", "confidence": 0.99}
    put(client, candidate=sure, live="green")

    assert ask(client, apples).headers["X-Detections"] == "0"
    assert int(ask(client, apples, params={"confidence": "0.1"}).headers["X-Detections"]) > 0


@pytest.mark.parametrize(
    ("if_match", "status"),
    [(None, 428), ('"7"', 412), ('W/"0"', 412), ('"7", "0"', 200), ("*", 200)],
)
def test_put_wants_the_revision_that_it_replaces(
    client: TestClient, if_match: str | None, status: int
) -> None:
    headers = {"If-Match": if_match} if if_match else {}
    answer = client.put("/rollout", json=PLAN, headers=headers)

    assert answer.status_code == status
    assert client.get("/rollout").json()["revision"] == int(status == 200)


def test_second_of_two_operators_is_told_and_overwrites_nothing(client: TestClient) -> None:
    first, second = put(client, mode="shadow"), put(client)

    assert first.headers["ETag"] == '"1"'
    assert second.status_code == 412
    assert "at revision 1 now" in second.json()["detail"]
    assert client.get("/rollout").json()["plan"]["mode"] == "shadow"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"candidate": None}, "needs a `candidate`"),
        ({"candidate": {"model": "yolov99"}}, "must be one of nano, "),
        ({"canary": {"share": 2}}, "less than or equal to 1"),
        ({"mode": "yolo"}, "Input should be 'stable', 'shadow', 'canary' or 'blue_green'"),
    ],
)
def test_plan_that_makes_no_sense_is_refused_and_changes_nothing(
    client: TestClient, changes: Any, message: str
) -> None:
    answer = put(client, **changes)

    assert answer.status_code == 422
    assert message in answer.json()["detail"]
    assert client.get("/rollout").json()["revision"] == 0


def test_moves_lead_there_and_back_and_are_remembered(client: TestClient) -> None:
    put(client, mode="shadow")
    for path in ("promote?why=it agrees&anyway=true", "promote?anyway=true", "rollback"):
        answer = client.post(f"/rollout/{path}", headers={"X-Operator": "ada"})
        assert answer.status_code == 200, answer.text

    history = client.get("/rollout/history").json()
    assert [entry["action"] for entry in history] == ["rollback", "promote", "promote", "put"]
    assert history[2]["why"].startswith("it agrees (anyway, without enough evidence: errors: ")
    assert history[0]["who"] == "ada at 127.0.0.1"
    assert history[0]["from"] == f"{NEW} answers 10%, nano the rest"


def test_promotion_without_evidence_is_refused_and_says_what_is_missing(
    client: TestClient,
) -> None:
    put(client, mode="canary", canary={"share": 0.1})

    answer = client.post("/rollout/promote")

    assert answer.status_code == 409
    assert "about 75 more good ones" in answer.json()["detail"]
    now = client.get("/rollout").json()
    assert now["revision"] == 1
    assert now["next_step"].startswith("Not enough evidence for the next step. errors: ")
    assert [rail["verdict"] for rail in now["rails"]] == ["wait"] * 3


def test_rolling_back_when_there_is_nothing_to_roll_back_changes_nothing(
    client: TestClient,
) -> None:
    put(client)

    answer = client.post("/rollout/rollback")

    assert (answer.status_code, answer.json()["revision"]) == (200, 1)


@pytest.mark.parametrize("name", ["promote", "release"])
def test_move_without_a_candidate_is_refused(client: TestClient, name: str) -> None:
    answer = client.post(f"/rollout/{name}")

    assert answer.status_code == 409
    assert answer.json()["detail"].endswith((".", "!"))


def test_move_that_names_an_older_revision_is_refused(client: TestClient) -> None:
    put(client)

    assert client.post("/rollout/promote", headers={"If-Match": '"0"'}).status_code == 412
    anyway = {"anyway": "true"}
    taken = client.post("/rollout/promote", params=anyway, headers={"If-Match": '"1"'})
    assert taken.status_code == 200


CALLS = [
    ("GET", "/rollout"),
    ("PUT", "/rollout"),
    ("POST", "/rollout/promote"),
    ("POST", "/rollout/rollback"),
    ("POST", "/rollout/release"),
    ("GET", "/rollout/history"),
    ("GET", "/rollout/report"),
    ("GET", "/rollout/report.html"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("token", [None, "", "guessed"])
def test_without_a_key_operators_need_their_token_on_the_servers_machine_too(
    make_client: MakeClient, method: str, path: str, token: str | None
) -> None:
    client = make_client()
    del client.headers["X-Operator-Token"]

    answer = client.request(
        method, path, headers={} if token is None else {"X-Operator-Token": token}
    )

    assert answer.status_code == 403
    assert "the token of the file `operator-token`" in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    ("headers", "words"),
    [
        pytest.param({"Host": "evil.example"}, "DETECTLAB_ALLOWED_HOSTS", id="rebound-name"),
        pytest.param({"Origin": "https://evil.example"}, "CORS_ORIGINS", id="page-of-others"),
        pytest.param({"Origin": "null"}, "CORS_ORIGINS", id="page-without-a-place"),
    ],
)
def test_without_a_key_no_foreign_page_may_even_with_the_token(
    client: TestClient, method: str, path: str, headers: dict[str, str], words: str
) -> None:
    answer = client.request(method, path, headers=headers)

    assert answer.status_code == 403
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://127.0.0.1"}, {"Host": "localhost:80"}])
def test_this_machine_may(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/rollout", headers=headers).status_code == 200


def test_with_a_key_whoever_has_it_may_from_anywhere(make_client: MakeClient) -> None:
    client = make_client("192.0.2.7", api_key="correct horse battery")

    assert client.get("/rollout").status_code == 401
    assert client.get("/rollout", headers={"X-API-Key": "correct horse battery"}).status_code == 200


def test_a_person_judges_an_answer(make_client: MakeClient, apples: bytes) -> None:
    client = make_client()
    put(client, live="green")
    answer = ask(client, apples, headers={"X-Request-ID": "r-1"})
    seen = [
        {name: one[name] for name in ("x_min", "y_min", "x_max", "y_max", "class_name")}
        for one in answer.json()["detections"]
    ]

    judged = client.post("/feedback", json={"request_id": "r-1", "detections": seen[1:]})

    assert judged.json() == {
        "role": "candidate",
        "model": NEW,
        "matched": len(seen) - 1,
        "missed": 0,
        "extra": 1,
        "agreement": round(2 * (len(seen) - 1) / (2 * len(seen) - 1), 4),
    }
    again = client.post("/feedback", json={"request_id": "r-1", "detections": seen})
    assert (again.status_code, "judged already" in again.text) == (409, True)
    people = client.get("/rollout/report").json()["agreement"]["with_people"]
    assert people[NEW]["pairs"] == 1


def judgements(client: TestClient) -> int:
    rails = client.get("/rollout").json()["rails"]
    return sum(rail["seen"] for rail in rails if rail["name"] == "judgements")


def test_judgement_of_an_old_candidate_is_not_held_against_the_new_one(
    client: TestClient, apples: bytes
) -> None:
    watched = {"max_judged_wrong": 0.2}
    put(client, live="green", guard_rails=watched)
    ask(client, apples, headers={"X-Request-ID": "old"})
    other = {"model": "nano", "input_size": 224}
    put(client, revision=1, candidate=other, live="green", guard_rails=watched)
    ask(client, apples, headers={"X-Request-ID": "new"})

    client.post("/feedback", json={"request_id": "old", "detections": []})
    assert judgements(client) == 0
    client.post("/feedback", json={"request_id": "new", "detections": []})
    assert judgements(client) == 1
    assert client.get("/rollout/report").json()["agreement"]["with_people"].keys() == {
        "nano@input_size=224"
    }


def test_page_of_another_site_cannot_judge(client: TestClient) -> None:
    body = {"request_id": "r", "detections": []}

    answer = client.post("/feedback", json=body, headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
    assert "DETECTLAB_CORS_ORIGINS" in answer.json()["detail"]


def test_too_many_judgements_are_refused_until_later(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detectlab.serving.routes.feedback._JUDGEMENTS_PER_MINUTE", 3)
    client, body = make_client(), {"request_id": "r", "detections": []}
    # More than fit into the end of one minute and the beginning of the next.
    answers = [client.post("/feedback", json=body) for _ in range(8)]

    refused = next(answer for answer in answers if answer.status_code == 429)
    assert {answer.status_code for answer in answers} == {404, 429}
    assert "At most 3 judgements a minute" in refused.json()["detail"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 61


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"request_id": "r", "detections": []}, 404, "There is no answer"),
        ({"request_id": "", "detections": []}, 422, "at least 1 character"),
        ({"request_id": "r", "detections": [FLAT]}, 422, "must be larger than"),
        ({"request_id": "r", "detections": [{"x_min": float("inf")}]}, 422, "finite number"),
    ],
)
def test_feedback_that_fits_no_answer_is_refused(
    client: TestClient, body: Any, status: int, message: str
) -> None:
    import json

    answer = client.post(
        "/feedback", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == status
    assert message in answer.json()["detail"]


def test_metrics_tell_the_versions_apart(client: TestClient, apples: bytes) -> None:
    put(client, mode="canary", canary={"share": 0.5})
    for number in range(20):
        ask(client, apples, headers={"X-Client-ID": str(number)})

    text = client.get("/metrics").text

    for role, model in (("stable", "nano"), ("candidate", NEW)):
        wanted = f'answers_total{{model="{model}",outcome="answered",role="{role}"}}'
        assert f"detectlab_rollout_{wanted}" in text
        assert f'detectlab_rollout_seconds_count{{role="{role}"}}' in text
    assert "detectlab_rollout_revision 1.0" in text
    wait_until(
        lambda: 'detectlab_rollout_rail{rail="errors"} 0.0' in client.get("/metrics").text,
        "the verdicts",
    )
    assert "detectlab_rollout_candidate_share 0.5" in text


def test_plan_is_there_after_a_restart(make_client: MakeClient, apples: bytes) -> None:
    put(make_client(), live="green")

    again = make_client()

    assert again.get("/rollout").json()["durable"] is True
    assert ask(again, apples).headers["X-Model"] == NEW
    assert again.get("/ready").status_code == 200


def test_plan_in_memory_says_that_it_is_not_kept(make_client: MakeClient) -> None:
    assert make_client(rollout_file=None).get("/rollout").json()["durable"] is False


def test_candidate_that_raises_gives_500_until_it_is_stopped(
    client: TestClient, apples: bytes
) -> None:
    put(client, candidate={"model": "nano", "drill": "raises"}, live="green")
    statuses = [client.post("/predict", files={"file": apples}).status_code for _ in range(3)]

    wait_until(lambda: client.get("/rollout").json()["revision"] == 2, "the guard rails")

    assert statuses == [500, 500, 500]
    assert ask(client, apples).headers["X-Model"] == "nano"
    assert client.get("/rollout/history").json()[0]["who"] == "guard rails"


def test_report_page_is_safe_and_needs_nothing_from_elsewhere(
    client: TestClient, apples: bytes
) -> None:
    put(client, live="green")
    ask(client, apples, headers={"X-Request-ID": "r-1"})
    client.post("/feedback", json={"request_id": "r-1", "detections": []})
    client.post("/rollout/rollback", params={"why": "<script>alert(1)</script>"})

    answer = client.get("/rollout/report.html")

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "://" not in answer.text
    assert "a person" in answer.text


def test_store_that_fails_is_told_without_its_place(
    client: TestClient, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE answers")

    answer = client.post("/feedback", json={"request_id": "r", "detections": []})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert str(file) not in answer.text
    assert str(file) in caplog.text
