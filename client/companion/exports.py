"""Answers as files to keep: drawn pictures, and labels for training in YOLO's and COCO's form."""

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from detectlab.vision.drawing import Pixels
from tables import Finding

Make = Callable[[], bytes]


def file_stems(findings: Sequence[Finding]) -> list[str]:
    """A file name without suffix for each finding: the picture's, and the detector if several."""
    has_several = len({finding.answer.model for finding in findings}) > 1
    taken: dict[str, int] = {}
    stems = []
    for finding in findings:
        stem = Path(finding.picture.replace("\\", "/")).stem or "picture"
        if has_several:
            stem = f"{stem}-{finding.answer.model}"
        taken[stem] = taken.get(stem, 0) + 1
        stems.append(stem if taken[stem] == 1 else f"{stem}-{taken[stem]}")
    return stems


def as_png(pixels: Pixels) -> bytes:
    """A drawn picture as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def as_zip(findings: Sequence[Finding], draw: Callable[[Finding], Pixels]) -> bytes:
    """All drawn pictures as PNG files in a ZIP file.

    Args:
        findings: What to draw.
        draw: Draws one of them.
    """
    named = zip(file_stems(findings), findings, strict=True)
    return _zip((f"{stem}.png", as_png(draw(finding))) for stem, finding in named)


def as_yolo(findings: Sequence[Finding], confidence: float) -> bytes:
    """A ZIP file of label files in YOLO's form, and their `classes.txt`.

    Args:
        findings: The answers.
        confidence: Only objects with at least this become labels.
    """
    classes = _classes(findings, confidence)
    files = [("classes.txt", "".join(f"{name}\n" for name in classes).encode())]
    for stem, finding in zip(file_stems(findings), findings, strict=True):
        width, height = finding.size_wh
        lines = []
        for found in finding.above(confidence):
            x, y = (found["x_min"] + found["x_max"]) / 2, (found["y_min"] + found["y_max"]) / 2
            wide, high = found["x_max"] - found["x_min"], found["y_max"] - found["y_min"]
            shares = (x / width, y / height, wide / width, high / height)
            numbers = " ".join(f"{min(1.0, max(0.0, share)):.6f}" for share in shares)
            lines.append(f"{classes.index(found['class_name'])} {numbers}\n")
        files.append((f"labels/{stem}.txt", "".join(lines).encode()))
    return _zip(files)


def as_coco(findings: Sequence[Finding], confidence: float) -> str:
    """The objects in the form of COCO's annotation files.

    Args:
        findings: The answers.
        confidence: Only objects with at least this are kept.
    """
    classes = _classes(findings, confidence)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, finding in enumerate(findings, start=1):
        width, height = finding.size_wh
        image = {"id": number, "file_name": finding.picture}
        images.append({**image, "width": width, "height": height})
        for found in finding.above(confidence):
            wide, high = found["x_max"] - found["x_min"], found["y_max"] - found["y_min"]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": classes.index(found["class_name"]) + 1,
                    "bbox": [found["x_min"], found["y_min"], wide, high],
                    "area": wide * high,
                    "iscrowd": 0,
                    "score": found["confidence"],
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    return json.dumps(whole, indent=1, ensure_ascii=False)


def _classes(findings: Sequence[Finding], confidence: float) -> list[str]:
    names = {it["class_name"] for finding in findings for it in finding.above(confidence)}
    return sorted(names)


def _zip(files: Iterable[tuple[str, bytes]]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in files:
            opened.writestr(name, data)
    return archive.getvalue()
