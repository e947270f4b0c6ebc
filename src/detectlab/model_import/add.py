"""Adding a detector of one's own to this machine, and removing it."""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from detectlab.model_import.validate import Candidate, copy_files, try_out
from detectlab.models.atomic_files import cannot_write, one_at_a_time
from detectlab.models.card import ModelCard, WeightsFile
from detectlab.models.registry import built_in, registry
from detectlab.models.user_models import own_cards, own_folder, write_card
from detectlab.settings import Settings

_NAME = "[a-z0-9][a-z0-9._-]{0,39}"


def add(
    name: str,
    files: Sequence[Path],
    labels: Path | None = None,
    input_size: int | None = None,
    settings: Settings | None = None,
    origin: str = "",
) -> ModelCard:
    """Copy a detector's files into the cache, once they have been tried.

    Args:
        name: What it is to be called: small letters, digits, `.`, `_` and `-`.
        files: One `.onnx`, or a `.cfg` and its `.weights`.
        labels: Its class names, one a line; an ONNX file may have them inside.
        input_size: Side of its square input in pixels, where the files leave that open.
        settings: Where it is kept, and the engine that tries it; by default the environment's.
        origin: Where the files come from, for its description.

    Returns:
        Its card: from now on it is known by its name, to servers that run already, too.

    Raises:
        ValueError: When the name or a file cannot be used; the message says what to do.
        ModuleNotFoundError: When the package `onnx` is not installed.
        WeightsError: When the cache cannot be written.
    """
    settings = settings or Settings()
    check_name(name, settings)
    origin = origin or f"Added from {', '.join(file.name for file in files)}"
    home = own_folder(settings)
    with _alone(home), _folder(home, ".new-") as folder:
        candidate = copy_files(name, files, labels, input_size, folder)
        card = _card(name, candidate, try_out(candidate, settings), origin)
        write_card(card, folder)
        folder.chmod(0o755)
        check_name(name, settings)  # somebody else may have been quicker
        folder.replace(home / name)
    return card


def remove(name: str, settings: Settings | None = None) -> None:
    """Remove a detector that was added.

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
            (home / name).replace(folder / name)  # in one step, for whoever looks meanwhile
        except OSError as error:
            raise cannot_write(home / name, error) from error


def check_name(name: str, settings: Settings) -> None:
    """Raise `ValueError` unless a detector may be added under this name."""
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
    """Let one process at a time change the folder, and clear what a killed one left."""
    with one_at_a_time(home / "change"):
        for left in (*home.glob(".new-*"), *home.glob(".going-*")):
            shutil.rmtree(left, ignore_errors=True)
        yield


@contextmanager
def _folder(home: Path, prefix: str) -> Iterator[Path]:
    """A folder that nobody takes for a detector's, for as long as the block runs."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=home))
    except OSError as error:
        raise cannot_write(home, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _card(name: str, candidate: Candidate, decoder: str, origin: str) -> ModelCard:
    config, weights, labels = candidate.files
    width, height = candidate.input_size_wh
    remarks = f" ({'; '.join(candidate.remarks)})" if candidate.remarks else ""
    known = built_in().get(name)
    return ModelCard(
        name=name,
        config=_file(config) if config else None,
        weights=_file(weights),
        labels=WeightsFile(labels.name),
        classes=candidate.classes,
        licence=known.licence if known else candidate.licence or "not said",
        licence_url=known.licence_url if known else "",
        description=f"{origin}{remarks}.",
        decoder=decoder,
        input_size=width,
        input_height=None if height == width else height,
        own=True,
    )


def _file(path: Path) -> WeightsFile:
    with path.open("rb") as opened:
        checksum = hashlib.file_digest(opened, "sha256").hexdigest()
    return WeightsFile(path.name, checksum, path.stat().st_size)
