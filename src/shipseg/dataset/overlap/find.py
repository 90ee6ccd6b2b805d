"""Find the tiles that share ground."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shipseg.dataset.overlap.pairs import BLOCK_PX, Evidence, Overlap, Pairs, most_supported
from shipseg.dataset.overlap.pixels import (
    Album,
    Unreadable,
    Watch,
    alike_pairs,
    confirmed,
    unwatched,
)
from shipseg.dataset.overlap.ships import ship_pairs
from shipseg.errors import ConfigError, UsageError
from shipseg.labels import LabelTable
from shipseg.parallel import worker_count


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

    Candidates are tiles with the same ship masks in a block, and tiles with blocks that look alike.
    Where the pixels of both are at hand, the shared ground is compared, and a pair that differs
    there is none. Ground without any texture (black or white edges) is never taken for the same.

    Args:
        table: All tiles and their ships.
        images: Folder of tiles, one file per ImageId. None compares ships alone.
        block_px: Stride at which the tiles were cut, a multiple of 8.
        workers: Tiles to decode at a time; None takes one per core.
        watch: Wraps what takes long, to show how far it is.

    Raises:
        ConfigError: The folder is not there.
        UsageError: `workers` is below 1, or `block_px` is no multiple of 8.
    """
    if block_px < 8 or block_px % 8:
        raise UsageError(f"the block's side is {block_px} pixels, expected a multiple of 8")
    by_ships = ship_pairs(table, block_px)
    if images is None:
        return Search(tuple(_overlaps(table, by_ships, block_px, "ships")))
    if not images.is_dir():
        raise ConfigError(f"the folder of tiles '{images}' is not there")
    # One listing instead of 192,556 calls to stat.
    present = {entry.name for entry in images.iterdir()}
    has_file = np.array([image_id in present for image_id in table.image_ids], np.bool_)
    album = Album(
        images, table.image_ids, table.shape_hw, block_px, worker_count(workers), watch or unwatched
    )
    by_pixels, unreadable = alike_pairs(album, np.flatnonzero(has_file))
    visible = has_file.copy()
    visible[list(unreadable)] = False
    both_seen = visible[by_ships[:, :2]].all(axis=1)
    seen = _compared(album, np.concatenate((by_pixels, by_ships[both_seen])))
    overlaps = [
        *_overlaps(table, seen, block_px, "pixels"),
        *_overlaps(table, by_ships[~both_seen], block_px, "ships"),
    ]
    position = {image_id: index for index, image_id in enumerate(table.image_ids)}
    overlaps.sort(key=lambda pair: (position[pair.first], position[pair.second]))
    lacking = [table.image_ids[tile] for tile in np.flatnonzero(~has_file)]
    return Search(tuple(overlaps), tuple(unreadable.values()), tuple(lacking))


def _compared(album: Album, candidates: npt.NDArray[np.int64]) -> Pairs:
    """Keep the candidates that pixels confirm."""
    pairs = np.unique(candidates, axis=0)
    kept = pairs[confirmed(album, pairs)]
    # Ground that repeats itself may agree at a second shift.
    return most_supported(kept, np.zeros(len(kept), np.int64))


def _overlaps(
    table: LabelTable, pairs: Pairs, block_px: int, evidence: Evidence
) -> Iterable[Overlap]:
    for first, second, dx, dy in pairs.tolist():
        shift = (dx * block_px, dy * block_px)
        yield Overlap(table.image_ids[first], table.image_ids[second], shift, evidence)
