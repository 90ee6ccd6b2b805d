"""Find the tiles that share ground."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from shipseg.dataset.overlap.pairs import BLOCK_PX, Overlap
from shipseg.labels import LabelTable

Watch: TypeAlias = Callable[[Iterator[Any], int, str], Iterator[Any]]
"""Called with what is worked through, how much there is and what is done; may show a bar."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A tile whose pixels could not be compared.

    Attributes:
        image_id: The tile.
        reason: Why, on one line.
    """

    image_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Search:
    """What a search for overlaps found.

    Attributes:
        overlaps: Pairs, each once, in the order of the label table.
        unreadable: Tiles with a file that cannot be decoded or has another size.
        without_file: Labelled tiles that the folder lacks; only their ships were compared.
    """

    overlaps: tuple[Overlap, ...]
    unreadable: tuple[Unreadable, ...] = ()
    without_file: tuple[str, ...] = ()


def find_overlaps(
    table: LabelTable,
    images: Path | None = None,
    *,
    block_px: int = BLOCK_PX,
    workers: int | None = None,
    watch: Watch | None = None,
) -> Search:
    """Find the pairs of tiles that share ground.

    Args:
        table: All tiles and their ships.
        images: Folder of tiles, one file per ImageId. None compares ships alone.
        block_px: Stride at which the tiles were cut.
        workers: Tiles to decode at a time; None takes one per core.
        watch: Wraps what takes long, to show how far it is.

    Raises:
        ConfigError: The folder is not there.
        UsageError: `workers` is below 1.
    """
    raise NotImplementedError
