"""Overlaps from pixels: blocks that look alike, and every pair of tiles then compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.fft import dctn
from scipy.spatial import cKDTree

from shipseg.dataset.overlap.compare import same_ground
from shipseg.dataset.overlap.looks import CELLS, Look, Luma, look_at, read_luma
from shipseg.dataset.overlap.pairs import Pairs, pair_up, shared_windows
from shipseg.errors import BadInputError
from shipseg.parallel import in_order

Item = TypeVar("Item")

# Root mean square over the cells, in grey levels. Saving a tile again at JPEG quality 75 moves 99
# of 100 blocks by less than 0.22; the sea elsewhere is rarely so near.
_RADIUS = 0.25
# Nine tiles show a block; room for copies, and for calm sea that is near by chance.
_NEIGHBOURS = 18
_BLOCKS_AT_ONCE = 16384
_FREQUENCIES = 20
# 0.6 MB each. Tiles that overlap are compared close after another.
_TILES_KEPT = 128


class Watch(Protocol):
    """Shows how far a long work is: wraps what it goes through."""

    def __call__(
        self, items: Iterator[Item], *, total: int, label: str
    ) -> AbstractContextManager[Iterator[Item]]:
        """Give the same items; `label` says what is done to them."""
        ...


@contextmanager
def unwatched(items: Iterator[Item], *, total: int, label: str) -> Iterator[Iterator[Item]]:
    """Show nothing."""
    yield items


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
class Album:
    """Tiles in a folder, decoded when they are asked for.

    Attributes:
        folder: Where they lie.
        image_ids: All labelled tiles; the others' indices count in this order.
        shape_hw: Height and width of every tile, in pixels.
        block_px: Side of a block, in pixels.
        workers: Tiles to decode at a time.
        watch: Shows how far it is.
    """

    folder: Path
    image_ids: Sequence[str]
    shape_hw: tuple[int, int]
    block_px: int
    workers: int
    watch: Watch = unwatched

    def look(self, tile: int) -> Look | Unreadable:
        """Decode and describe a tile, or say why that is not possible."""
        image_id = self.image_ids[tile]
        try:
            return look_at(self.luma(tile), self.block_px)
        except (BadInputError, OSError) as error:
            return Unreadable(image_id, " ".join(str(error).removeprefix(f"{image_id}: ").split()))

    def luma(self, tile: int) -> Luma:
        """Decode a tile; see `read_luma`."""
        return read_luma(self.folder, self.image_ids[tile], self.shape_hw)


def alike_pairs(album: Album, tiles: npt.NDArray[np.int64]) -> tuple[Pairs, dict[int, Unreadable]]:
    """Find tiles with blocks that look alike.

    Args:
        album: The tiles.
        tiles: ``(t,)`` indices of those to look at.

    Returns:
        Pairs to be compared, and the tiles that cannot be.
    """
    unreadable: dict[int, Unreadable] = {}
    owners: list[int] = []
    looks: list[Look] = []
    work = in_order(album.look, tiles.tolist(), album.workers)
    with album.watch(work, total=len(tiles), label="looking at tiles") as running:
        for tile, look in zip(tiles.tolist(), running, strict=True):
            if isinstance(look, Unreadable):
                unreadable[tile] = look
            else:
                owners.append(tile)
                looks.append(look)
    return _near_pairs(album, np.array(owners, np.int64), looks), unreadable


def _near_pairs(album: Album, owners: npt.NDArray[np.int64], looks: list[Look]) -> Pairs:
    columns = album.shape_hw[1] // album.block_px
    telling = [np.flatnonzero(look.telling) for look in looks]
    places = np.concatenate([np.zeros(0, np.int64), *telling])
    levels = np.concatenate(
        [np.zeros((0, CELLS**2), np.float32)]
        + [look.levels[chosen] for look, chosen in zip(looks, telling, strict=True)]
    )
    tiles = np.repeat(owners, [len(chosen) for chosen in telling])
    places_xy = np.column_stack((places % columns, places // columns))
    # Dark ground is near other dark ground, so every shift is a candidate.
    return pair_up(tiles, places_xy, _neighbours(levels, album.workers))[0]


def _neighbours(levels: npt.NDArray[np.float32], workers: int) -> npt.NDArray[np.int64]:
    """Find rows within the radius of each other: ``(m, 2)`` indices."""
    found = [np.zeros((0, 2), np.int64)]
    if len(levels) > 1:
        keys = _low_frequencies(levels)
        tree = cKDTree(keys)
        for first in range(0, len(levels), _BLOCKS_AT_ONCE):
            near = tree.query(
                keys[first : first + _BLOCKS_AT_ONCE],
                _NEIGHBOURS,
                distance_upper_bound=_RADIUS * CELLS,
                workers=workers,
            )[1]
            row, column = np.nonzero(near < len(levels))
            pairs = np.column_stack((row + first, near[row, column]))
            apart = np.square(levels[pairs[:, 0]] - levels[pairs[:, 1]]).sum(axis=1)
            found.append(pairs[apart <= (_RADIUS * CELLS) ** 2])
    return np.concatenate(found)


def _low_frequencies(levels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Turn cells into frequencies and keep the lowest, which differ most between blocks.

    Distances only get shorter, so that a search in them finds all that it would find in the cells,
    ten times as fast: 5 minutes instead of an hour for 1.7 million blocks on one core.
    """
    frequencies = dctn(levels.reshape(-1, CELLS, CELLS), axes=(1, 2), norm="ortho")
    order = np.add.outer(np.arange(CELLS), np.arange(CELLS)).ravel().argsort(kind="stable")
    lowest: npt.NDArray[np.float32] = frequencies.reshape(len(levels), -1)[:, order[:_FREQUENCIES]]
    return lowest


def confirmed(album: Album, pairs: Pairs) -> npt.NDArray[np.bool_]:
    """Compare the pixels that pairs would share.

    Args:
        album: The tiles.
        pairs: ``(n, 4)``, sorted by the first tile.

    Returns:
        ``(n,)`` bool, whether the ground is the same.
    """
    luma = lru_cache(_TILES_KEPT)(album.luma)

    def agree(of_first: list[list[int]]) -> list[bool]:
        return [
            _agree(luma(first), luma(second), (dx * album.block_px, dy * album.block_px))
            for first, second, dx, dy in of_first
        ]

    batches = (list(batch) for _, batch in groupby(pairs.tolist(), key=lambda pair: pair[0]))
    answers: list[bool] = []
    work = in_order(agree, batches, album.workers)
    total = len(np.unique(pairs[:, 0]))
    with album.watch(work, total=total, label="comparing tiles") as running:
        for batch in running:
            answers += batch
    return np.array(answers, np.bool_)


def _agree(first: Luma, second: Luma, shift_xy: tuple[int, int]) -> bool:
    height, width = first.shape
    (x0, y0, x1, y1), (u0, v0, u1, v1) = shared_windows(shift_xy, (height, width))
    return same_ground(first[y0:y1, x0:x1], second[v0:v1, u0:u1])
