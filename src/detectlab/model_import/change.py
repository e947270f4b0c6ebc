"""Changing how an added detector is read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from detectlab.decoders.registry import get_decoder
from detectlab.models.card import ModelCard
from detectlab.models.user_models import own_cards, own_folder, write_card
from detectlab.settings import Settings


def change_decoding(
    name: str,
    decoder: str | None = None,
    options: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
) -> ModelCard:
    """Change how the outputs of an added detector are read, and how pictures are fitted in.

    Args:
        name: Name of the detector.
        decoder: Its new decoder; by default it keeps its own.
        options: Fields of `Fitting` that change; a new decoder starts from its usual way.
        settings: Where it is kept; by default the environment's.

    Returns:
        Its new card, which running servers take at once.

    Raises:
        ValueError: When no such detector was added, it is a pair of Darknet files, or there is no
            such decoder.
    """
    cards = own_cards(settings)
    if name not in cards:
        raise ValueError(f"`name` must be a detector that was added. Received: {name[:60]!r}")
    card = cards[name]
    if card.config:
        raise ValueError(f"{name} is a pair of Darknet files, which are read in one way only.")
    start = get_decoder(decoder or card.decoder).fittings[0]
    if decoder in (None, card.decoder):
        start = card.fitting or start
    changed = replace(
        card, decoder=decoder or card.decoder, fitting=replace(start, **(options or {}))
    )
    write_card(changed, own_folder(settings) / name)
    return changed
