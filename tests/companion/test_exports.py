"""Answers as files: drawn pictures, and labels in YOLO's and COCO's form."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from asking import Answer
from detectlab.client import Detection
from detectlab.vision.labels import read_labels
from exports import as_coco, as_yolo, as_zip, file_stems
from tables import Finding


def detection(name: str, confidence: float) -> Detection:
    return Detection(x_min=10, y_min=20, x_max=50, y_max=40, class_name=name, confidence=confidence)


@pytest.fixture
def findings() -> list[Finding]:
    found = (detection("pear", 0.9), detection("apple", 0.7), detection("car", 0.2))
    return [
        Finding("a.jpg", Answer("nano", found, 0.1, 0.1), (100, 80)),
        Finding("x/a.png", Answer("nano", found[:1], 0.1, 0.1), (100, 80)),
    ]


def test_file_names_are_distinct_and_name_the_detector_only_among_several(
    findings: list[Finding],
) -> None:
    other = Finding("a.jpg", Answer("large", (), 0.1, 0.1), (100, 80))

    assert file_stems(findings) == ["a", "a-2"]
    assert file_stems([findings[0], other]) == ["a-nano", "a-large"]


def test_zip_holds_every_drawn_picture(findings: list[Finding]) -> None:
    data = as_zip(findings, lambda finding: np.zeros((8, 10, 3), np.uint8))

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["a.png", "a-2.png"]
        assert archive.read("a.png").startswith(b"\x89PNG")


def test_yolo_labels_are_read_back_as_the_boxes_they_were(
    findings: list[Finding], tmp_path: Path
) -> None:
    with zipfile.ZipFile(io.BytesIO(as_yolo(findings, 0.5))) as archive:
        archive.extractall(tmp_path)

    labels = read_labels(tmp_path / "labels" / "a.txt")
    assert labels.names == ("pear", "apple")
    assert labels.xyxy[0] == pytest.approx([0.1, 0.25, 0.5, 0.5], abs=1e-5)


def test_coco_annotations_point_to_their_images_and_categories(findings: list[Finding]) -> None:
    coco = json.loads(as_coco(findings, 0.5))

    names = {category["id"]: category["name"] for category in coco["categories"]}
    assert [names[it["category_id"]] for it in coco["annotations"]] == ["pear", "apple", "pear"]
    assert [it["image_id"] for it in coco["annotations"]] == [1, 1, 2]
    assert coco["annotations"][0]["bbox"] == [10, 20, 40, 20]
    assert coco["images"][1] == {"id": 2, "file_name": "x/a.png", "width": 100, "height": 80}
