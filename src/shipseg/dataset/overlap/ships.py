"""Overlaps from labels alone: a ship's mask that is there again, moved by whole blocks.

Where two tiles share a block, every ship has the same pixels in it, however the rest of the ship is
cut by the tiles' edges. So masks are compared block by block. Each ship's part of a block counts,
and all parts together, because ships that touch are one row in some tables and two in others.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from shipseg.dataset.overlap.pairs import Pairs, most_supported, pair_up
from shipseg.labels import LabelTable

Ints = npt.NDArray[np.int64]

# Smaller parts are alike by chance. In the full Airbus table (192,167 tiles) no part of 10 px or
# more is in more than 9 tiles, the number that can show one block; one of 1 px is in 22.
_LEAST_AREA_PX = 10
_LEAST_SEGMENTS = 3
# Nine, and as many again for tiles that are there twice.
_MOST_TILES = 18
# Keeps the work on 4.3 million runs within some 20 MB.
_TILES_AT_ONCE = 8192


def ship_pairs(table: LabelTable, block_px: int) -> Pairs:
    """Find tiles with the same ship masks in blocks that could be the same ground.

    Args:
        table: All tiles and their ships.
        block_px: Stride at which the tiles were cut.

    Returns:
        Each two tiles once.
    """
    height, width = table.shape_hw
    columns, rows = width // block_px, height // block_px
    found = [
        _block_masks(table, first, block_px)
        # At least once, for the sake of a table without tiles.
        for first in range(0, max(len(table), 1), _TILES_AT_ONCE)
    ]
    hashes, blocks = (np.concatenate(parts) for parts in zip(*found, strict=True))
    tiles, places = np.divmod(blocks, columns * rows)
    places_xy = np.column_stack((places % columns, places // columns))
    return most_supported(*pair_up(tiles, places_xy, _equal(hashes)))


def _block_masks(
    table: LabelTable, first: int, block_px: int
) -> tuple[npt.NDArray[np.uint64], Ints]:
    """Hash what ships cover of each block, for some tiles.

    Returns:
        ``(n,)`` hashes and ``(n,)`` blocks, numbered through all tiles.
    """
    height, width = table.shape_hw
    columns, rows = width // block_px, height // block_px
    ships, starts, ends = _runs_of(table, first)
    owners, x, tops, bottoms = _cut(starts, ends, height)
    tops, bottoms = tops - x * height, bottoms - x * height
    again, row, tops, bottoms = _cut(tops, bottoms, block_px)
    x, owners = x[again], owners[again]
    column = x // block_px
    whole = (column < columns) & (row < rows)
    inside = np.column_stack((ships[owners], x, column, row, tops, bottoms))[whole]
    ship, x, column, row, tops, bottoms = inside.T
    tile = np.searchsorted(table.ship_offsets, ship, side="right") - 1
    places = row * columns + column
    # A segment's hash is that of its upper end less that of its lower: where two segments touch,
    # the ends cancel out, so that one mask in two rows has the hash of the same mask in one.
    corner = (x - column * block_px) * (block_px + 1) - row * block_px
    hashes = _mix(corner + tops) - _mix(corner + bottoms)
    size = columns * rows
    found = [_sum_by(owner * size + places, hashes, bottoms - tops) for owner in (ship, tile)]
    (of_ships, ship_places), (of_tiles, tile_places) = found
    own = np.searchsorted(table.ship_offsets, ship_places // size, side="right") - 1
    return (
        np.concatenate((of_ships, of_tiles)),
        np.concatenate((own * size + ship_places % size, tile_places)),
    )


def _runs_of(table: LabelTable, first: int) -> tuple[Ints, Ints, Ints]:
    """Give the ship, start and end of all runs of some tiles."""
    last = min(first + _TILES_AT_ONCE, len(table))
    ships = np.arange(table.ship_offsets[first], table.ship_offsets[last])
    edges = table.run_offsets[table.ship_offsets[first] : table.ship_offsets[last] + 1]
    runs = table.runs[edges[0] : edges[-1]]
    return np.repeat(ships, np.diff(edges)), runs[:, 0], runs.sum(axis=1)


def _cut(starts: Ints, ends: Ints, step: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Cut half-open intervals at multiples of `step`.

    Returns:
        Of each piece: the index of its interval, the number of its step, start and end.
    """
    first = starts // step
    pieces = (ends - 1) // step - first + 1
    owners = np.repeat(np.arange(len(starts)), pieces)
    steps = first[owners] + np.arange(len(owners)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    cut_starts = np.maximum(starts[owners], steps * step)
    return owners, steps, cut_starts, np.minimum(ends[owners], (steps + 1) * step)


def _mix(values: Ints) -> npt.NDArray[np.uint64]:
    """Hash numbers: the last steps of splitmix64, https://prng.di.unimi.it/splitmix64.c."""
    mixed = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _sum_by(
    keys: Ints, hashes: npt.NDArray[np.uint64], lengths: Ints
) -> tuple[npt.NDArray[np.uint64], Ints]:
    """Add up the hashes of each key; keep keys with enough pixels to be no chance."""
    order = np.argsort(keys, kind="stable")
    keys, hashes, lengths = keys[order], hashes[order], lengths[order]
    begins = np.flatnonzero(np.diff(keys, prepend=-1))
    if not len(begins):
        return hashes, keys
    enough = np.add.reduceat(lengths, begins) >= _LEAST_AREA_PX
    enough &= np.diff(begins, append=len(keys)) >= _LEAST_SEGMENTS
    return np.add.reduceat(hashes, begins)[enough], keys[begins[enough]]


def _equal(hashes: npt.NDArray[np.uint64]) -> Ints:
    """Find equal hashes, but not those that are all over the place: ``(m, 2)`` indices."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] + np.uint64(1)))
    sizes = np.diff(begins, append=len(ordered))
    # A block with one ship is there as the ship's part and as all parts.
    order = order[np.repeat(sizes <= 2 * _MOST_TILES, sizes)]
    return np.concatenate([np.zeros((0, 2), np.int64), *_at_each_distance(order, hashes)])


def _at_each_distance(order: Ints, hashes: npt.NDArray[np.uint64]) -> Iterator[Ints]:
    for distance in range(1, 2 * _MOST_TILES):
        left, right = order[:-distance], order[distance:]
        same = hashes[left] == hashes[right]
        if not same.any():
            return
        yield np.column_stack((left[same], right[same]))
