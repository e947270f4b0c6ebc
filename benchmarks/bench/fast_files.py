"""Pictures of a phone's size, and detectors in int8."""

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


def add_int8(files: Files, model: str) -> None:
    """Calibrate a detector on the sample pictures, where it is not calibrated.

    Whatever is lost is accepted: the time does not depend on it, and weights by chance have no
    objects whose loss would mean something.

    Args:
        files: Of the run.
        model: The detector.
    """
    settings = Settings(home=files.home, offline=True)
    card = get_card(model, settings)
    if find_calibration(card, settings) is None:
        pictures = sorted((ROOT / "images").glob("*.jpg"))
        quantize_detector(
            model,
            calibrating=pictures,
            measuring=files.pictures,
            max_loss=1.0,
            settings=settings,
            progress=False,
        )
