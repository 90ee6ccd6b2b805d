"""An endless, resumable order of training samples.

Every sample is named by (epoch, position) and draws its randomness from that name and the run's
seed alone. So the same run gives the same samples with any number of workers, and a run resumed at
an epoch's start goes on exactly where it would have.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

SampleName = tuple[int, int]
"""Epoch and position in it, both from 0."""


class EpochStream(Sampler[SampleName]):
    """Yield the names of this process's samples: every `world`-th position, from `rank` on.

    Lightning calls `set_epoch` before each epoch, also after a resume. Every process gets the same
    number of samples: one that ran out early would leave the others waiting for its gradients. So
    where `world` does not divide `length`, the last round goes on past it; datasets take any
    position.

    Args:
        length: Samples in an epoch, over all processes.
        rank: This process.
        world: Number of processes.
    """

    def __init__(self, length: int, *, rank: int = 0, world: int = 1) -> None:
        self._rounds = -(-length // world)
        self._rank, self._world = rank, world
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration names."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Return this process's samples in an epoch."""
        return self._rounds

    def __iter__(self) -> Iterator[SampleName]:
        """Yield the names."""
        for turn in range(self._rounds):
            yield self._epoch, turn * self._world + self._rank


def generator_of(seed: int, name: SampleName) -> np.random.Generator:
    """Return the generator that belongs to a sample.

    Args:
        seed: The run's seed.
        name: The sample's epoch and position.
    """
    return np.random.default_rng((seed, *name))
