"""The course's own photographs: a learner may download them, this project may not pass them on."""

from pathlib import Path

from detectlab.models.download import fetch
from detectlab.models.registry import WeightsFile, published
from detectlab.settings import Settings

_FOLDER = (
    "https://raw.githubusercontent.com/https-deeplearning-ai/"
    "machine-learning-engineering-for-production-public/a261fd3bba3e82b976c6fb568f8ef434140baccb/"
    "course1/week1-ungraded-lab/images/"
)
_CHECKSUMS = {
    "apple.jpg": (42_319, "0a4280a71b30c9b712930892f5fd0a1eeee62fd8b6f6ec7ecfa8de05f9ffb88b"),
    "clock.jpg": (54_624, "563398adfb57094de05ac46c4a3761c8e4bd008d931b5b1c9b9ffde215da978c"),
    "oranges.jpg": (38_083, "dd16091b4ee30cdef5a0e2d1db7c9196e12c3eb9d267a5c045e00b21a6114f84"),
    "car.jpg": (41_864, "c2cbba72028c3d589814cefacc76452c0902391ba8e6955d5d5465b137804b04"),
    "fruits.jpg": (44_606, "e7032792365adb2acf4911dbf22b4ba761a066c479d348cb8406cf2cac936c0a"),
    "clock2.jpg": (56_811, "f8277523ed1e9bed8adfdcee25ff16bf7f54611263f0d7defc3a1bd358f9793b"),
    "clock3.jpg": (61_323, "f0f46071abc40c0a7b174d553d45574ce93c026e0c4a4b292f03740e385827e8"),
    "apples.jpg": (68_797, "9213df717a6b739f83506e1dfaf76c70212ac7a9ec510e204db50ebb5452b620"),
    "car2.jpg": (9_511, "b19bd17cf004418d9b34b98ee49a4e0b3e918756d05a5cde11fb90c773232106"),
}
COURSE_IMAGES: tuple[WeightsFile, ...] = tuple(
    published(name, sha256, size, _FOLDER) for name, (size, sha256) in _CHECKSUMS.items()
)


def ensure_course_images(
    folder: Path, settings: Settings | None = None, progress: bool = True
) -> Path:
    """Fetch those of the course's photographs that are missing or damaged.

    Args:
        folder: Where to keep them, for example `images/course`.
        settings: Mirror and offline mode; from the environment when missing.
        progress: Whether to show a bar while downloading.

    Returns:
        The folder.

    Raises:
        WeightsError: A picture could not be had; the message names what was tried.
    """
    settings = settings or Settings()
    for image in COURSE_IMAGES:
        fetch(image, folder, settings, progress)
    return folder
