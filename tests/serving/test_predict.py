"""The three forms of `/predict`, batches and counts."""

import base64
import io
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from testing import pixels_of

from detectlab.detection.detector import NetworkDetector
from detectlab.vision.detections import Detections
from detectlab.vision.drawing import draw_bbox
from detectlab.vision.images import decode_image, encode_image

POOL_KINDS = ("threads", "cluster")

JSON = {"Accept": "application/json"}


def expected(
    detector: NetworkDetector, data: bytes, confidence: float = 0.5
) -> list[dict[str, Any]]:
    found = detector.detect(decode_image(data).pixels, confidence)
    return [
        {
            "x_min": x_min,
            "y_min": y_min,
            "x_max": x_max,
            "y_max": y_max,
            "class_name": label,
            "confidence": round(score, 3),
        }
        for (x_min, y_min, x_max, y_max), label, score in found
    ]


def test_predict_with_a_form_returns_the_drawn_picture(
    client: TestClient, tiny: NetworkDetector, make_picture: Callable[..., bytes]
) -> None:
    png = make_picture("PNG")  # whose pixels come back exactly

    answer = client.post("/predict?model=tiny", files={"file": ("apple.PNG", png)})

    pixels = decode_image(png).pixels
    assert answer.status_code == 200
    assert np.array_equal(pixels_of(answer.content), draw_bbox(pixels, tiny.detect(pixels)))


def test_predict_tells_about_the_answer_in_headers(
    client: TestClient, tiny: NetworkDetector, jpeg: bytes
) -> None:
    answer = client.post("/predict", files={"file": jpeg})

    assert int(answer.headers["X-Detections"]) == len(expected(tiny, jpeg)) > 0
    assert answer.headers["X-Model"] == "tiny"
    assert float(answer.headers["X-Inference-Ms"]) > 0


def test_predict_asked_for_json_returns_the_objects(
    client: TestClient, tiny: NetworkDetector, jpeg: bytes
) -> None:
    result = client.post("/predict", files={"file": jpeg}, headers=JSON).json()

    assert result["detections"] == expected(tiny, jpeg)
    assert result["model"] == "tiny"
    assert result["time"] > 0


@pytest.mark.parametrize("prefix", ["", "data:image/jpeg;base64,"], ids=["plain", "data-url"])
def test_predict_with_json_returns_the_objects(
    client: TestClient, tiny: NetworkDetector, jpeg: bytes, prefix: str
) -> None:
    image = prefix + base64.b64encode(jpeg).decode()

    answer = client.post("/predict", json={"model": "tiny", "image": image})

    assert answer.status_code == 200
    assert answer.json()["detections"] == expected(tiny, jpeg)


def test_predict_with_json_in_lines_returns_the_objects(
    client: TestClient, tiny: NetworkDetector, jpeg: bytes
) -> None:
    image = base64.encodebytes(jpeg).decode()  # with a line break every 76 characters

    answer = client.post("/predict", json={"image": image, "model": None})

    assert answer.json()["detections"] == expected(tiny, jpeg)


@pytest.mark.parametrize("confidence", [0.0, 0.2, 0.6, 1.0])
def test_predict_keeps_only_what_exceeds_the_confidence(
    client: TestClient, tiny: NetworkDetector, jpeg: bytes, confidence: float
) -> None:
    answers = [
        client.post(f"/predict?confidence={confidence}", files={"file": jpeg}, headers=JSON),
        client.post(
            "/predict",
            json={"image": base64.b64encode(jpeg).decode(), "confidence": confidence},
        ),
    ]

    for answer in answers:
        assert answer.json()["detections"] == expected(tiny, jpeg, confidence)


def test_predict_with_a_higher_nms_threshold_keeps_more_boxes(
    client: TestClient, jpeg: bytes
) -> None:
    counts = [
        int(
            client.post(
                f"/predict?confidence=0.1&nms_threshold={threshold}", files={"file": jpeg}
            ).headers["X-Detections"]
        )
        for threshold in (0.1, 1.0)
    ]

    assert counts[0] < counts[1]


@pytest.mark.parametrize(
    ("sent", "accept", "returned"),
    [
        pytest.param("JPEG", None, "image/jpeg", id="jpeg"),
        pytest.param("PNG", None, "image/png", id="png"),
        pytest.param("WEBP", None, "image/jpeg", id="webp"),
        pytest.param("BMP", None, "image/jpeg", id="bmp"),
        pytest.param("GIF", None, "image/jpeg", id="gif"),
        pytest.param("TIFF", None, "image/jpeg", id="tiff"),
        pytest.param("JPEG", "image/png", "image/png", id="jpeg-asked-as-png"),
        pytest.param("PNG", "image/jpeg;q=0.9, image/png;q=0.1", "image/jpeg", id="quality"),
        pytest.param("PNG", "image/*", "image/png", id="any-picture"),
        pytest.param("PNG", "text/html", "image/png", id="nothing-that-fits"),
        pytest.param("PNG", "image/png;q=many", "image/png", id="quality-in-words"),
        pytest.param("JPEG", "application/json, text/plain, */*", "application/json", id="axios"),
    ],
)
def test_predict_answers_in_the_form_that_fits(
    client: TestClient,
    make_picture: Callable[..., bytes],
    sent: str,
    accept: str | None,
    returned: str,
) -> None:
    headers = {"Accept": accept} if accept else {}

    answer = client.post("/predict", files={"file": make_picture(sent)}, headers=headers)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == returned
    if returned != "application/json":
        assert Image.open(io.BytesIO(answer.content)).size == (160, 120)


def test_predict_with_an_animation_looks_at_its_first_frame(
    client: TestClient, tiny: NetworkDetector, make_picture: Callable[..., bytes]
) -> None:
    frames = [Image.open(io.BytesIO(make_picture("PNG", seed=seed))) for seed in range(3)]
    animated, still = io.BytesIO(), io.BytesIO()
    frames[0].save(animated, "GIF", save_all=True, append_images=frames[1:])
    frames[0].save(still, "GIF")

    answer = client.post("/predict", files={"file": animated.getvalue()}, headers=JSON)

    assert answer.json()["detections"] == expected(tiny, still.getvalue())


def test_batch_answers_in_order_and_one_bad_file_spoils_no_other(
    client: TestClient, tiny: NetworkDetector, make_picture: Callable[..., bytes]
) -> None:
    pictures = [make_picture("JPEG", seed=1), b"%PDF-1.7", make_picture("PNG", seed=2), b"none"]

    answer = client.post("/predict/batch", files=[("files", data) for data in pictures])

    results = answer.json()
    assert answer.status_code == 200
    assert [result.get("status", 200) for result in results] == [200, 415, 200, 400]
    assert results[0]["detections"] == expected(tiny, pictures[0])
    assert results[2]["detections"] == expected(tiny, pictures[2])
    assert "PDF" in results[1]["detail"]


class Meeting:
    """A detector that answers only when as many look as there are places."""

    name, names, input_size_wh = "meeting", ("apple",), (32, 32)

    def __init__(self, places: int) -> None:
        self._all_here = threading.Barrier(places, timeout=30)

    def detect(
        self, pixels: Any, confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        self._all_here.wait()
        corner = pixels[0, 0, 0] / 255
        return Detections(np.array([[0, 0, 9, 9]]), np.array([corner]), np.array([0]), self.names)


def test_batch_is_divided_among_the_workers_that_are_idle(
    make_client: Callable[..., TestClient],
) -> None:
    client = make_client(Meeting(2), workers=2)
    values = (10, 20, 30, 40)

    answer = client.post(
        "/predict/batch",
        files=[("files", encode_image(np.full((8, 8, 3), n, np.uint8), "PNG")) for n in values],
    )

    found = [result["detections"][0]["confidence"] for result in answer.json()]
    assert found == [round(value / 255, 3) for value in values]


def test_batch_with_one_file_too_large_answers_for_the_others(
    make_client: Callable[..., TestClient], tiny: NetworkDetector, jpeg: bytes
) -> None:
    client = make_client(tiny, max_bytes=len(jpeg))

    answer = client.post("/predict/batch", files=[("files", jpeg + b"!"), ("files", jpeg)])

    assert [result.get("status", 200) for result in answer.json()] == [413, 200]


def test_batch_with_too_many_files_returns_422(
    make_client: Callable[..., TestClient], tiny: NetworkDetector, jpeg: bytes
) -> None:
    client = make_client(tiny, max_batch_files=2)

    answer = client.post("/predict/batch", files=[("files", jpeg)] * 3)

    assert answer.status_code == 422
    assert "At most 2 file(s)" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("things", "class_name"),
    [
        pytest.param("apples", "apple", id="plural"),
        pytest.param("apple", "apple", id="singular"),
        pytest.param("Wine-Glasses", "wine glass", id="hyphen-and-capitals"),
        pytest.param("potted-plants", "pottedplant", id="word-split-otherwise"),
        pytest.param("people", "person", id="irregular"),
    ],
)
def test_count_answers_for_any_class_the_detector_knows(
    client: TestClient, tiny: NetworkDetector, jpeg: bytes, things: str, class_name: str
) -> None:
    wanted = [found["class_name"] for found in expected(tiny, jpeg, 0.2)].count(class_name)

    answers = [
        client.post(f"/count-{things}{slash}?confidence=0.2", files={"file": jpeg})
        for slash in ("/", "")
    ]

    for answer in answers:
        assert answer.json() == {"model": "tiny", "class_name": class_name, "count": wanted}


def test_count_finds_some(client: TestClient, tiny: NetworkDetector, jpeg: bytes) -> None:
    label = expected(tiny, jpeg)[0]["class_name"].replace(" ", "-")

    image = base64.b64encode(jpeg).decode()
    answer = client.post(f"/count-{label}/", json={"image": image})

    assert answer.json()["count"] > 0


def test_count_of_an_unknown_thing_returns_404_with_near_matches(
    client: TestClient, jpeg: bytes
) -> None:
    near = client.post("/count-oranje/", files={"file": jpeg})
    far = client.post("/count-unicorns/", files={"file": jpeg})

    assert (near.status_code, far.status_code) == (404, 404)
    assert near.json()["detail"] == (
        "This detector does not know 'oranje'. Did you mean /count-oranges/?"
    )
    assert "It knows, among others, /count-apples/" in far.json()["detail"]


@pytest.mark.parametrize("accept", ["*/*", "image/jpeg"])
def test_picture_that_is_too_wide_for_a_jpeg_comes_back_as_a_png(
    client: TestClient, make_picture: Callable[..., bytes], accept: str
) -> None:
    wide = make_picture("TIFF", (65_535, 2))
    answer = client.post("/predict", files={"file": wide}, headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert decode_image(answer.content).pixels.shape == (2, 65_535, 3)
