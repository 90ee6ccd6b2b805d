"""Part rafts: ships that lie side by side in one mask, where the refiner finds each of them.

Barges and fishing boats moor with no water between them, and the cores of their masks run together.
The mask is cut into equal strips, each strip is looked at, and where they fit ships better than the
whole does they are ships.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.inference.straighten import rectangularity
from shipseg.rectangle import Rectangle, rectangle_at, rectangle_of, shared_px

Mask = npt.NDArray[np.bool_]
Judge = Callable[[Sequence[Rectangle]], list[tuple[Rectangle, float]]]
"""Moves rectangles to the hulls beneath them, and says which IoU is to be expected of each."""

# A mask is looked at where it is stouter than most hulls or no rectangle, and where the refiner is
# neither sure of it as a whole nor that nothing is there: of four ships, one is a quarter of them.
_STOUT, _RECTANGULAR, _NOTHING, _SURE = 3.5, 0.75, 0.2, 0.8
# Strips: the most that a mask is cut into either way, the least width of one in pixels, and how
# long one is, in widths.
_MOST_STRIPS, _LEAST_WIDTH_PX, _LEAST_ASPECT, _MOST_ASPECT = 4, 5.0, 2.2, 8.5
# A ship of a raft: how well it has to fit, how much of it lies in the mask and how much of the mask
# it may be, and what it may share with another.
_FITS, _INSIDE, _MOST_OF_MASK, _SHARED = 0.45, 0.75, 0.75, 0.3
# A map is blurred: a hull may reach so far over its mask.
_RIM_PX = 2
# All of them together: how much of the mask they cover.
_COVERED = 0.8


def part_raft(mask: Mask, judge: Judge, *, min_area_px: int) -> list[Mask]:
    """Part the ships that lie side by side in a mask.

    Args:
        mask: (h, w) bool, not empty, one ship or more.
        judge: Of rectangles in pixels of the mask.
        min_area_px: Least area of a ship.

    Returns:
        Disjoint masks (h, w), none empty, within the given one, what lies between ships left out;
        the given one alone where it fits a ship better as a whole.
    """
    around = rectangle_of(mask)
    if around.length >= _STOUT * around.width and rectangularity(mask) >= _RECTANGULAR:
        return [mask]
    strips = list(_strips(around))
    if not strips:
        return [mask]
    ((_, whole),) = judge([around])
    if not _NOTHING <= whole <= _SURE:
        return [mask]
    ships = _apart(_within(judge(strips), mask, min_area_px))
    masks = list(_drawn([ship for ship, _ in ships], mask))
    areas = [np.count_nonzero(one) for one in masks]
    if (
        len(masks) < 2
        or min(areas) < min_area_px
        or sum(areas) < _COVERED * np.count_nonzero(mask)
        or np.average([fit for _, fit in ships], weights=areas) <= whole
    ):
        return [mask]
    return masks


def _strips(around: Rectangle) -> Iterator[Rectangle]:
    """Cut a rectangle into equal strips along it and across it, as many as ships may be there."""
    for count in range(2, _MOST_STRIPS + 1):
        for axis, side, other, turned in (
            (around.across, around.width, around.length, False),
            (around.along, around.length, around.width, True),
        ):
            width, length = side / count, other
            # Strips across a long hull are longer the other way.
            if width > length:
                width, length, turned = length, width, not turned
            if width < _LEAST_WIDTH_PX or not _LEAST_ASPECT <= length / width <= _MOST_ASPECT:
                continue
            heading = around.heading_rad + (np.pi / 2 if turned else 0.0)
            for number in range(count):
                aside = ((number + 0.5) / count - 0.5) * side
                yield rectangle_at(around.centre_xy + aside * axis, heading, length, width)


def _within(
    judged: Sequence[tuple[Rectangle, float]], mask: Mask, min_area_px: int
) -> list[tuple[Rectangle, float]]:
    """Keep what fits and lies in the mask without being all of it, the best first."""
    grown = ndimage.binary_dilation(np.pad(mask, _RIM_PX), iterations=_RIM_PX)
    most = _MOST_OF_MASK * np.count_nonzero(mask)
    kept = []
    for ship, fit in judged:
        if fit < _FITS or not min_area_px <= ship.area_px <= most:
            continue
        inside = replace(ship, centre_xy=ship.centre_xy + _RIM_PX).drawn(grown.shape) & grown
        if np.count_nonzero(inside) >= _INSIDE * ship.area_px:
            kept.append((ship, fit))
    return sorted(kept, key=lambda one: -one[1])


def _apart(ships: Sequence[tuple[Rectangle, float]]) -> list[tuple[Rectangle, float]]:
    """Leave out what lies in the way of a better one."""
    kept: list[tuple[Rectangle, float]] = []
    for ship, fit in ships:
        if all(
            shared_px(ship, other) < _SHARED * min(ship.area_px, other.area_px)
            for other, _ in kept
        ):  # fmt: skip
            kept.append((ship, fit))
    return kept


def _drawn(ships: Sequence[Rectangle], mask: Mask) -> Iterator[Mask]:
    """Give each ship its part of the mask, the first one first."""
    left = mask
    for ship in ships:
        part = left & ship.drawn(mask.shape)
        left = left & ~part
        yield part
