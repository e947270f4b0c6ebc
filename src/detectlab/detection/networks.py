"""A detector's network, as engines take it."""

from collections.abc import Mapping

import numpy as np

from detectlab.decoders.registry import get_decoder
from detectlab.engines import Network
from detectlab.models.files import ModelFiles, locate
from detectlab.models.registry import ModelCard
from detectlab.settings import Settings
from detectlab.vision.fitting import Fitting


def make_network(
    files: ModelFiles,
    size_wh: tuple[int, int],
    fitting: Fitting,
    other_inputs: Mapping[str, tuple[float, ...]] | None = None,
) -> Network:
    """Describe a network to an engine.

    Args:
        files: Where its files are.
        size_wh: Width and height of its input in pixels.
        fitting: How pixels become its input.
        other_inputs: As `ModelCard.other_inputs`.
    """
    return Network(
        files.weights,
        files.config,
        size_wh,
        scale=fitting.scale,
        mean=fitting.mean,
        deviation=fitting.deviation,
        channel_order=fitting.colour,
        other_inputs={
            name: np.array([values], np.float32) for name, values in (other_inputs or {}).items()
        },
    )


def network_of(card: ModelCard, settings: Settings) -> Network:
    """The network of a detector, at its own input size.

    Args:
        card: The detector.
        settings: Where its files are.
    """
    fitting = card.fitting or get_decoder(card.decoder).fittings[0]
    return make_network(locate(card, settings), card.input_size_wh, fitting, card.other_inputs)
