"""Adding a detector of one's own to this machine, and removing it."""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from detectlab.model_import.isolation import examine_isolated
from detectlab.model_import.request import Examined, Request
from detectlab.models.atomic_files import cannot_write, one_at_a_time
from detectlab.models.card import ModelCard, WeightsFile
from detectlab.models.registry import registry
from detectlab.models.user_models import own_cards, own_folder, write_card
from detectlab.settings import Settings

_NAME = "[a-z0-9][a-z0-9._-]{0,39}"


def add(
    name: str,
    files: Sequence[Path],
    labels: Path | None = None,
    input_size: int | None = None,
    settings: Settings | None = None,
    **known: Any,
) -> ModelCard:
    """Copy a detector's files into the cache, once they have been tried; see `add_examined`."""
    return add_examined(name, files, labels, input_size, settings, **known)[0]


def add_examined(
    name: str,
    files: Sequence[Path],
    labels: Path | None = None,
    input_size: int | None = None,
    settings: Settings | None = None,
    *,
    origin: str = "",
    licence: str = "",
    decoder: str | None = None,
    options: Mapping[str, Any] | None = None,
    check: Path | None = None,
    drawings: Path | None = None,
) -> tuple[ModelCard, Examined]:
    """Copy a detector's files into the cache, once they have been tried.

    Args:
        name: What it is to be called: small letters, digits, `.`, `_` and `-`.
        files: One `.onnx`, or a `.cfg` and its `.weights`.
        labels: Its class names, one a line; an ONNX file may have them inside.
        input_size: Side of its square input in pixels, where the files leave that open.
        settings: Where it is kept, and the engine that tries it; by default the environment's.
        origin: Where the files come from, for its description.
        licence: Its licence, where the files do not say it.
        decoder: Reads its outputs; by default it is found out.
        options: Fields of `Fitting` that are known; the others are found out.
        check: A folder of labelled pictures to measure it with.
        drawings: Where drawn pictures go; nothing is drawn without it.

    Returns:
        Its card, and what was found with it. From now on it is known by its name, to servers that
        run already, too.

    Raises:
        ValueError: When the name or a file cannot be used; the message says what to do.
        ModuleNotFoundError: When the package `onnx` is not installed.
        WeightsError: When the cache cannot be written.
    """
    settings = settings or Settings()
    check_name(name, settings)
    _check_files(files, labels)
    origin = origin or f"Added from {', '.join(file.name for file in files)}"
    home = own_folder(settings)
    with _alone(home), _folder(home, ".new-") as folder:
        examined = examine_isolated(
            Request(
                name,
                tuple(file.absolute() for file in files),
                folder,
                settings.engine,
                settings.precision,
                labels=labels.absolute() if labels else None,
                input_size=input_size,
                decoder=decoder,
                options=options or {},
                check=check.absolute() if check else None,
                drawings=drawings.absolute() if drawings else None,
            )
        )
        card = _card(name, examined, folder, origin, licence)
        write_card(card, folder)
        folder.chmod(0o755)
        check_name(name, settings)  # another process may have been quicker
        folder.replace(home / name)
    return card, examined


def remove(name: str, settings: Settings | None = None) -> None:
    """Remove a detector that was added.

    Args:
        name: Name of the detector.
        settings: Where it is kept; by default the environment's.

    Raises:
        ValueError: When none was added under this name.
        WeightsError: When the cache cannot be written.
    """
    added = own_cards(settings)
    if name not in added:
        there_are = f"one of {', '.join(added)}" if added else "one that was added; there are none"
        raise ValueError(f"`name` must be {there_are}. Received: {name[:60]!r}")
    home = own_folder(settings)
    with _alone(home), _folder(home, ".going-") as folder:
        try:
            (home / name).replace(folder / name)  # in one step: readers never see half of it
        except OSError as error:
            raise cannot_write(home / name, error) from error


def check_name(name: str, settings: Settings) -> None:
    """Raise `ValueError` unless a detector may be added under this name.

    Args:
        name: The name.
        settings: Where detectors are kept.
    """
    if not re.fullmatch(_NAME, name):
        raise ValueError(
            "`name` must begin with a small letter or a digit, and have at most 40 of them, `.`, "
            f"`_` and `-`. Received: {name[:60]!r}"
        )
    card = registry(settings).get(name)
    if card and card.own:
        raise ValueError(f"`name` is taken: `detectlab models remove {name}` makes it free.")
    if card and not card.library_weights:
        raise ValueError(f"`name` is taken: {name} is one of detectlab's own. Choose another one.")


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Lock the folder against other processes, and remove what a killed one left."""
    with one_at_a_time(home / "change"):
        for left in (*home.glob(".new-*"), *home.glob(".going-*")):
            shutil.rmtree(left, ignore_errors=True)
        yield


@contextmanager
def _folder(home: Path, prefix: str) -> Iterator[Path]:
    """A folder that is not taken for a detector's; removed at the end of the block."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=home))
    except OSError as error:
        raise cannot_write(home, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_files(files: Sequence[Path], labels: Path | None) -> None:
    suffixes = sorted(file.suffix.lower() for file in files)
    if suffixes not in ([".onnx"], [".cfg", ".weights"]):
        raise ValueError(
            "`files` must be one .onnx file, or a .cfg with its .weights. Received: "
            + ", ".join(file.name for file in files)
        )
    for file in (*files, *([labels] if labels else [])):
        if not file.is_file():
            raise ValueError(f"there is no file {file}.")


def _card(name: str, examined: Examined, folder: Path, origin: str, licence: str) -> ModelCard:
    width, height = examined.input_size_wh
    remarks = f" ({'; '.join(examined.remarks)})" if examined.remarks else ""
    return ModelCard(
        name=name,
        config=_file(folder / examined.config) if examined.config else None,
        weights=_file(folder / examined.weights),
        labels=WeightsFile(examined.labels),
        classes=examined.classes,
        licence=examined.licence or licence or "not said",
        licence_url="",
        description=f"{origin}{remarks}.",
        decoder=examined.decoder,
        fitting=examined.fitting,
        input_size=width,
        input_height=None if height == width else height,
        own=True,
    )


def _file(path: Path) -> WeightsFile:
    with path.open("rb") as opened:
        checksum = hashlib.file_digest(opened, "sha256").hexdigest()
    return WeightsFile(path.name, checksum, path.stat().st_size)
