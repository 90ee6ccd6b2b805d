"""Moor a ship alongside a larger hull: tenders, tugs and barges, which tiles show too seldom.

Most ships that are missed as a part of another lie beside one several times their size. Rafts of
one ship's copies (`shipseg.dataset.paste`) do not show that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.dataset.paste import Canvas, Cutting, Pose, is_calm, lay
from shipseg.rectangle import Rectangle, points_of, rectangle_of

Mask = npt.NDArray[np.bool_]

# A hull that others may lie at, in pixels, and how much of the rectangle with its moments it fills:
# two that touch, or one bent around a quay, fill less or more.
_LEAST_LENGTH_PX, _LEAST_WIDTH_PX = 24.0, 6.0
_FILLED = (0.85, 1.15)
# Of the hull's length: those that moor are shorter.
_LONGEST = (0.25, 0.95)
# Moored ships lie parallel, but for a few degrees; between the hulls are a pixel or two of shadow.
_SWING_RAD, _GAP_PX = 0.06, (0.5, 3.5)
# At the bow or the stern instead of the side.
_AT_AN_END = 0.12
# Of a ship's pixels: within the crop, and over other ships.
_LEAST_WITHIN, _MOST_OVER = 0.6, 0.12
_TRIES = 6


@dataclass(frozen=True, slots=True, eq=False)
class Hull:
    """A ship of a crop that others may moor at.

    Attributes:
        mask: (S, S) bool.
        rectangle: What it nearly is.
    """

    mask: Mask
    rectangle: Rectangle

    def pose(self, rng: np.random.Generator) -> Pose:
        """Return how a ship lies alongside it."""
        heading = self.rectangle.heading_rad + rng.uniform(-_SWING_RAD, _SWING_RAD)
        return Pose(heading, rng.uniform(*_LONGEST) * self.rectangle.length)


def draw_hull(mask: Mask, rng: np.random.Generator) -> Hull | None:
    """Draw one of the ships of a crop.

    Args:
        mask: (S, S) bool, all ships.
        rng: Decides which.

    Returns:
        The ship; None where none is large enough and by itself.
    """
    blobs, count = ndimage.label(mask, structure=np.ones((3, 3)))
    places = enumerate(ndimage.find_objects(blobs, count), start=1)
    hulls = [number for number, place in places if _is_hull(blobs[place] == number)]
    if not hulls:
        return None
    own = blobs == hulls[int(rng.integers(len(hulls)))]
    return Hull(own, rectangle_of(own))


def moor(canvas: Canvas, cutting: Cutting, hull: Hull, rng: np.random.Generator) -> bool:
    """Lay a ship beside a hull, in place, where calm water is.

    Args:
        canvas: The crop.
        cutting: The ship, cut out in the hull's pose.
        hull: A ship of the crop.
        rng: Decides on which side, and how far along.

    Returns:
        Whether there was a place.
    """
    size, side = canvas.mask.shape[0], cutting.mask.shape[0]
    own, pixels = rectangle_of(cutting.mask).centre_xy, np.count_nonzero(cutting.mask)
    for _ in range(_TRIES):
        x0, y0 = (int(v) for v in np.rint(_berth(hull, cutting.mask, rng) - own))
        left, top = max(x0, 0), max(y0, 0)
        right, bottom = min(x0 + side, size), min(y0 + side, size)
        if left >= right or top >= bottom:
            continue
        here = slice(top, bottom), slice(left, right)
        part = cutting.mask[top - y0 : bottom - y0, left - x0 : right - x0]
        others = canvas.mask[here]
        if np.count_nonzero(part) < _LEAST_WITHIN * pixels:
            continue
        if np.count_nonzero(others & part) > _MOST_OVER * pixels:
            continue
        # Two pixels beside any ship are half its own colour.
        wet = canvas.rgb[here][part & ~ndimage.binary_dilation(others, iterations=2)]
        if is_calm(wet):
            lay(canvas, cutting, (x0, y0), wet.mean(axis=0), rim=0)
            return True
    return False


def _is_hull(mask: Mask) -> bool:
    rectangle = rectangle_of(mask)
    if rectangle.length < _LEAST_LENGTH_PX or rectangle.width < _LEAST_WIDTH_PX:
        return False
    filled = np.count_nonzero(mask) / (rectangle.length * rectangle.width)
    return bool(_FILLED[0] <= filled <= _FILLED[1])


def _berth(hull: Hull, mask: Mask, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return (x, y) of where the middle of a ship with that mask comes to lie."""
    sign, gap = float(rng.choice((-1, 1))), float(rng.uniform(*_GAP_PX))
    rectangle = hull.rectangle
    # The pose turned it: along is along, for both.
    lengths = rectangle.from_middle(points_of(mask))
    long, wide = np.ptp(lengths, axis=0) / 2
    if rng.random() < _AT_AN_END:
        along = sign * (rectangle.length / 2 + long + gap)
        across = rng.uniform(-0.3, 0.3) * rectangle.width
    else:
        along = rng.uniform(-0.5, 0.5) * rectangle.length
        at = rectangle.from_middle(points_of(hull.mask))
        beside = np.abs(at[:, 0] - along) <= long
        rim = (sign * at[beside, 1]).max() if beside.any() else rectangle.width / 2
        across = sign * (rim + wide + gap)
    berth: npt.NDArray[np.float64] = (
        rectangle.centre_xy + along * rectangle.along + across * rectangle.across
    )
    return berth
