"""Part a boat from the hull that it lies at: what the refiner leaves of a mask may be another ship.

The cores of a hull and of a tender a tenth its size run together more often than those of equals,
and then one mask covers both. It is no rectangle, but the refiner fits one to the hull in it. What
lies beside that and is nearly a rectangle itself was taken for a part of the hull.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.inference.straighten import Refine, rectangularity
from shipseg.rectangle import rectangle_of

Mask = npt.NDArray[np.bool_]

_EIGHT = np.ones((3, 3), dtype=np.bool_)
# Whole hulls are nearly rectangles; below this a mask is looked at.
_WHOLE = 0.8
# The hull: how much of its rectangle the mask covers, how much of the mask is hull, and how nearly
# what is left of the mask for it has to be a rectangle.
_COVERED, _HULL, _HULL_LIKE = 0.85, 0.4, 0.75
# What lies beside it: its area in pixels at least, and how nearly it has to be a rectangle.
_LEAST_PX, _BOAT_LIKE = 40, 0.6
# A map is blurred: the hull's rim is not yet another ship, and the boat's is its own.
_RIM_PX, _GROWN_PX = 1, 2


def part_moored(mask: Mask, refine: Refine, *, min_area_px: int) -> list[Mask]:
    """Part boats from the hull that a mask shows.

    Args:
        mask: (h, w) bool, not empty, one ship or more.
        refine: Fits a rectangle, in pixels of the mask, to the hull beneath it.
        min_area_px: Least area of a ship.

    Returns:
        Disjoint masks (h, w), none empty, within the given one: the hull and the boats; the given
        one alone where it is a hull by itself, or shows nothing that could be taken for two.
    """
    least = max(min_area_px, _LEAST_PX)
    if np.count_nonzero(mask) < 2 * least or rectangularity(mask) >= _WHOLE:
        return [mask]
    hull = refine(rectangle_of(mask)).drawn(mask.shape)
    common = np.count_nonzero(hull & mask)
    if common < max(_COVERED * np.count_nonzero(hull), _HULL * np.count_nonzero(mask), 1):
        return [mask]
    beside = mask & ~ndimage.binary_dilation(hull, iterations=_RIM_PX)
    labels, count = ndimage.label(ndimage.binary_opening(beside))
    boats = []
    rest = mask
    for number in range(1, count + 1):
        boat = labels == number
        if np.count_nonzero(boat) < least or rectangularity(boat) < _BOAT_LIKE:
            continue
        boat = ndimage.binary_dilation(boat, iterations=_GROWN_PX) & rest & ~hull
        rest = rest & ~boat
        boats.append(boat)
    if not boats:
        return [mask]
    labels, count = ndimage.label(rest, structure=_EIGHT)
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    if rectangularity(largest) < _HULL_LIKE:
        return [mask]
    return [largest, *boats]
