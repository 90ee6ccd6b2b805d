"""A sample of a scene's values, bounded whatever its size, from which its stretch is decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.imaging.tiling import Window

Bands = npt.NDArray[Any]

# So many windows a side, of this side in pixels, and more of them where together they hold less
# than the third figure of data.
_WINDOWS, _SIDE, _LEAST = 16, 128, 250_000
# A finer lattice may meet far more data than the coarse one did.
_MOST = _WINDOWS**2 * _SIDE**2


def sample_pixels(
    read: Callable[[Window], tuple[Bands, npt.NDArray[np.bool_]]], shape_hw: tuple[int, int]
) -> Bands:
    """Take valid pixels of a lattice of windows, a finer one where there are too few.

    A scene may be empty but for a narrow strip, which a coarse lattice misses.

    Args:
        read: Gives (C, h, w) values and (h, w) bool of a window, True where they are data.
        shape_hw: Height and width of the scene.

    Returns:
        (C, n) values, in an order that depends on the scene alone.
    """
    height, width = shape_hw
    taken: list[Bands] = []
    seen: set[Window] = set()
    size, count = 0, _WINDOWS
    while size < _LEAST:
        new = [
            window
            for y in _spread(height, count)
            for x in _spread(width, count)
            if (window := Window(x, y, min(x + _SIDE, width), min(y + _SIDE, height))) not in seen
        ]
        if not new:
            break
        for window in new:
            bands, valid = read(window)
            taken.append(bands[:, valid])
            size += taken[-1].shape[1]
            if size > _MOST:
                break
        seen.update(new)
        count *= 2
    return np.concatenate(taken, axis=1)


def _spread(length: int, count: int) -> list[int]:
    """Say where up to `count` windows of the sample begin along a side, the last at its end."""
    if count * _SIDE >= length:
        # Side by side, so that every pixel counts once.
        return list(range(0, length, _SIDE))
    places = np.linspace(0, length - _SIDE, count).tolist()
    return sorted({round(place) for place in places})
