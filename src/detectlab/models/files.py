"""The detectors' files on this machine: fetch, check, and lay them where they are wanted."""

import logging
import shutil
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from detectlab.models.atomic_files import WeightsError, is_intact, replace_file
from detectlab.models.download import fetch, is_url
from detectlab.models.registry import ModelCard, WeightsFile, get_card
from detectlab.models.user_models import own_folder
from detectlab.settings import Settings

__all__ = [
    "FileState",
    "ModelFiles",
    "WeightsError",
    "default_model",
    "ensure",
    "how_to_have",
    "is_present",
    "lay_for_cvlib",
    "locate",
    "verify",
]

logger = logging.getLogger(__name__)

FileState = Literal["ok", "missing", "wrong"]

ASSETS = Path(__file__).parents[1] / "assets"
PREFERRED = "yolov3-tiny"
# The first whose files are here stands in for the preferred detector.
FALLBACKS = ("nano", "yolo-fastest")


class ModelFiles(NamedTuple):
    """Where a detector's files are; `config` is `None` where there is but an ONNX file."""

    config: Path | None
    weights: Path
    labels: Path


def locate(model: str | ModelCard, settings: Settings | None = None) -> ModelFiles:
    """Where a detector's files belong, whether they are there or not; see `ensure`.

    Raises:
        ValueError: No detector has this name.
    """
    card, settings = _card(model, settings), settings or Settings()
    if card.embedded:
        folder = ASSETS
    elif card.own:
        folder = own_folder(settings) / card.name.partition("@")[0]
    else:
        folder = settings.home / "weights"
    config = folder / card.config.name if card.config else None
    return ModelFiles(config, folder / card.weights.name, folder / card.labels.name)


def ensure(
    model: str | ModelCard, settings: Settings | None = None, progress: bool = True
) -> ModelFiles:
    """Give a detector's files, checked; those that are missing or damaged are fetched first.

    Args:
        model: A name of the registry, or a card of one's own.
        settings: Cache folder, mirror and offline mode; from the environment when missing.
        progress: Whether to show a bar while downloading.

    Returns:
        The files' paths.

    Raises:
        ValueError: No detector has this name.
        WeightsError: A file could not be had; the message names what was tried and what to do.
    """
    card, settings = _card(model, settings), settings or Settings()
    files = locate(card, settings)
    if card.embedded:
        for path in filter(None, files):
            if not path.is_file():
                raise WeightsError(f"{path} is missing from the package. Install detectlab again.")
        return files
    if card.library_weights:
        raise WeightsError(how_to_have(card))
    hint = "use DETECTLAB_MODEL=nano, which needs no download"
    for file in card.files:
        if not card.own:
            fetch(file, files.weights.parent, settings, progress, hint)
        elif not is_intact(files.weights.with_name(file.name), file):
            raise WeightsError(
                f"{files.weights.with_name(file.name)} is missing or damaged. `detectlab models "
                f"remove {card.name}`, then `models add` it again."
            )
    _write_labels(card, files.labels)
    return files


def how_to_have(card: ModelCard) -> str:
    """What to do for an unpublished detector, which a library exports."""
    return (
        f"{card.name} is not on this machine, and there is no published file with a known "
        'checksum. `pip install "detectlab[yolov5]"` (it brings PyTorch), then `detectlab '
        f"models pull {card.name}` lets the ultralytics library fetch and export its own weights "
        f"({card.licence}); or `detectlab models add {card.name} {card.weights.name}` adds a file "
        "that you have exported."
    )


def is_present(model: str | ModelCard, settings: Settings | None = None) -> bool:
    """Whether a detector needs no network: it is in the cache or a mirror folder; see `ensure`.

    This looks at names and sizes only, so that it is quick; `ensure` and `verify` read the files.

    Raises:
        ValueError: No detector has this name.
    """
    card, settings = _card(model, settings), settings or Settings()
    files = locate(card, settings)
    if card.embedded:
        return all(path.is_file() for path in filter(None, files))
    if card.library_weights:
        return False
    folders = [files.weights.parent]
    if settings.mirror and not is_url(settings.mirror) and not card.own:
        folders.append(Path(settings.mirror).expanduser())
    return all(
        any(_has_size(folder / file.name, file) for folder in folders) for file in card.files
    )


def verify(model: str | ModelCard, settings: Settings | None = None) -> dict[str, FileState]:
    """Read a detector's files in the cache, and say how each one is; see `ensure`.

    Returns:
        File name to `"ok"`, `"missing"` or `"wrong"`. The embedded detector's files come with the
        package and are only looked for.

    Raises:
        ValueError: No detector has this name.
    """
    card = _card(model, settings)
    folder = locate(card, settings).weights.parent
    states: dict[str, FileState] = {}
    for file in card.files:
        path = folder / file.name
        good = file.sha256 is None or is_intact(path, file)
        states[file.name] = "missing" if not path.is_file() else "ok" if good else "wrong"
    return states


def default_model(settings: Settings | None = None) -> str:
    """The detector to use when none is named.

    That is `DETECTLAB_MODEL`; without it yolov3-tiny where its files are here; else the one that
    needs no download, which the log says at the level INFO.

    Raises:
        ValueError: `DETECTLAB_MODEL` names no detector.
    """
    settings = settings or Settings()
    if settings.model:
        return get_card(settings.model, settings).name
    if is_present(PREFERRED, settings):
        return PREFERRED
    fallback = next((name for name in FALLBACKS if is_present(name, settings)), PREFERRED)
    if fallback != PREFERRED:
        logger.info("%s", fallback_sentence(fallback))
    return fallback


def fallback_sentence(fallback: str) -> str:
    """Why a detector answers by default that is not the preferred one."""
    return (
        f"Using the detector {fallback}, because {PREFERRED} is not on this machine. "
        f"`detectlab models pull {PREFERRED}` fetches it; "
        f"DETECTLAB_MODEL={fallback} makes this choice yours."
    )


def lay_for_cvlib(
    model: str | ModelCard,
    folder: Path | None = None,
    settings: Settings | None = None,
    progress: bool = True,
) -> Path:
    """Copy a detector's checked files to where cvlib looks, so that its own calls work.

    What is there already and right stays; what is wrong (cvlib keeps whatever it downloaded) is
    replaced. A list of 80 class names is left as it is.

    Args:
        model: `yolov3-tiny`, `yolov3`, `yolov4-tiny` or `yolov4`, or a card of one's own.
        folder: Where to; cvlib's folder under the home folder when missing.
        settings: As for `ensure`.
        progress: As for `ensure`.

    Returns:
        The folder.

    Raises:
        ValueError: cvlib does not know the detector.
        WeightsError: A file could not be had or written.
    """
    card = _card(model, settings)
    if not card.known_to_cvlib:
        raise ValueError(
            "`model` must be one that cvlib knows: yolov3-tiny, yolov3, yolov4-tiny or yolov4. "
            f"Received: {card.name!r}"
        )
    files = ensure(card, settings, progress)
    folder = folder or Path.home() / ".cvlib" / "object_detection" / "yolo" / "yolov3"
    for file in card.files:
        if not is_intact(folder / file.name, file):
            _copy(files.weights.with_name(file.name), folder / file.name)
    labels = folder / "yolov3_classes.txt"  # for all its detectors
    if not labels.is_file() or len(labels.read_bytes().splitlines()) != len(card.classes):
        _copy(files.labels, labels)
    return folder


def _card(model: str | ModelCard, settings: Settings | None) -> ModelCard:
    return get_card(model, settings) if isinstance(model, str) else model


def _has_size(path: Path, file: WeightsFile) -> bool:
    return path.is_file() and file.size in (None, path.stat().st_size)


def _write_labels(card: ModelCard, path: Path) -> None:
    content = "".join(f"{name}\n" for name in card.classes).encode()
    if not path.is_file() or path.read_bytes() != content:
        replace_file(path, lambda target: target.write(content))


def _copy(source: Path, path: Path) -> None:
    def fill(target: BinaryIO) -> None:
        with source.open("rb") as opened:
            shutil.copyfileobj(opened, target)

    replace_file(path, fill)
