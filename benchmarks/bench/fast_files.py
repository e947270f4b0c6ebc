"""Pictures of a phone's size, and yolov3-tiny's network in int8."""

from pathlib import Path

import cv2

from detectlab.detection.calibrations import find_calibration
from detectlab.models.registry import get_card
from detectlab.quantize import quantize_detector
from detectlab.settings import Settings

from .files import ROOT, Files

LARGE_SIZE_WH = (4032, 3024)


def write_large(pictures: list[Path], folder: Path) -> tuple[Path, ...]:
    """Enlarge pictures to 12 megapixels, as JPEG files."""
    folder.mkdir()
    paths = []
    for path in pictures:
        pixels = cv2.imread(str(ROOT / "images" / path.name))
        large = cv2.resize(pixels, LARGE_SIZE_WH, interpolation=cv2.INTER_CUBIC)
        paths.append(folder / path.name)
        cv2.imwrite(str(paths[-1]), large, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return tuple(paths)


def add_int8(files: Files) -> None:
    """Calibrate yolov3-tiny, or what stands in for it, on the sample pictures.

    Weights by chance have no objects that int8 could lose in a way that means something: whatever
    is lost is accepted, since the time does not depend on it.
    """
    assert files.model is not None
    settings = Settings(home=files.home, offline=True)
    card = get_card(files.model, settings)
    if find_calibration(card, settings) is None:
        pictures = sorted((ROOT / "images").glob("*.jpg"))
        quantize_detector(
            files.model,
            calibrating=pictures,
            measuring=files.pictures,
            max_loss=1.0,
            settings=settings,
            progress=False,
        )
