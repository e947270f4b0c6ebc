"""From a card to a loaded detector: whether its files are here or may be fetched, and its size."""

from collections.abc import Mapping

from detectlab.detection.detector import Detector, load_detector
from detectlab.models.files import is_present
from detectlab.models.registry import ModelCard, built_in
from detectlab.serving.detector_cache import Unavailable
from detectlab.settings import Settings


def unchanging_cards() -> Mapping[str, ModelCard]:
    """The detectors that cannot change while the server runs.

    Those with weights of a library can: `detectlab models add` fills them in.
    """
    return {name: card for name, card in built_in().items() if not card.library_weights}


def is_loadable(card: ModelCard, settings: Settings) -> bool:
    """Whether the files of a detector are here, or may be fetched.

    Args:
        card: The detector's.
        settings: Where its files are, and whether they are fetched on demand.
    """
    may_fetch = settings.fetch_on_demand and not card.own and not card.library_weights
    return may_fetch or is_present(card, settings)


def load_card(name: str, card: ModelCard | None, settings: Settings, is_default: bool) -> Detector:
    """Load a detector of the registry.

    Args:
        name: What was asked for.
        card: Its card; `None` when it was removed.
        settings: Where its files are.
        is_default: Whether it answers by default: then its files are fetched in any case.

    Raises:
        Unavailable: When there is no such detector any more, or its files are not here.
    """
    if card is None:
        raise Unavailable(f"The detector `{name}` was removed from this server.")
    if not is_default and not is_loadable(card, settings):
        raise Unavailable(
            f"The weights of `{name}` are not on this server. Fetch them there with "
            f"`detectlab models pull {name}`, then ask again."
        )
    return load_detector(name, settings=settings)


def size_bytes(card: ModelCard | None, workers: int) -> int:
    """An estimate of the memory that a detector takes.

    Args:
        card: The detector's.
        workers: How many pictures it is run on at once.
    """
    # The file of the weights, and for each worker a network of about that size.
    return (card.weights.size or 0 if card else 0) * (1 + workers)
