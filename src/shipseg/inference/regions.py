"""Segment a region of any size: in one go while memory allows it, else in windows that blend."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shipseg.imaging.tiling import pad_to, windows
from shipseg.inference.runtime import SegmenterSession

# A region larger than this is segmented in windows, to bound memory: about 1 GB at 1,536 px.
_WHOLE_PX = 1536
_BLEND_PX = 192


def segment_region(
    session: SegmenterSession, rgb: npt.NDArray[np.uint8], *, least_px: int, multiple: int
) -> npt.NDArray[np.float32]:
    """Ask the segmenter about a region.

    Args:
        session: The segmenter.
        rgb: (h, w, 3) uint8.
        least_px: Least side of what it is shown; a smaller region is padded.
        multiple: Sides of what it is shown are divisible by it.

    Returns:
        (2, h, w) float32, probabilities of ship and core.
    """
    height, width = rgb.shape[:2]
    if max(height, width) <= _WHOLE_PX:
        padded = pad_to(rgb, minimum=least_px, multiple=multiple)
        return session(padded)[:, :height, :width]
    total = np.zeros((2, height, width), dtype=np.float32)
    weight = np.zeros((height, width), dtype=np.float32)
    for window in windows((height, width), _WHOLE_PX, _BLEND_PX):
        part = segment_region(session, rgb[window.slices], least_px=least_px, multiple=multiple)
        fade = _fade(window.shape_hw)
        total[:, *window.slices] += part * fade
        weight[window.slices] += fade
    return total / weight


def _fade(shape_hw: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Weights of a window that fall linearly towards its rim, never to zero.

    They are whole numbers up to 192², so that float32 sums them exactly: where two windows say the
    same 0 or 1, so does the mean.
    """
    rows, columns = (
        np.minimum(np.minimum(np.arange(n) + 1, n - np.arange(n)), _BLEND_PX).astype(np.float32)
        for n in shape_hw
    )
    return np.outer(rows, columns)
