"""How near a window's pixels are to what nobody has seen: nodata, or beyond the picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.imaging.tiling import Window

REACH_PX = 8
"""What is nearer than this to something unseen is `NEAR` it."""

NEAR, BESIDE = 1, 2
"""Levels of `margins_of`."""

_EIGHT = np.ones((3, 3), dtype=np.bool_)

Levels = npt.NDArray[np.uint8]


def margins_of(
    nodata: npt.NDArray[np.bool_] | None, window: Window, shape_hw: tuple[int, int]
) -> Levels:
    """Tell of each pixel of a window how near it is to what is unseen.

    Args:
        nodata: (h, w) bool of the window, or None where all is data.
        window: A window of the picture.
        shape_hw: Height and width of the picture.

    Returns:
        (h, w) uint8: `BESIDE` for pixels beside nodata, corners included, and in the outermost rows
        and columns of the picture; `NEAR` within `REACH_PX` of nodata or of the window's end, where
        the picture goes on but was not looked at; 0 elsewhere.
    """
    levels = np.zeros(window.shape_hw, np.uint8)
    at_edge = (
        (window.y0 == 0, np.s_[0], np.s_[:REACH_PX]),
        (window.x0 == 0, np.s_[:, 0], np.s_[:, :REACH_PX]),
        (window.y1 == shape_hw[0], np.s_[-1], np.s_[-REACH_PX:]),
        (window.x1 == shape_hw[1], np.s_[:, -1], np.s_[:, -REACH_PX:]),
    )
    for is_edge, _, band in at_edge:
        if not is_edge:
            levels[band] = NEAR
    if nodata is not None and nodata.any():
        levels[ndimage.binary_dilation(nodata, structure=_EIGHT, iterations=REACH_PX)] = NEAR
        levels[ndimage.binary_dilation(nodata, structure=_EIGHT)] = BESIDE
    for is_edge, line, _ in at_edge:
        if is_edge:
            levels[line] = BESIDE
    return levels
