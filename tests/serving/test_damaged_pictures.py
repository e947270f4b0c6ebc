"""Thousands of damaged pictures: each is answered or refused, and none harms the server."""

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
PER_FORMAT = 550  # 3,300 in all
MAX_PIXELS = 4_000_000

Rng = np.random.Generator
Damage = Callable[[bytes, bytes, Rng], bytes]


def flip(data: bytes, other: bytes, rng: Rng) -> bytes:
    """Other bits, here and there."""
    spoiled = bytearray(data)
    for position in rng.integers(0, len(data), rng.integers(1, 20)):
        spoiled[position] ^= 1 << int(rng.integers(8))
    return bytes(spoiled)


def edit_header(data: bytes, other: bytes, rng: Rng) -> bytes:
    """Other bytes among the first, where sizes and kinds are told."""
    spoiled = bytearray(data)
    for position in rng.integers(0, min(64, len(data)), rng.integers(1, 6)):
        spoiled[position] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFE, 0xFF, int(rng.integers(256))]))
    return bytes(spoiled)


def enlarge(data: bytes, other: bytes, rng: Rng) -> bytes:
    """Huge numbers in a row, as sizes of a bomb would be; a PNG's checksum is made right."""
    spoiled = bytearray(data)
    start = int(rng.integers(0, min(48, len(data))))
    if data[1:4] == b"PNG":
        start = int(rng.choice([16, 20]))
    spoiled[start : start + 4] = bytes(rng.choice([0, 0x7F, 0xFF], 4).tolist())
    if data[1:4] == b"PNG":
        spoiled[29:33] = zlib.crc32(spoiled[12:29]).to_bytes(4, "big")
    return bytes(spoiled)


def cut(data: bytes, other: bytes, rng: Rng) -> bytes:
    """Only the beginning."""
    return data[: rng.integers(0, len(data))]


def leave_out(data: bytes, other: bytes, rng: Rng) -> bytes:
    """A piece is missing."""
    start, end = sorted(rng.integers(0, len(data), 2))
    return data[:start] + data[end:]


def repeat(data: bytes, other: bytes, rng: Rng) -> bytes:
    """A piece comes again and again."""
    start, end = sorted(rng.integers(0, len(data), 2))
    end = min(end, start + 2000)
    return data[:start] + data[start:end] * int(rng.integers(2, 20)) + data[end:]


def splice(data: bytes, other: bytes, rng: Rng) -> bytes:
    """The beginning of one picture, the end of another, of whatever kind."""
    return data[: rng.integers(0, len(data))] + other[rng.integers(0, len(other)) :]


def fill(data: bytes, other: bytes, rng: Rng) -> bytes:
    """A stretch of one value."""
    start, end = sorted(rng.integers(0, len(data), 2))
    return data[:start] + bytes([int(rng.choice([0, 0xFF, 0x20]))]) * int(end - start) + data[end:]


DAMAGES: tuple[Damage, ...] = (flip, edit_header, enlarge, cut, leave_out, repeat, splice, fill)


@pytest.fixture(scope="module")
def server(run_server: Any, make_network: Callable[..., tuple[Path, Path]]) -> Iterator[Any]:
    with run_server({"tiny": (*make_network(5), 64)}, max_pixels=MAX_PIXELS) as running:
        yield running


@pytest.fixture(scope="module")
def whole(make_picture: Callable[..., bytes]) -> dict[str, list[bytes]]:
    """Pictures of each format, with what their formats have to offer."""
    options: dict[str, list[dict[str, Any]]] = {
        "JPEG": [
            {},
            {"progressive": True},
            {"quality": 20, "subsampling": 2},
            {"exif": b"Exif\0\0"},
        ],
        "PNG": [{}, {"compress_level": 0}],
        "WEBP": [{}, {"lossless": True}],
        "BMP": [{}],
        "GIF": [{}],
        "TIFF": [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}],
    }
    return {
        format: [make_picture(format, (48, 36), seed=n, **kind) for n, kind in enumerate(kinds)]
        for format, kinds in options.items()
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("format", FORMATS)
def test_damaged_pictures_are_answered_or_refused_and_harm_nobody(
    server: Any, whole: dict[str, list[bytes]], format: str
) -> None:
    seed = int(os.environ.get("FUZZ_SEED", "1"))
    rng = np.random.default_rng([seed, FORMATS.index(format)])
    others = [data for pictures in whole.values() for data in pictures]
    with requests.Session() as session:

        def status(data: bytes) -> int:
            return session.post(
                f"{server.url}/predict", files={"file": data}, timeout=60
            ).status_code

        assert [status(data) for data in whole[format]] == [200] * len(whole[format])
        before = server.usage.memory_info().rss
        statuses = []
        for number in range(PER_FORMAT):
            damage = DAMAGES[number % len(DAMAGES)]
            data = whole[format][number % len(whole[format])]
            spoiled = damage(data, others[rng.integers(len(others))], rng)
            statuses.append(status(spoiled))
            assert statuses[-1] in (200, 400, 413, 415), (
                number,
                damage.__name__,
                server.log[-3000:],
            )

    assert statuses.count(400) > PER_FORMAT // 10  # the damage is real
    # One picture of the largest size allowed, decoded and drawn, and no more is left behind.
    assert server.usage.memory_info().rss - before < 10 * 3 * MAX_PIXELS
    assert "Traceback" not in server.log
