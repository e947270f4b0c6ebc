"""Pictures of unbounded cost are decoded in a process that is ended, and a server stays usable."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hostile_pictures as hostile
import numpy as np
import psutil
import pytest
import requests
from PIL import Image
from starlette.testclient import TestClient
from testing import pixels_of, wait_until

from detectlab.serving.child_process import ChildProcess
from detectlab.serving.deadline import Deadline, DeadlinePassed
from detectlab.serving.picture_decoder import PictureDecoder
from detectlab.serving.sent_file import SentFile
from detectlab.vision.images import ImageError

MAX_PIXELS = 40_000_000


@pytest.fixture
def decoder() -> Iterator[PictureDecoder]:
    decoder = PictureDecoder(1, MAX_PIXELS)
    yield decoder
    decoder.close()


@pytest.fixture(scope="module")
def endless() -> bytes:
    """A GIF whose header is right, and whose decoding takes minutes."""
    return hostile.gif((4000, 4000), data=b"\x24\x49\x92" * 3_000_000)


def decode_processes(of: int | None = None) -> list[psutil.Process]:
    """Those that a server has started. Copies of them, which live for one picture, do not count."""
    found = psutil.Process(of).children()
    return [child for child in found if "detectlab.serving.decode_process" in child.cmdline()]


def decode(decoder: PictureDecoder, data: bytes, seconds: float = 60) -> np.ndarray:
    return decoder.read(SentFile(data)).decode(Deadline(seconds)).pixels


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {"progressive": True}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
    ],
)
def test_process_gives_the_same_pixels(
    decoder: PictureDecoder, make_picture: Callable[..., bytes], format: str, options: Any
) -> None:
    data = make_picture(format, **options)
    pixels = decode(decoder, data)

    assert len(decode_processes()) == 1
    assert (pixels == pixels_of(data)).all()
    assert pixels.flags.writeable


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_ordinary_picture_needs_no_process(
    decoder: PictureDecoder, make_picture: Callable[..., bytes], format: str
) -> None:
    assert decode(decoder, make_picture(format)).shape == (120, 160, 3)
    assert decode_processes() == []


def test_picture_turned_by_its_exif_data_comes_upright_from_a_process(
    decoder: PictureDecoder,
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.new("RGB", (40, 20)).save(file, "JPEG", progressive=True, exif=exif)
    assert decode(decoder, file.getvalue()).shape == (40, 20, 3)


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit on processor time")
def test_picture_that_takes_far_too_long_is_given_up_and_the_next_one_decoded(
    decoder: PictureDecoder, make_picture: Callable[..., bytes], endless: bytes
) -> None:
    decode(decoder, make_picture("GIF"))
    before = decode_processes()
    with pytest.raises(ImageError, match="takes far longer than a picture of its size") as caught:
        decode(decoder, endless)
    assert caught.value.reason == "too_large"
    assert decode(decoder, make_picture("GIF")).shape == (120, 160, 3)
    if sys.platform == "linux":
        assert decode_processes() == before  # a new one would cost the start of a Python


def test_process_is_ended_at_the_deadline(
    decoder: PictureDecoder,
    make_picture: Callable[..., bytes],
    endless: bytes,
) -> None:
    decode(decoder, make_picture("GIF"))  # it has started
    (process,) = decode_processes()
    with pytest.raises(DeadlinePassed, match=r"no answer within 0\.2 s"):
        decode(decoder, endless, seconds=0.2)
    assert not process.is_running()
    wait_until(lambda: len(decode_processes()) == 1, "the new spare")


def test_damaged_picture_leaves_the_process_as_it_is(
    decoder: PictureDecoder, make_picture: Callable[..., bytes]
) -> None:
    data = make_picture("GIF")
    decode(decoder, data)
    before = decode_processes()
    with pytest.raises(ImageError, match="The GIF file is damaged and cannot be decoded"):
        decode(decoder, data[: len(data) // 2])
    assert decode_processes() == before


def test_process_that_was_killed_is_replaced(
    decoder: PictureDecoder, make_picture: Callable[..., bytes]
) -> None:
    decode(decoder, make_picture("GIF"))
    (process,) = decode_processes()
    process.kill()
    process.wait()
    assert decode(decoder, make_picture("GIF")).shape == (120, 160, 3)


def test_process_does_not_know_the_settings(
    decoder: PictureDecoder, make_picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTLAB_API_KEY", "secret")
    decode(decoder, make_picture("GIF"))
    (process,) = decode_processes()
    assert not [name for name in process.environ() if name.startswith("DETECTLAB_")]


GREEDY = """
import sys
from detectlab.serving.child_process import bound_memory, read_message, take_output, write_message

answers = take_output()
bound_memory(100 << 20)
while message := read_message(sys.stdin.buffer):
    try:
        held = bytearray(message[0]["bytes"])
    except MemoryError:
        write_message(answers, {"held": 0})
    else:
        write_message(answers, {"held": len(held)}, b"and more")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="allocations fail on Linux only")
def test_child_process_cannot_hold_more_memory_than_its_bound(tmp_path: Path) -> None:
    (tmp_path / "greedy.py").write_text(GREEDY)
    process = ChildProcess("greedy", environment={**os.environ, "PYTHONPATH": str(tmp_path)})
    try:
        assert process.ask({"bytes": 1 << 20}, timeout_s=60) == ({"held": 1 << 20}, b"and more")
        assert process.ask({"bytes": 200 << 20}, timeout_s=60) == ({"held": 0}, b"")
    finally:
        process.end()
    assert process.ask({"bytes": 1}, timeout_s=60) is None


def post(url: str, data: bytes) -> int:
    return requests.post(f"{url}/predict", files={"file": ("a.jpg", data)}, timeout=60).status_code


@pytest.mark.slow
def test_server_refuses_hostile_pictures_and_answers_ordinary_ones_after_them(
    run_server: Any,
    make_network: Callable[..., tuple[Path, Path]],
    jpeg: bytes,
) -> None:
    with run_server({"tiny": (*make_network(5), 64)}, workers=2, deadline_s=60) as server:
        for name, make in list(hostile.CORPUS.items())[::3]:  # all of them: tests/fuzz
            assert post(server.url, make()) in (200, 400, 413), name
            assert post(server.url, jpeg) == 200, name
        assert len(decode_processes(server.process.pid)) <= 2
        assert "Traceback" not in server.log

        orphans = decode_processes(server.process.pid)
        assert orphans
        server.process.kill()
        wait_until(lambda: not any(orphan.is_running() for orphan in orphans), "no orphans")


def test_batch_with_a_picture_that_costs_too_much_answers_the_others(
    client: TestClient, jpeg: bytes, make_picture: Callable[..., bytes], endless: bytes
) -> None:
    pictures = [jpeg, endless, make_picture("GIF"), hostile.jpeg_scans((600, 400), 200)]
    answers = client.post("/predict/batch", files=[("files", data) for data in pictures]).json()

    assert [answer.get("status", 200) for answer in answers] == [200, 413, 200, 413]
    assert "takes far longer" in answers[1]["detail"]
    assert "too many scans" in answers[3]["detail"]


def test_large_pictures_are_answered_one_after_the_other(
    client: TestClient, make_picture: Callable[..., bytes]
) -> None:
    large = make_picture("JPEG", (5000, 4000))
    answers = client.post("/predict/batch", files=[("files", large)] * 3).json()
    assert [answer["model"] for answer in answers] == ["tiny"] * 3
