"""An endless, resumable order of training samples.

Every sample is named by (epoch, position) and draws its randomness from that name and the run's seed
alone. So the same run gives the same samples with any number of workers, and a run resumed at an
epoch's start goes on exactly where it would have.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

SampleName = tuple[int, int]


class EpochStream(Sampler[SampleName]):
    """Yield (epoch, position) for the positions of this process.

    Lightning calls `set_epoch` before each epoch, also after a resume.

    Args:
        length: Samples in an epoch, over all processes.
        rank: This process.
        world: Number of processes.
    """

    def __init__(self, length: int, *, rank: int = 0, world: int = 1) -> None:
        self._length, self._rank, self._world = length, rank, world
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration names."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Return this process's samples in an epoch; every process has the same number."""
        return self._length // self._world

    def __iter__(self) -> Iterator[SampleName]:
        """Yield the names."""
        for step in range(len(self)):
            yield self._epoch, step * self._world + self._rank


def generator_of(seed: int, name: SampleName) -> np.random.Generator:
    """Return the generator that belongs to a sample."""
    return np.random.default_rng((seed, *name))
