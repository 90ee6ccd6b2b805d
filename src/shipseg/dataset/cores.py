"""The core of a ship: its middle, kept apart from its neighbours'.

Ships moored side by side have masks that touch, so a map of ship pixels alone shows one blob. Their
cores do not touch, and every ship has one to learn from, not only the few that lie alongside.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.rle import Runs, box, crop

Mask = npt.NDArray[np.bool_]

# Of the largest distance to the rim. A hull's core is then half as wide as the hull, and the cores
# of two that touch are half a hull's width apart: wide enough for a map of half resolution.
_DEPTH = 0.5


def core_of(mask: Mask, *, open_sides: tuple[bool, bool, bool, bool] = (False,) * 4) -> Mask:
    """Return the pixels of a ship that lie deeper than half of its greatest depth.

    Args:
        mask: (h, w) bool, one ship.
        open_sides: Left, top, right, bottom: whether the picture cuts the ship there, so that its
            rim is not the array's.

    Returns:
        (h, w) bool, within the mask; not empty unless the mask is.
    """
    if not mask.any():
        return mask.copy()
    left, top, right, bottom = open_sides
    # What the picture cuts off goes on as it ends; elsewhere the sea begins.
    within = np.pad(mask, ((1, 1), (1, 1)))
    within[1:-1, 0] = mask[:, 0] & left
    within[1:-1, -1] = mask[:, -1] & right
    within[0] = within[1] & top
    within[-1] = within[-2] & bottom
    depth = ndimage.distance_transform_edt(within)[1:-1, 1:-1]
    core: Mask = (depth > _DEPTH * depth[mask].max()) & mask
    return core


def cores_in(
    ships: tuple[Runs, ...], shape_hw: tuple[int, int], window_xyxy: tuple[int, int, int, int]
) -> Mask:
    """Paint the cores of a tile's ships.

    Args:
        ships: Runs of each ship.
        shape_hw: Height and width of the tile, in pixels.
        window_xyxy: Where to look, (x0, y0, x1, y1) in pixels, half-open.

    Returns:
        (y1 - y0, x1 - x0) bool. The whole ship counts, also what lies outside the window.
    """
    height, width = shape_hw
    x0, y0, x1, y1 = window_xyxy
    out = np.zeros((y1 - y0, x1 - x0), dtype=np.bool_)
    for runs in ships:
        place = box(runs, height)
        if place is None:
            continue
        left, top, right, bottom = place
        inner = max(left, x0), max(top, y0), min(right, x1), min(bottom, y1)
        if inner[0] >= inner[2] or inner[1] >= inner[3]:
            continue
        cut = left == 0, top == 0, right == width, bottom == height
        core = core_of(crop(runs, shape_hw, place), open_sides=cut)
        seen = core[inner[1] - top : inner[3] - top, inner[0] - left : inner[2] - left]
        out[inner[1] - y0 : inner[3] - y0, inner[0] - x0 : inner[2] - x0] |= seen
    return out
