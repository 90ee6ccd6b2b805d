"""A picture with three ships of known places and scores, as the bundle of pixels sees them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..pictures import encoded, geotiff

# x0, y0, x1, y1 and the probability of ship in 255ths, by their first row.
SHIPS = (
    ((500, 100, 520, 160), 153),
    ((300, 320, 380, 336), 255),
    ((100, 600, 130, 612), 204),
)
SCORES = tuple(round(level / 255, 2) for _, level in SHIPS)
CENTRE_OF_SECOND = (340, 328)


def fleet() -> npt.NDArray[np.uint8]:
    rgb = np.zeros((768, 768, 3), np.uint8)
    for (x0, y0, x1, y1), level in SHIPS:
        rgb[y0:y1, x0:x1] = (level, 255, 90)
    return rgb


def mask(least: float = 0.0) -> npt.NDArray[np.uint8]:
    """What is to be saved where ships under a score are left out."""
    out = np.zeros((768, 768), np.uint8)
    for (x0, y0, x1, y1), level in SHIPS:
        if level / 255 >= least:
            out[y0:y1, x0:x1] = 255
    return out


PNG = encoded(fleet())
TIFF = geotiff(fleet())
EMPTY = encoded(np.zeros((600, 900, 3), np.uint8))
