"""Keep Lightning's talk off the terminal where it helps nobody who trains with `shipseg`."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Their notes tell of devices found, of seeds, and of other products.
_LOGGERS = ("pytorch_lightning", "lightning_fabric")

# The beginnings of warnings that only a change of our code could answer, and why none is needed.
_WARNINGS = (
    # The run folder is ours and holds the checkpoint that is to be replaced.
    "Checkpoint directory .* exists and is not empty",
    # A run folder was moved; its last checkpoint is found by name all the same.
    "The dirpath has changed from",
    # Lightning's own call of torch.
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
    # TensorBoard has the figures per epoch; those per step are a bonus.
    r"The number of training batches \(\d+\) is smaller than the logging interval",
    # On a CPU the network is the bottleneck.
    "The '.*_dataloader' does not have many workers",
    # Patience and the moving average may be turned on or off at a resume.
    "Be aware that when using `ckpt_path`",
    # The metrics gather from all processes by themselves.
    r"It is recommended to use `self.log\(.*, sync_dist=True\)`",
)


@contextmanager
def without_chatter() -> Iterator[None]:
    """Silence what only someone who programs with Lightning could act on."""
    before = {name: logging.getLogger(name).level for name in _LOGGERS}
    with warnings.catch_warnings():
        for beginning in _WARNINGS:
            warnings.filterwarnings("ignore", message=beginning)
        try:
            for name in _LOGGERS:
                logging.getLogger(name).setLevel(logging.ERROR)
            yield
        finally:
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)
