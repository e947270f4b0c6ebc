"""The detectors of a pool: their cards, which of them are loaded, and loading them."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from detectlab.detection.detector import Detector, load_detector
from detectlab.detection.memory import warm_up
from detectlab.models.files import default_model, is_present
from detectlab.models.registry import ModelCard, built_in, registry
from detectlab.serving.detector_cache import DetectorCache, Unavailable
from detectlab.settings import Settings


class KnownDetectors:
    """The detectors that may be asked for, and a cache of those that are loaded.

    Args:
        load: Gives the detector of a name; by default one of the registry, whose files must be
            present unless it is the default or `fetch_on_demand` is set.
        cards: The detectors that may be asked for; by default the registry's, as they are then.
        default: The one that answers when none is named; by default as `default_model` says.
        settings: By default those of the environment.
    """

    def __init__(
        self,
        load: Callable[[str], Detector] | None = None,
        cards: Mapping[str, ModelCard] | None = None,
        default: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._settings = settings or Settings()
        self._is_registry = cards is None
        self._fixed_cards = _unchanging_cards() if cards is None else cards
        self.default = default or default_model(self._settings)
        self.given_load = load
        self._cache = DetectorCache(
            load or self._load,
            self._size_bytes,
            self._settings.memory_limit_mb << 20,
            self._settings.load_retry_s,
            # Detectors that are given come with their sizes.
            None if load else partial(warm_up, at_once=self._settings.workers),
        )

    @property
    def cards(self) -> Mapping[str, ModelCard]:
        """Every detector that may be asked for now.

        Lists the folder of added detectors, and unloads those that were removed from it.
        """
        if not self._is_registry:
            return self._fixed_cards
        cards = registry(self._settings)
        self._cache.discard(name for name in self.loaded if name not in cards)
        return cards

    def card(self, name: str) -> ModelCard | None:
        """The card of one detector, without a look at the disk unless it is an added one."""
        return self._fixed_cards.get(name) or self.cards.get(name)

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the detectors that are in memory."""
        return self._cache.loaded

    def is_available(self, name: str) -> bool:
        """Whether `name` is loaded, or its files are here, or may be fetched."""
        if self.given_load is not None or name in (self.default, *self.loaded):
            return True
        card = self.card(name)
        return card is not None and self._is_loadable(card)

    def keep(self, names: Iterable[str]) -> None:
        """Pin these detectors against eviction; replaces the earlier pins."""
        self._cache.keep(names)

    def _is_loadable(self, card: ModelCard) -> bool:
        may_fetch = self._settings.fetch_on_demand and not card.own and not card.library_weights
        return may_fetch or is_present(card, self._settings)

    def _load(self, name: str) -> Detector:
        card = self.card(name)
        if card is None:
            raise Unavailable(f"The detector `{name}` was removed from this server.")
        if name != self.default and not self._is_loadable(card):
            raise Unavailable(
                f"The weights of `{name}` are not on this server. Fetch them there with "
                f"`detectlab models pull {name}`, then ask again."
            )
        return load_detector(name, settings=self._settings)

    def _size_bytes(self, name: str) -> int:
        # The cache calls this under its lock, which `cards` would wait for.
        cards = registry(self._settings) if self._is_registry else self._fixed_cards
        card = cards.get(name)
        # The file of the weights, and for each worker a network of about that size.
        return (card.weights.size or 0 if card else 0) * (1 + self._settings.workers)


def _unchanging_cards() -> Mapping[str, ModelCard]:
    """The detectors that cannot change while the server runs.

    Those with weights of a library can: `detectlab models add` fills them in.
    """
    return {name: card for name, card in built_in().items() if not card.library_weights}
