import hashlib
import re
from pathlib import Path

import pytest

from detectlab.models.atomic_files import WeightsError
from detectlab.models.course_photos import COURSE_IMAGES, ensure_course_images
from detectlab.settings import Settings


def test_course_images_have_checksums_sizes_and_one_pinned_place():
    assert len(COURSE_IMAGES) == 9
    for image in COURSE_IMAGES:
        assert re.fullmatch("[0-9a-f]{64}", image.sha256 or "")
        assert 9_000 < (image.size or 0) < 70_000
        assert [re.search("/[0-9a-f]{40}/", url) is not None for url in image.urls] == [True]


def test_ensure_course_images_with_other_pictures_in_the_mirror_keeps_none(tmp_path: Path):
    mirror, folder = tmp_path / "mirror", tmp_path / "course"
    mirror.mkdir()
    (mirror / "apple.jpg").write_bytes(b"\xff\xd8 another picture")
    settings = Settings(home=tmp_path / "home", mirror=str(mirror), offline=True)
    other = hashlib.sha256(b"\xff\xd8 another picture").hexdigest()
    with pytest.raises(WeightsError, match=r"apple.jpg could not be fetched") as caught:
        ensure_course_images(folder, settings)
    assert "sent only 18 of 42,319 bytes" in str(caught.value)
    assert other not in str(caught.value)
    assert list(folder.iterdir()) == []
