"""Detectors added to this machine: where they are, and their cards."""

import logging
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from pydantic import TypeAdapter, ValidationError

from detectlab.models.atomic_files import replace_file
from detectlab.models.card import ModelCard
from detectlab.settings import Settings

logger = logging.getLogger(__name__)

CARD = "card.json"
_JSON = TypeAdapter(ModelCard)
Stamp = tuple[tuple[str, int, int], ...]


def own_folder(settings: Settings | None = None) -> Path:
    """Where they are kept, each in a folder of its name."""
    return (settings or Settings()).home / "own"


def own_cards(settings: Settings | None = None) -> Mapping[str, ModelCard]:
    """The cards of all detectors that were added, by name, as they are now.

    Cards are read again only when one came, went or changed, so that a server may ask each time.
    """
    folder = own_folder(settings)
    return _read(folder, _stamp(folder))


def write_card(card: ModelCard, folder: Path) -> None:
    """Write a detector's card beside its files.

    Args:
        card: The card.
        folder: Folder of the files.
    """
    content = _JSON.dump_json(card, indent=1)
    replace_file(folder / CARD, lambda target: target.write(content))


def _stamp(folder: Path) -> Stamp:
    """What tells one state of the cards from another."""
    stamp = []
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return ()
    for name in names:
        try:
            stat = (folder / name / CARD).stat()
        except OSError:
            continue  # being removed, or not ours
        stamp.append((name, stat.st_mtime_ns, stat.st_ino))
    return tuple(stamp)


@lru_cache(maxsize=16)
def _read(folder: Path, stamp: Stamp) -> Mapping[str, ModelCard]:
    cards = {}
    for name, _, _ in stamp:
        try:
            card = _JSON.validate_json((folder / name / CARD).read_bytes())
        except (OSError, ValidationError) as error:
            logger.warning("%s cannot be used: %s", folder / name / CARD, error)
            continue
        if card.name == name and card.own:
            cards[name] = card
    return MappingProxyType(cards)
