"""Two tiles that show the same ground, and the groups that such pairs make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Evidence: TypeAlias = Literal["ships", "pixels"]
"""What a pair rests on: ship masks alone, or pixels that were compared."""

Window: TypeAlias = tuple[int, int, int, int]
"""``(x0, y0, x1, y1)`` in pixels, half-open."""

Pairs: TypeAlias = npt.NDArray[np.int64]
"""``(n, 4)``: index of the first tile, of the second, and ``dx``, ``dy`` in blocks, as `Overlap`
has them in pixels. The first tile has the smaller index; rows are sorted and unique."""

BLOCK_PX = 256
"""Stride at which the tiles of the Airbus set were cut from their acquisitions."""


@dataclass(frozen=True, slots=True, order=True)
class Overlap:
    """Two tiles that share ground.

    The shift says where the upper left corner of `second` lies in `first`: pixel ``(x, y)`` of
    `first` shows the same ground as pixel ``(x - dx, y - dy)`` of `second`. A positive ``dx`` means
    that `second` reaches further to the right, a positive ``dy`` further down.

    Attributes:
        first: ImageId; of the two, the one that comes first in the label table.
        second: ImageId of the other tile.
        shift_xy: ``(dx, dy)`` in pixels, multiples of the block's side; ``(0, 0)`` for two tiles of
            one place.
        evidence: ``"pixels"`` where the pixels of the shared ground were compared and agree,
            ``"ships"`` where only the masks of ships do, because pixels of one were not at hand.
    """

    first: str
    second: str
    shift_xy: tuple[int, int]
    evidence: Evidence

    def windows(self, shape_hw: tuple[int, int]) -> tuple[Window, Window]:
        """Give the shared ground as a window of `first` and one of `second`, of one size.

        Args:
            shape_hw: Height and width of both tiles, in pixels.

        Examples:
            >>> Overlap("a.jpg", "b.jpg", (512, -256), "ships").windows((768, 768))
            ((512, 0, 768, 512), (0, 256, 256, 768))
        """
        return shared_windows(self.shift_xy, shape_hw)


def shared_windows(shift_xy: tuple[int, int], shape_hw: tuple[int, int]) -> tuple[Window, Window]:
    """Give what two tiles of one size share at a shift, as a window of each; see `Overlap`.

    Args:
        shift_xy: ``(dx, dy)`` in pixels, each smaller than the tile.
        shape_hw: Height and width of both tiles, in pixels.
    """
    (dx, dy), (height, width) = shift_xy, shape_hw
    x0, x1 = max(0, dx), min(width, width + dx)
    y0, y1 = max(0, dy), min(height, height + dy)
    return (x0, y0, x1, y1), (x0 - dx, y0 - dy, x1 - dx, y1 - dy)


def pair_up(
    tiles: npt.NDArray[np.int64],
    places_xy: npt.NDArray[np.int64],
    matches: npt.NDArray[np.int64],
) -> tuple[Pairs, npt.NDArray[np.int64]]:
    """Turn blocks that look the same into pairs of tiles.

    Args:
        tiles: ``(b,)`` index of the tile that each block lies in.
        places_xy: ``(b, 2)`` column and row of each block in its tile, in blocks.
        matches: ``(m, 2)`` indices of blocks that match. Two blocks of one tile make no pair.

    Returns:
        ``(n, 4)`` pairs, one for each shift that two tiles may have, and ``(n,)`` matches behind
        each.
    """
    backwards = tiles[matches[:, 0]] > tiles[matches[:, 1]]
    ordered = np.where(backwards[:, None], matches[:, ::-1], matches)
    first, second = tiles[ordered].T
    shifts = places_xy[ordered[:, 0]] - places_xy[ordered[:, 1]]
    rows = np.column_stack((first, second, shifts))[first != second]
    return np.unique(rows, axis=0, return_counts=True)


def most_supported(pairs: npt.NDArray[np.int64], support: npt.NDArray[np.int64]) -> Pairs:
    """Keep one shift for each two tiles, which can lie to each other in one way only.

    Of several, the one with the most support stays, and of those the first.

    Args:
        pairs: ``(m, 4)`` as `Pairs`, but with several shifts for two tiles.
        support: ``(m,)`` what speaks for each.
    """
    order = np.lexsort((pairs[:, 3], pairs[:, 2], -support, pairs[:, 1], pairs[:, 0]))
    ordered = pairs[order]
    leads = np.ones(len(ordered), np.bool_)
    leads[1:] = np.any(ordered[1:, :2] != ordered[:-1, :2], axis=1)
    return ordered[leads]


def group_overlaps(image_ids: Sequence[str], overlaps: Iterable[Overlap]) -> dict[str, int]:
    """Group tiles that overlap, directly or through others.

    Args:
        image_ids: All tiles, each once.
        overlaps: Pairs among them.

    Returns:
        ImageId to the number of its group, in the order of `image_ids`. Groups are numbered from 0
        by their first tile; a tile that overlaps no other is a group of its own.

    Examples:
        >>> pair = Overlap("b.jpg", "c.jpg", (256, 0), "ships")
        >>> group_overlaps(["a.jpg", "b.jpg", "c.jpg"], [pair])
        {'a.jpg': 0, 'b.jpg': 1, 'c.jpg': 1}
    """
    index_of = {image_id: index for index, image_id in enumerate(image_ids)}
    edges = np.array(
        [(index_of[pair.first], index_of[pair.second]) for pair in overlaps], np.int64
    ).reshape(-1, 2)
    size = len(image_ids)
    graph = coo_matrix((np.ones(len(edges), np.bool_), (edges[:, 0], edges[:, 1])), (size, size))
    labels = connected_components(graph, directed=False)[1]
    # Not every version of scipy numbers the components by their first member.
    number: dict[int, int] = {}
    return {
        image_id: number.setdefault(label, len(number))
        for image_id, label in zip(image_ids, labels.tolist(), strict=True)
    }
