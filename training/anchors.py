"""Typical sizes of objects, from which the network's heads start."""

import numpy as np
from numpy.typing import NDArray

from training.augment import Composer
from training.batches import SIDES
from training.network import ANCHORS_PER_HEAD, STRIDES

PICTURES = 1500
ROUNDS = 40


def find_anchors(composer: Composer, seed: int) -> list[tuple[int, int]]:
    """Gives six (width, height) in pixels, small ones first, by k-means on composed pictures.

    Distances are taken between logarithms, for what matters is the ratio of two sizes.
    """
    rng = np.random.default_rng(seed)
    sizes = []
    for _ in range(PICTURES):
        _, boxes = composer.compose(rng, int(rng.choice(SIDES)))
        boxes = boxes[boxes[:, 0] >= 0]
        sizes.append(boxes[:, 3:] - boxes[:, 1:3])
    logs = np.log(np.concatenate(sizes))
    count = ANCHORS_PER_HEAD * len(STRIDES)
    means = np.quantile(logs, (np.arange(count) + 0.5) / count, axis=0)
    for _ in range(ROUNDS):
        nearest = _distances(logs, means).argmin(axis=1)
        means = np.stack(
            [
                logs[nearest == i].mean(axis=0) if (nearest == i).any() else means[i]
                for i in range(count)
            ]
        )
    means = means[np.argsort(means.sum(axis=1))]
    return [(round(float(width)), round(float(height))) for width, height in np.exp(means)]


def _distances(logs: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.square(logs[:, None] - means[None]).sum(axis=2)
