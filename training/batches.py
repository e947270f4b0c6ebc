"""Batches without end, made by worker processes."""

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from training.augment import Composer
from training.data import Boxes, Picture

SIDES = (224, 288, 352)
LAST_SIDES = (320, 352, 384)


def to_tensors(pictures: list[Picture], boxes: list[Boxes]) -> tuple[Tensor, Tensor]:
    """Gives pictures (N, 3, H, W) uint8 RGB, and targets (M, 6): picture, class, centre, size."""
    stacked = np.stack(pictures)[..., ::-1].transpose(0, 3, 1, 2)
    rows = []
    for number, found in enumerate(boxes):
        centre, size = (found[:, 1:3] + found[:, 3:]) / 2, found[:, 3:] - found[:, 1:3]
        rows.append(np.c_[np.full(len(found), number), found[:, 0], centre, size])
    targets = np.concatenate(rows).astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(stacked)), torch.from_numpy(targets)


class Batches(IterableDataset[tuple[Tensor, Tensor]]):
    """Batches of composed pictures, all of one size within a batch.

    Args:
        composer: Makes the pictures.
        size: Pictures a batch.
        seed: Of the random choices; every worker adds its own number.
        last: The last part of the training: large single pictures, as detection will see them.
    """

    def __init__(self, composer: Composer, size: int, seed: int, *, last: bool = False) -> None:
        self.composer, self.size, self.seed, self.last = composer, size, seed, last

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        cv2.setNumThreads(1)  # the workers and the network share the processor
        while True:
            side = int(rng.choice(LAST_SIDES if self.last else SIDES))
            composed = [
                self.composer.compose(rng, side, mosaic=not self.last) for _ in range(self.size)
            ]
            yield to_tensors([picture for picture, _ in composed], [boxes for _, boxes in composed])


def loader(batches: Batches, workers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Gives the batches from worker processes, or from this one if `workers` is 0."""
    return iter(DataLoader(batches, batch_size=None, num_workers=workers))
