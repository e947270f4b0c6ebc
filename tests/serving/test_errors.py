"""Every error of the table, and that it says what to do."""

import base64
import logging
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient
from testing import FakeDetector

from detectlab.detection.detector import NetworkDetector
from detectlab.serving.detector_cache import Unavailable

POOL_KINDS = ("threads", "cluster")

FORM = {"Content-Type": "multipart/form-data; boundary=x"}


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return len(data).to_bytes(4, "big") + kind + data + checksum.to_bytes(4, "big")

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content = zlib.compress(bytes(50_000_000)[: width // 8 * 1000], 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size + b"\x01\x00\x00\x00\x00")
        + chunk(b"IDAT", content)
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        pytest.param(b"", 400, "The file is empty", id="empty"),
        pytest.param(b"not a picture at all", 400, "not a picture in JPEG, PNG", id="text"),
        pytest.param(b"%PDF-1.7 ...", 415, "a PDF document", id="pdf"),
        pytest.param(b"<svg xmlns='...'></svg>", 415, "an SVG drawing", id="svg"),
        pytest.param(b"\n<html></html>", 415, "a web page", id="web-page"),
        pytest.param(png_header(30_000, 30_000), 413, "pixels", id="bomb"),
    ],
)
def test_predict_with_a_file_that_is_no_usable_picture_is_refused(
    client: TestClient, data: bytes, status: int, words: str
) -> None:
    form = client.post("/predict", files={"file": ("apple.jpg", data)})
    encoded = client.post("/predict", json={"image": base64.b64encode(data).decode()})

    for answer in (form, encoded):
        assert answer.status_code == status
        assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "media_type", "status"),
    [
        ("notes.txt", "text/plain", 415),
        ("notes.txt", "application/octet-stream", 415),
        ("upload", "text/plain; charset=utf-8", 415),
        ("apple.JPG", "text/plain", 400),
        ("notes.txt", "image/png", 400),
        ("upload", "application/octet-stream", 400),
    ],
)
def test_file_that_is_no_picture_gets_415_unless_it_claims_to_be_one(
    client: TestClient, name: str, media_type: str, status: int
) -> None:
    file = (name, b"not a picture at all", media_type)
    single = client.post("/predict", files={"file": file})
    (batched,) = client.post("/predict/batch", files=[("files", file)]).json()

    assert single.status_code == batched["status"] == status
    assert "not a picture" in single.json()["detail"]


def test_picture_is_taken_whatever_its_name_and_type_claim(client: TestClient, jpeg: bytes) -> None:
    answer = client.post("/predict", files={"file": ("notes.txt", jpeg, "text/plain")})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("brand", "words"),
    [(b"heic", "a HEIC picture"), (b"mif1", "a HEIC picture"), (b"avif", "an AVIF picture")],
)
def test_picture_in_a_phones_format_is_named_with_advice(
    client: TestClient, brand: bytes, words: str
) -> None:
    data = b"\0\0\0\x18ftyp" + brand + bytes(400)
    answer = client.post("/predict", files={"file": ("photo.heic", data)})

    assert answer.status_code == 415
    assert words in answer.json()["detail"]
    assert "Convert it to JPEG or PNG" in answer.json()["detail"]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_predict_with_half_a_picture_is_refused(
    client: TestClient, make_picture: Callable[..., bytes], format: str
) -> None:
    data = make_picture(format)

    answer = client.post("/predict", files={"file": data[: len(data) // 2]})

    assert answer.status_code == 400


def test_predict_with_an_unknown_model_in_the_address_returns_422(
    client: TestClient, jpeg: bytes
) -> None:
    answer = client.post("/predict?model=yolov9", files={"file": jpeg})

    assert answer.status_code == 422
    assert answer.json()["detail"] == "`model` must be one of tiny. Received: 'yolov9'"


def test_predict_with_an_unknown_model_in_json_returns_400(client: TestClient, jpeg: bytes) -> None:
    image = base64.b64encode(jpeg).decode()

    answer = client.post("/predict", json={"model": "yolov9", "image": image})

    assert answer.status_code == 400
    assert answer.json()["detail"] == "`model` must be one of tiny. Received: 'yolov9'"


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        pytest.param(
            "confidence=2", "`confidence`: Input should be less than or equal to 1", id="2"
        ),
        pytest.param("confidence=-0.1", "greater than or equal to 0", id="negative"),
        pytest.param("confidence=nan", "a finite number", id="nan"),
        pytest.param("confidence=high", "a valid number", id="word"),
        pytest.param("nms_threshold=1.5", "`nms_threshold`: Input should be less", id="nms"),
    ],
)
def test_predict_with_a_bad_parameter_returns_422(
    client: TestClient, jpeg: bytes, parameter: str, words: str
) -> None:
    answer = client.post(f"/predict?{parameter}", files={"file": jpeg})

    assert answer.status_code == 422
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        pytest.param(b"", 422, "`body`: Invalid JSON", id="nothing"),
        pytest.param(b"{", 422, "`body`: Invalid JSON", id="not-json"),
        pytest.param(b"[1]", 422, "`body`: Input should be an object", id="a-list"),
        pytest.param(b"{}", 422, "`image`: Field required", id="no-image"),
        pytest.param(b'{"image": 5}', 422, "`image`: Input should be a valid string", id="number"),
        pytest.param(b'{"image": "@@"}', 400, "`image` is not base64", id="not-base64"),
        pytest.param('{"image": "äö"}'.encode(), 400, "`image` is not base64", id="not-ascii"),
        pytest.param(b'{"image": "\\ud800"}', 422, "`body`: Invalid JSON", id="half-a-surrogate"),
        pytest.param(b'{"image": "\xff"}', 422, "`body`: Invalid JSON", id="not-utf-8"),
        pytest.param(b'{"image": ' + b"[" * 100_000, 422, "recursion limit", id="deep"),
        pytest.param(b'{"image": "aaaa", "confidence": 1e999}', 422, "`confidence`", id="infinite"),
        pytest.param(
            b'{"image": "aaaa", "confidence": ' + b"9" * 50_000 + b"}",
            422,
            "Invalid JSON",
            id="long-number",
        ),
    ],
)
def test_predict_with_json_of_the_wrong_shape_is_refused(
    client: TestClient, body: bytes, status: int, words: str
) -> None:
    answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert len(answer.text) < 400  # what came is not all sent back


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        pytest.param({"image": b"x"}, 422, "must be called `file`", id="other-field"),
        pytest.param([("file", b"x"), ("file", b"x")], 422, "At most 1 file", id="two-files"),
    ],
)
def test_predict_with_an_unsuitable_form_is_refused(
    client: TestClient, files: Any, status: int, words: str
) -> None:
    answer = client.post("/predict", files=files)

    assert answer.status_code == status
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "body", "status", "words"),
    [
        pytest.param({}, b"abc", 415, "as the field `file` of a multipart form", id="no-type"),
        pytest.param(
            {"Content-Type": "image/jpeg"}, b"abc", 415, "Received: 'image/jpeg'", id="bare-picture"
        ),
        pytest.param(
            {"Content-Type": "multipart/form-data"},
            b"abc",
            400,
            "no usable boundary",
            id="no-boundary",
        ),
        pytest.param(FORM, b"", 400, "ends too early", id="empty-form"),
        pytest.param(FORM, b"--y\r\n\r\n", 400, "form is damaged", id="other-boundary"),
        pytest.param(FORM, b"--x--\r\n", 422, "The form has no file", id="no-part"),
        pytest.param(
            FORM,
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc',
            400,
            "ends too early",
            id="cut-off",
        ),
        pytest.param(
            FORM,
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc\r\n--x--\r\n',
            422,
            "The form has no file",
            id="field-instead-of-file",
        ),
        pytest.param(
            FORM,
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' * 17 + b"--x--",
            422,
            "more than 16 fields",
            id="many-fields",
        ),
    ],
)
def test_predict_with_a_body_of_the_wrong_kind_is_refused(
    client: TestClient, headers: dict[str, str], body: bytes, status: int, words: str
) -> None:
    answer = client.post("/predict", content=body, headers=headers)

    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_batch_with_json_returns_415(client: TestClient) -> None:
    answer = client.post("/predict/batch", json={"files": []})

    assert answer.status_code == 415
    assert "fields `files`" in answer.json()["detail"]


@pytest.mark.one_machine
def test_predict_with_a_detector_that_is_not_here_returns_503_saying_how_to_get_it(
    make_client: Callable[..., TestClient], make_pool: Any, tiny: NetworkDetector, jpeg: bytes
) -> None:
    def load(name: str) -> NetworkDetector:
        raise Unavailable(f"The weights of `{name}` are not on this server.", retry_after_s=60)

    client = make_client(tiny, load=load)

    answer = client.post("/predict", files={"file": jpeg})

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "not on this server" in answer.json()["detail"]


def test_a_known_detector_without_weights_returns_503_naming_the_command(
    tmp_path: Any, jpeg: bytes
) -> None:
    from detectlab.serving.app import create_app
    from detectlab.settings import Settings

    settings = Settings(home=tmp_path, model="nano")
    client = TestClient(create_app(settings=settings))

    answer = client.post("/predict?model=yolov4", files={"file": jpeg})

    assert answer.status_code == 503
    assert "`detectlab models pull yolov4`" in answer.json()["detail"]


def test_an_exception_in_a_detector_returns_500_and_tells_the_log_only(
    make_client: Callable[..., TestClient], jpeg: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(FakeDetector(error=ZeroDivisionError("a secret detail")))
    with caplog.at_level(logging.ERROR):
        answer = client.post(
            "/predict", files={"file": jpeg}, headers={"X-Request-ID": "learner-7"}
        )

    assert answer.status_code == 500
    assert answer.json()["detail"] == (
        "Internal error. The server's log tells more under the id learner-7."
    )
    assert answer.headers["X-Request-ID"] == "learner-7"
    assert "Internal error in request learner-7" in caplog.text
    assert "a secret detail" in caplog.text
    assert client.get("/health").status_code == 200


def test_unknown_addresses_and_methods_say_where_to_look(client: TestClient) -> None:
    nowhere, wrong_method = client.get("/predictions"), client.get("/predict")

    assert nowhere.status_code == 404
    assert wrong_method.status_code == 405
    assert wrong_method.headers["Allow"] == "POST"
    for answer in (nowhere, wrong_method):
        assert "/docs shows" in answer.json()["detail"]
