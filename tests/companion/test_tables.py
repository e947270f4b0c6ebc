"""Answers as tables and files."""

import json

import pytest

from asking import Answer
from detectlab.client import Detection
from tables import Finding, as_json, count_classes, count_curve, detector_table, object_table


def detection(name: str, confidence: float) -> Detection:
    return Detection(x_min=1, y_min=2, x_max=3, y_max=4, class_name=name, confidence=confidence)


@pytest.fixture
def findings() -> list[Finding]:
    three = (detection("apple", 0.9), detection("apple", 0.6), detection("=1+1", 0.2))
    return [
        Finding("a.jpg", Answer("nano", three, 0.0314159, 0.05)),
        Finding("b, c.jpg", Answer("nano", (), 0.01, 0.02)),
        Finding("a.jpg", Answer("large", (detection("car", 0.7),), 0.3, 0.4)),
    ]


def test_object_table_has_a_row_for_each_object_above_the_confidence(
    findings: list[Finding],
) -> None:
    table = object_table(findings, 0.5)

    assert table["class_name"].tolist() == ["apple", "apple", "car"]
    assert table["detector"].tolist() == ["nano", "nano", "large"]
    assert list(table.columns)[:4] == ["picture", "detector", "class_name", "confidence"]


def test_object_table_without_objects_keeps_its_columns(findings: list[Finding]) -> None:
    assert object_table(findings, 0.95).to_csv(index=False).startswith("picture,detector,")


def test_detector_table_counts_and_times(findings: list[Finding]) -> None:
    rows = detector_table(findings, 0.5).to_dict("records")

    assert [row["objects"] for row in rows] == [2, 0, 1]
    assert rows[0]["found"] == "2 apple"
    assert (rows[0]["time (ms)"], rows[0]["there and back (ms)"]) == (31.4, 50.0)


def test_count_classes_without_objects_says_nothing() -> None:
    assert count_classes([]) == "nothing"
    assert count_classes([detection("car", 1), detection("apple", 1)]) == "1 car, 1 apple"


def test_count_curve_falls_from_all_to_none(findings: list[Finding]) -> None:
    curve = count_curve(findings)

    nano = curve[curve["detector"] == "nano"].set_index("confidence")["objects"]
    assert (nano[0.05], nano[0.2], nano[0.21], nano[0.9], nano[1.0]) == (3, 3, 2, 1, 0)
    assert nano.is_monotonic_decreasing
    assert set(curve["detector"]) == {"nano", "large"}


def test_json_holds_results_as_the_server_gives_them(findings: list[Finding]) -> None:
    results = json.loads(as_json(findings, 0.7))

    assert [len(result["detections"]) for result in results] == [1, 0, 1]
    assert results[0]["picture"] == "a.jpg"
    assert results[0].keys() == {"picture", "detections", "time", "model"}
    assert results[0]["detections"][0] == detection("apple", 0.9)
