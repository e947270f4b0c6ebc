"""Kept pictures: generated names, bounds, whole files, and disks that fail."""

import io
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image
from starlette.testclient import TestClient
from testing import wait_until

from detectlab.detection.detector import NetworkDetector
from detectlab.serving.upload_store import UploadStore
from detectlab.vision.images import decode_image

NAME = re.compile(r"\d{8}T\d{12}-[0-9a-f]{12}\.(jpeg|png)")


@pytest.fixture
def lost() -> list[str]:
    return []


@pytest.fixture
def make_store(tmp_path: Path, lost: list[str]) -> Iterator[Callable[..., UploadStore]]:
    stores = []

    def make(folder: Path = tmp_path / "in", keep: int = 100, max_bytes: int = 10_000) -> Any:
        store = UploadStore(folder, keep, max_bytes, lost.append)
        stores.append(store)
        store.open()
        return store

    yield make
    for store in stores:
        store.close(10)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_received_picture_is_kept_under_a_generated_name(
    make_client: Callable[..., TestClient],
    tiny: NetworkDetector,
    make_picture: Any,
    tmp_path: Path,
) -> None:
    client = make_client(tiny, received_dir=tmp_path / "in")
    png = make_picture("PNG")

    client.post("/predict", files={"file": ("../../me.jpg", png)})

    wait_until(lambda: any(map(NAME.fullmatch, names(tmp_path / "in"))), "the picture")
    (name,) = names(tmp_path / "in")
    assert NAME.fullmatch(name)
    assert name.endswith(".png")  # by its content
    kept = (tmp_path / "in" / name).read_bytes()
    assert np.array_equal(decode_image(kept).pixels, decode_image(png).pixels)


def test_metadata_of_a_received_picture_are_not_kept(
    make_client: Callable[..., TestClient],
    tiny: NetworkDetector,
    tmp_path: Path,
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # turned by a quarter
    exif[ExifTags.Base.Model] = "a camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 0.0)
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(file, "JPEG", exif=exif)
    client = make_client(tiny, received_dir=tmp_path / "in")

    client.post("/predict", files={"file": file.getvalue()})

    wait_until(lambda: any(map(NAME.fullmatch, names(tmp_path / "in"))), "the picture")
    (name,) = names(tmp_path / "in")
    with Image.open(tmp_path / "in" / name) as kept:
        assert dict(kept.getexif()) == {}
        assert kept.size == (40, 60)  # upright without it
    assert b"a camera" in file.getvalue()
    assert b"a camera" not in (tmp_path / "in" / name).read_bytes()


def test_clear_deletes_the_received_pictures_alone(make_store: Any, tmp_path: Path) -> None:
    store = make_store()
    for number in range(3):
        store.keep(b"%d" % number, "JPEG")
    store.close(10)
    (tmp_path / "in" / "mine.jpeg").write_bytes(b"mine")

    assert store.clear() == 3
    assert names(tmp_path / "in") == ["mine.jpeg"]
    assert UploadStore(tmp_path / "nowhere", 0, 0, print).clear() == 0


def test_a_file_that_is_no_picture_is_not_kept(
    make_client: Callable[..., TestClient], tiny: NetworkDetector, tmp_path: Path
) -> None:
    client = make_client(tiny, received_dir=tmp_path / "in")

    client.post("/predict", files={"file": b"<script>"})
    client.__exit__(None, None, None)  # which writes what waits
    client.__enter__()

    assert names(tmp_path / "in") == []


@pytest.mark.parametrize("limits", [{}, {"received_keep": 0}], ids=["no-folder", "keep-none"])
def test_nothing_is_kept_unless_it_is_wanted(
    make_client: Callable[..., TestClient],
    tiny: NetworkDetector,
    jpeg: bytes,
    tmp_path: Path,
    limits: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = {"received_dir": tmp_path / "in"} if limits else {}
    client = make_client(tiny, **folder, **limits)

    client.post("/predict", files={"file": jpeg})

    assert names(tmp_path) == []


def test_only_the_newest_are_kept(make_store: Any, tmp_path: Path) -> None:
    store = make_store(keep=3)

    for number in range(7):
        store.keep(b"%d" % number, "JPEG")
    store.close(10)

    kept = [(tmp_path / "in" / name).read_bytes() for name in names(tmp_path / "in")]
    assert kept == [b"4", b"5", b"6"]


def test_no_more_space_is_taken_than_allowed(make_store: Any, tmp_path: Path) -> None:
    store = make_store(max_bytes=2500)

    for number in range(5):
        store.keep(b"%d" % number * 1000, "PNG")
    store.close(10)

    kept = [(tmp_path / "in" / name).read_bytes()[:1] for name in names(tmp_path / "in")]
    assert kept == [b"3", b"4"]


def test_other_files_in_the_folder_are_left_alone(make_store: Any, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / ".gitkeep").touch()
    (folder / "holiday.jpeg").touch()
    store = make_store(keep=1)

    for _ in range(3):
        store.keep(b"picture", "JPEG")
    store.close(10)

    assert {".gitkeep", "holiday.jpeg"} < set(names(folder))
    assert len(names(folder)) == 3


def test_parts_left_by_a_killed_process_are_removed_at_the_start(
    make_store: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    old, young = (folder / f".2026112{n}T101010000000-0123456789ab.part" for n in (0, 1))
    old.write_bytes(b"half a pic")
    young.write_bytes(b"another process writes this now")
    hour_ago = time.time() - 3600
    os.utime(old, (hour_ago, hour_ago))

    make_store().close(10)

    assert names(folder) == [young.name]


def test_a_store_opens_again(make_store: Any, tmp_path: Path) -> None:
    store = make_store()
    store.keep(b"1", "JPEG")
    store.close(10)
    store.open()
    store.keep(b"2", "JPEG")
    store.close(10)

    assert len(names(tmp_path / "in")) == 2


def test_a_folder_that_cannot_be_made_costs_no_request_and_is_reported_once(
    make_client: Callable[..., TestClient],
    tiny: NetworkDetector,
    jpeg: bytes,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "a-file").touch()
    client = make_client(tiny, received_dir=tmp_path / "a-file" / "in")

    answers = [client.post("/predict", files={"file": jpeg}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    wait_until(
        lambda: 'received_lost_total{reason="disk"} 3.0' in client.get("/metrics").text, "counts"
    )
    assert caplog.text.count("Received pictures cannot be kept") == 1


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="needs to mount")
def test_a_full_disk_leaves_no_partial_file_and_is_over_when_there_is_room(
    make_store: Any, tmp_path: Path, lost: list[str]
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.decode().strip()}")
    try:
        store = make_store(folder, max_bytes=1 << 20)
        store.keep(b"1" * 20_000, "JPEG")
        store.keep(b"2" * 100_000, "JPEG")
        wait_until(lambda: lost == ["disk"], "the loss to be noticed")
        assert [len((folder / name).read_bytes()) for name in names(folder)] == [20_000]

        store.keep(b"3" * 20_000, "JPEG")
        wait_until(lambda: len(names(folder)) == 2, "the next picture")
        assert lost == ["disk"]
        store.close(10)
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_that_hangs_loses_pictures_and_holds_nobody_up(
    tmp_path: Path, lost: list[str]
) -> None:
    store = UploadStore(tmp_path / "in", 100, 10_000, lost.append)  # nobody writes

    for _ in range(20):
        store.keep(b"picture", "JPEG")

    assert lost == ["busy"] * 4


def test_a_dangling_link_ends_no_thread(
    make_store: Callable[..., UploadStore], tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    link = folder / "20200101T000000000000-0123456789ab.jpeg"
    link.symlink_to(tmp_path / "nowhere")
    part = folder / ".20200101T000000000000-0123456789ab.part"
    part.symlink_to(tmp_path / "nowhere")

    store = make_store(keep=2)
    for _ in range(5):
        store.keep(b"picture", "JPEG")

    wait_until(lambda: len(names(folder)) == 3 and link.name not in names(folder), "two pictures")


def test_pictures_of_every_format_are_pruned(
    make_store: Callable[..., UploadStore], tmp_path: Path
) -> None:
    store = make_store(keep=3)
    for format in ("MPO", "JPEG", "AVIF", "MPO", "MPO", "PNG"):
        store.keep(b"picture", format)

    def is_done() -> bool:
        return [name.rpartition(".")[2] for name in names(tmp_path / "in")] == ["mpo", "mpo", "png"]

    wait_until(is_done, "the newest three")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_kept_pictures_are_for_the_servers_user_only(
    make_store: Callable[..., UploadStore], tmp_path: Path
) -> None:
    make_store().keep(b"picture", "JPEG")

    wait_until(lambda: any(map(NAME.fullmatch, names(tmp_path / "in"))), "the picture")

    (name,) = names(tmp_path / "in")
    assert (tmp_path / "in").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "in" / name).stat().st_mode & 0o777 == 0o600
