"""From a picture's bytes to an answer: the work of one request, done in a worker thread."""

import random
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

from detectlab.detection.detector import Detector
from detectlab.serving.deadline import Deadline
from detectlab.serving.picture_decoder import Upload
from detectlab.serving.schemas import Question, Result
from detectlab.vision.detections import Detections
from detectlab.vision.drawing import draw_bbox
from detectlab.vision.images import Picture, Pixels, encode_image, thumbnail

Form = Literal["JSON", "JPEG", "PNG"]

_KEPT_QUALITY = 95
_MAX_JPEG_SIDE = 65_500  # of libjpeg
_FORMS: dict[Form, str] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "JSON": "application/json",
}


# What a client may choose, and a rollout plan chooses otherwise.
THRESHOLDS = {"confidence", "nms_threshold"}
CHOICES = {"model", *THRESHOLDS}


@dataclass(frozen=True)
class Query:
    """What is asked about a picture.

    Attributes:
        model: The detector that is to answer; the default one where the client named none.
        confidence: Only objects above this, in `[0, 1]`.
        nms_threshold: Of two boxes whose IoU exceeds this, one stays, in `[0, 1]`.
        max_pixels: Largest picture that is decoded, in pixels.
        accept: The header of that name, which chooses the form of the answer.
        named: Which of `model`, `confidence` and `nms_threshold` the client itself chose.
        is_kept: Whether the server keeps the picture.
        watched_share: Share of the pictures whose pixels are watched.
    """

    model: str
    confidence: float
    nms_threshold: float
    max_pixels: int
    accept: str
    named: frozenset[str] = frozenset()
    is_kept: bool = False
    watched_share: float = 0.0

    @property
    def needs_numbers_only(self) -> bool:
        """Whether no picture is made of the answer."""
        return not self.is_kept and wanted_form(self.accept) == "JSON"

    def with_question(self, question: Question) -> "Query":
        """The query with what a client asks in JSON, which is answered in JSON."""
        named = question.model_dump(exclude_none=True, exclude_unset=True).keys()
        return replace(
            self,
            model=question.model or self.model,
            confidence=question.confidence,
            nms_threshold=question.nms_threshold,
            accept="application/json",
            named=frozenset(CHOICES & named),
        )

    def asked_of(
        self, model: str, *, confidence: float | None = None, nms_threshold: float | None = None
    ) -> "Query":
        """The query for the detector that a rollout plan chose.

        Args:
            model: That detector.
            confidence: Its own threshold, used where the client named none.
            nms_threshold: Likewise.
        """
        own = {"confidence": confidence, "nms_threshold": nms_threshold}
        kept: dict[str, Any] = {
            name: value
            for name, value in own.items()
            if value is not None and name not in self.named
        }
        return replace(self, model=model, **kept)


@dataclass(frozen=True)
class Answer:
    """The answer about one picture, and the picture.

    Attributes:
        model: The detector that answered.
        detections: The objects.
        count: How many they are.
        seconds: What the detector took.
        data: The picture's file as it came.
        data_format: What that is by its content, such as `"WEBP"`.
        size_wh: Its width and height in pixels.
        thumbnail: The picture in at most 160 x 160 pixels; `None` where those are not watched.
        precision: What the detector was computed in; empty where it does not say.
        drawn: The picture with boxes as a file; empty when JSON is wanted.
        drawn_format: `"JPEG"` or `"PNG"`; empty when JSON is wanted.
        kept: The picture as a file without metadata, in `own_form`; empty when it is not kept.
    """

    model: str
    detections: Detections
    count: int
    seconds: float
    data: bytes
    data_format: str
    size_wh: tuple[int, int]
    thumbnail: Pixels | None
    precision: str = ""
    drawn: bytes = b""
    drawn_format: str = ""
    kept: bytes = b""

    @property
    def own_form(self) -> Form:
        """The format that is closest to the one in which the picture came."""
        return "JPEG" if self.data_format != "PNG" and self.fits_in_jpeg else "PNG"

    @property
    def fits_in_jpeg(self) -> bool:
        """Whether no side is longer than a JPEG's may be."""
        return max(self.size_wh) <= _MAX_JPEG_SIDE

    @property
    def result(self) -> Result:
        """The answer as it goes over the wire in JSON."""
        return Result.of(self.detections, self.seconds, self.model)


def answer(detector: Detector, upload: Upload, query: Query, deadline: Deadline) -> Answer:
    """Find the objects in a picture, and draw them when a picture is wanted.

    Args:
        detector: Finds them.
        upload: The picture.
        query: What is asked.
        deadline: No stage begins after it.

    Raises:
        ImageError: When the picture cannot be used.
        DeadlinePassed: When the deadline passed between two stages.
    """
    deadline.check()
    picture = upload.decode(deadline)
    found = find(detector, upload.data, picture, query, deadline)
    return draw(found, picture, query, deadline)


def find(
    detector: Detector, data: bytes, picture: Picture, query: Query, deadline: Deadline
) -> Answer:
    """Find the objects in a decoded picture; nothing is drawn yet.

    Args:
        detector: Finds them.
        data: The picture's file.
        picture: What it was decoded to.
        query: What is asked.
        deadline: Checked before.
    """
    deadline.check()
    started = time.perf_counter()
    found = detector.detect(picture.pixels, query.confidence, query.nms_threshold)
    seconds = time.perf_counter() - started
    (width, height), pixels = picture.size_wh, picture.pixels
    if pixels.shape[:2] != (height, width):
        found = found.scaled(x=width / pixels.shape[1], y=height / pixels.shape[0])
    small = thumbnail(pixels) if random.random() < query.watched_share else None
    received = data, picture.format, picture.size_wh, small, getattr(detector, "precision", "")
    return Answer(query.model, found, len(found), seconds, *received)


def draw(answer: Answer, picture: Picture, query: Query, deadline: Deadline) -> Answer:
    """The answer with the files that are made of its picture: drawn, and without metadata.

    Args:
        answer: The objects.
        picture: Where they are; it is drawn on.
        query: Tells which files are wanted.
        deadline: Checked before.
    """
    if query.is_kept:
        kept = encode_image(picture.pixels, answer.own_form, quality=_KEPT_QUALITY)
        answer = replace(answer, kept=kept)
    form = wanted_form(query.accept, answer.own_form)
    if form == "JSON":
        return answer
    if form == "JPEG" and not answer.fits_in_jpeg:
        form = "PNG"
    deadline.check()
    drawn = draw_bbox(picture.pixels, answer.detections, in_place=True)
    return replace(answer, drawn=encode_image(drawn, form), drawn_format=form)


def wanted_form(accept: str, own: Form = "JPEG") -> Form:
    """The form that fits an `Accept` header best.

    Of forms that fit equally, a named one goes before one that only a `*` covers, then the
    picture's own format, then the other one, then JSON. A header that fits none is passed over.

    Args:
        accept: The header's value, or nothing.
        own: The format in which the picture came.

    >>> wanted_form("*/*", "PNG"), wanted_form("application/json, */*"), wanted_form("image/*")
    ('PNG', 'JSON', 'JPEG')
    """
    ranges = [_parse(text) for text in accept[:1000].split(",")]
    order: list[Form] = [own, *(form for form in _FORMS if form != own)]
    scores = {form: _score(_FORMS[form], ranges) for form in order}
    return max(order, key=scores.__getitem__)  # the first of equals


def _parse(text: str) -> tuple[str, float]:
    """`"image/png;q=0.5"` to `("image/png", 0.5)`."""
    name, *parameters = [part.strip().lower() for part in text.split(";")]
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return name, min(1.0, max(0.0, float(quality)))
    except ValueError:
        return name, 1.0


def _score(name: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """How well a media type fits: its quality, then how exactly it is named."""
    patterns = ("*/*", name.partition("/")[0] + "/*", name)  # vague to exact
    fits = [
        (patterns.index(pattern), quality) for pattern, quality in ranges if pattern in patterns
    ]
    exactness, quality = max(fits, default=(0, 0.0))
    return quality, exactness
