"""Keep straightened ships apart: no pixel is two ships', whatever their rectangles say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from shipseg.inference.instances import runs_of_window
from shipseg.inference.ships import Ship
from shipseg.rle import crop, overlap_area

_EIGHT = np.ones((3, 3), dtype=np.bool_)
# Of a rectangle, what others have to leave of it.
_LEAST_KEPT = 0.8


def keep_apart(ships: Sequence[Ship], straight: Sequence[Ship | None]) -> list[Ship]:
    """Straighten ships, and let none have what is another's.

    Rectangles of ships that lie side by side reach over each other by a pixel or two. What a mask
    covered stays its ship's, whatever the other's rectangle says; of the rest, what two rectangles
    share is neither's. A rectangle that would lose more than a fifth to that, or fall into parts,
    is none, and the ship keeps its mask.

    Args:
        ships: With disjoint masks.
        straight: Of each what `straightened` gave.

    Returns:
        In the same order, straightened or as they were, with disjoint masks.
    """
    if not any(straight):
        return list(ships)
    both = list(zip(ships, straight, strict=True))
    others = [[one for n in near for one in both[n] if one is not None] for near in _near(both)]
    return [
        ship if other is None else _less(ship, other, theirs)
        for (ship, other), theirs in zip(both, others, strict=True)
    ]


def _less(ship: Ship, straight: Ship, others: Sequence[Ship]) -> Ship:
    """Take off a rectangle what others cover and its ship's own mask does not."""
    if not any(overlap_area(straight.runs, other.runs) for other in others):
        return straight
    place = x0, y0, _, _ = straight.box_xyxy
    shape_hw = straight.shape_hw
    whole = straight.chip
    kept = whole.copy()
    for other in others:
        kept &= ~crop(other.runs, shape_hw, place)
    kept |= whole & crop(ship.runs, shape_hw, place)
    parts = ndimage.label(kept, structure=_EIGHT)[1]
    if parts > 1 or np.count_nonzero(kept) < _LEAST_KEPT * np.count_nonzero(whole):
        return ship
    return replace(straight, runs=runs_of_window(kept, (x0, y0), shape_hw[0]))


def _near(both: Sequence[tuple[Ship, Ship | None]]) -> list[list[int]]:
    """Return of each ship the numbers of those whose boxes, with those of rectangles, meet its."""
    boxes = np.array([
        np.concatenate([np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])])
        for a, b in ((np.array(ship.box_xyxy), np.array((other or ship).box_xyxy))
                     for ship, other in both)
    ])  # fmt: skip
    # From left to right, so that only those that begin before one ends are looked at.
    order = np.argsort(boxes[:, 0], kind="stable")
    x0, y0, x1, y1 = boxes[order].T
    near: list[list[int]] = [[] for _ in both]
    for rank, until in enumerate(np.searchsorted(x0, x1)):
        later = slice(rank + 1, until)
        meets = (y0[later] < y1[rank]) & (y1[later] > y0[rank])
        for other in order[later][meets].tolist():
            near[order[rank]].append(other)
            near[other].append(int(order[rank]))
    return near
