"""Straighten hulls: where a mask is nearly a rectangle, draw the rectangle.

A segmenter rounds bows and sterns off, for at a corner it is least sure. Where the truth that it
learnt from consists of rotated rectangles, as in the Airbus set (half of its ships share 98.5 % of
their pixels with their own rectangle), that costs every ship some of its length. A bundle says by
how much its own masks are too short and too wide, measured where it was exported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.inference.instances import runs_of_window
from shipseg.inference.margins import REACH_PX
from shipseg.inference.ships import Ship
from shipseg.rectangle import Rectangle, rectangle_of

Mask = npt.NDArray[np.bool_]
Refine = Callable[[Rectangle], Rectangle]

_EIGHT = np.ones((3, 3), dtype=np.bool_)
# A hull is not taken for a line.
_LEAST_WIDTH = 0.7


@dataclass(frozen=True, slots=True)
class Straightening:
    """When and how masks become rectangles.

    Attributes:
        rectangularity: Least IoU, 0..1, of a mask with its rectangle.
        longer_px: By how much the rectangle is longer than the mask's moments say.
        narrower_px: By how much it is narrower.
    """

    rectangularity: float
    longer_px: float
    narrower_px: float


def moved_by(rectangle: Rectangle, right: float, down: float) -> Rectangle:
    """Move a rectangle by some pixels."""
    return replace(rectangle, centre_xy=rectangle.centre_xy + np.array([right, down]))


def _grown(rectangle: Rectangle, how: Straightening) -> Rectangle:
    width = max(rectangle.width - how.narrower_px, _LEAST_WIDTH * rectangle.width)
    return replace(rectangle, length=rectangle.length + how.longer_px, width=width)


def rectangularity(mask: Mask) -> float:
    """Return the IoU, 0..1, of a mask with the rectangle of its moments.

    Args:
        mask: (h, w) bool, not empty. What the rectangle has beyond the array does not count.
    """
    plain = rectangle_of(mask).drawn(mask.shape)
    return float(np.count_nonzero(mask & plain) / np.count_nonzero(mask | plain))


def straightened(ship: Ship, how: Straightening, refine: Refine | None = None) -> Ship | None:
    """Give a ship the rectangle that its mask nearly is.

    Args:
        ship: With its mask.
        how: Of the model that drew the mask.
        refine: Gives a better rectangle for one, in pixels of the picture; None where there is no
            such thing.

    Returns:
        The same ship with another mask, within the picture and `REACH_PX` of its own; None where
        it keeps its own, because that is no rectangle or the picture cuts it.
    """
    x0, y0, x1, y1 = ship.box_xyxy
    height, width = ship.shape_hw
    if x0 == 0 or y0 == 0 or x1 == width or y1 == height:
        return None
    mask = np.pad(ship.chip, REACH_PX)
    if rectangularity(mask) < how.rectangularity:
        return None
    near = ndimage.binary_dilation(mask, structure=_EIGHT, iterations=REACH_PX)
    left, top = x0 - REACH_PX, y0 - REACH_PX
    grown = _grown(rectangle_of(mask), how)
    drawn = grown.drawn(mask.shape) & near
    if refine is not None:
        found = moved_by(refine(moved_by(grown, left, top)), -left, -top)
        better = found.drawn(mask.shape) & near
        # One that has left its ship has found something else.
        if 2 * np.count_nonzero(better & mask) >= np.count_nonzero(better | mask):
            drawn = better
    rows = slice(max(0, -top), height - top)
    columns = slice(max(0, -left), width - left)
    drawn = drawn[rows, columns]
    if not drawn.any():
        return None
    return replace(ship, runs=runs_of_window(drawn, (max(0, left), max(0, top)), height))
