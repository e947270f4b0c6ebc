"""Check of a learner's whole page, run by Streamlit's own test driver."""

import io
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from detectlab.client import DetectClient, RequestRefused
from detectlab.course.verdicts import NotYet, exercise_check
from detectlab.vision.images import decode_image

_NOBODY = "http://127.0.0.1:9"
_TIMEOUT_S = 30.0
_RICH = "logger.enableRich"
_LOGGERS = (
    "streamlit.runtime.scriptrunner_utils.script_run_context",
    "streamlit.error_util",
    *("uvicorn", "uvicorn.access", "uvicorn.error"),
)


@exercise_check
def check_page(app_test: Any, file: str | Path, url: str, picture: str | Path) -> str:
    """Check a page against a service that is alive, one that is dead, and in test mode.

    Args:
        app_test: Streamlit's `AppTest`.
        file: The page.
        url: Address of a detectlab server.
        picture: A picture with objects of high and of low confidence.
    """
    with _without_warnings():
        page = _Page(app_test.from_file(str(Path(file).resolve()), default_timeout=_TIMEOUT_S))
        _check_page(page, url, Path(picture).read_bytes())
    return "Alive, dead, refused, and without any service: the page has a word for each"


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence Streamlit: it warns about its driver, logs requests, and prints tracebacks."""
    config: Any = sys.modules["streamlit"].config  # the notebook imported it with `AppTest`
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger.level, logger.handlers[:], logger.propagate) for logger in loggers]
    rich = config.get_option(_RICH)
    config.set_option(_RICH, False)  # in a notebook, rich displays them past the standard output
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        config.set_option(_RICH, rich)
        for logger, state in zip(loggers, before, strict=True):
            logger.disabled = False
            level, logger.handlers[:], logger.propagate = state
            logger.setLevel(level)


def _check_page(page: "_Page", url: str, data: bytes) -> None:
    """What a visitor meets, from a dead service to test mode."""
    page.address(_NOBODY)
    if not page.text("error"):
        raise NotYet("no service answers there, and the page says nothing. Use `st.error`")
    page.address(url)
    if said := page.text("error"):
        raise NotYet(f"the service is alive, and the page says: {said}")
    client = DetectClient(url)
    models = [str(model) for model in client.models()]
    if page.options() != models:
        raise NotYet(f"visitors should choose among {models}. Yours: {page.options()}")
    page.upload(data)
    _check_answer(page, data, client)
    page.upload(b"Buy apples.")
    if not (said := page.text("error")):
        raise NotYet("the service refuses a file that is no picture. Show its sentence: `st.error`")
    if _refusal(client, b"Buy apples.") not in said:
        raise NotYet(
            f"the service says why it refuses a file, and the page only: {said}. Show the text of "
            "the error: `st.error(str(problem))`"
        )
    _check_test_mode(page, data)


def _refusal(client: DetectClient, data: bytes) -> str:
    """The sentence with which a service refuses a file."""
    try:
        client.predict(data)
    except RequestRefused as refusal:
        return str(refusal).partition(": ")[2]
    return ""


def _check_answer(page: "_Page", data: bytes, client: DetectClient) -> None:
    """The table has what the service finds, at two confidences, and the picture changes with it."""
    pictures = []
    for confidence in (0.5, 0.2):
        page.confidence(confidence)
        wanted = client.predict(data, None, confidence, as_json=True)["detections"]
        rows = page.rows()
        if not any(len(table) == len(wanted) for table in rows):
            found = f"{len(rows[0])} rows" if rows else "no table: use `st.dataframe`"
            raise NotYet(
                f"above {confidence} there are {len(wanted)} objects, your page has {found}"
            )
        pictures.append(page.pictures())
    if not pictures[0]:
        raise NotYet("the picture is missing: use `st.image`")
    if page.swaps_colours(data):
        raise NotYet("red and blue are swapped: OpenCV has blue first. Say `channels='BGR'`")
    if pictures[0] == pictures[1]:
        raise NotYet(
            "the picture stays the same when the confidence changes. Draw what was found: "
            "`st.image(draw(...), channels='BGR')`"
        )


def _check_test_mode(page: "_Page", data: bytes) -> None:
    page.upload(data)
    page.address(_NOBODY)
    page.test_mode()
    if said := page.text("error"):
        raise NotYet(f"test mode needs no service, and the page says: {said}")
    if not page.rows():
        raise NotYet("in test mode a picture should get made-up answers, in the same table")


class _Page:
    """The page as the test driver sees it; each step runs it again."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._pixels: list[tuple[Any, str]] = []  # what `st.image` got, and its channels
        self._run(page)

    def _run(self, element: Any) -> None:
        with redirect_stdout(io.StringIO()), self._watched_images():  # what the page itself prints
            element.run()
        if self._page.exception:
            error = self._page.exception[0]
            lines = (line.strip() for line in reversed(error.stack_trace))
            place = next((line for line in lines if line.startswith("File")), "")
            line = re.search(r"line (\d+)", place)
            caught = "; catch it, and show its sentence: `st.error`"
            raise NotYet(
                f"the page ended with: {error.message.rstrip('.')}"
                + (f" (line {line[1]})" if line else "")
                + (caught if error.proto.type == "RuntimeError" else "")
            )

    @contextmanager
    def _watched_images(self) -> Iterator[None]:
        """Keep what the page gives to `st.image`: the driver itself has only an address."""
        streamlit: Any = sys.modules["streamlit"]
        original = streamlit.image
        self._pixels.clear()

        def image(image: Any, *args: Any, channels: str = "RGB", **kwargs: Any) -> Any:
            self._pixels.append((image, channels))
            return original(image, *args, channels=channels, **kwargs)

        streamlit.image = image
        try:
            yield
        finally:
            streamlit.image = original

    def swaps_colours(self, data: bytes) -> bool:
        """Whether pixels are shown with red for blue: nearer to the picture's when swapped."""
        original = decode_image(data).pixels.astype(int)  # blue first
        for pixels, channels in self._pixels:
            if isinstance(pixels, np.ndarray) and pixels.shape == original.shape:
                blue_first = pixels if channels == "BGR" else pixels[..., ::-1]
                off, swapped = (
                    np.abs(original - one).mean() for one in (blue_first, blue_first[..., ::-1])
                )
                return bool(swapped < off)
        return False

    def _only(self, kind: str, what: str) -> Any:
        elements = getattr(self._page, kind)
        if not elements:
            raise NotYet(f"{what} is missing: use `st.{kind}`")
        return elements[0]

    def address(self, url: str) -> None:
        self._run(self._only("text_input", "the field for the address").set_value(url))

    def confidence(self, value: float) -> None:
        self._run(self._only("slider", "the confidence").set_value(value))

    def upload(self, data: bytes) -> None:
        uploader = self._only("file_uploader", "the place for a picture")
        self._run(uploader.set_value([("picture.jpg", data, "image/jpeg")]))

    def test_mode(self) -> None:
        self._run(self._only("toggle", "the switch for test mode").set_value(True))

    def options(self) -> list[str]:
        return [str(option) for option in self._only("selectbox", "the choice of a model").options]

    def text(self, kind: str) -> str:
        return " ".join(str(element.value) for element in getattr(self._page, kind))

    def rows(self) -> list[Any]:
        return [
            table.value for kind in ("dataframe", "table") for table in getattr(self._page, kind)
        ]

    def pictures(self) -> list[str]:
        return [one.url for element in self._page.image for one in element.proto.imgs]
