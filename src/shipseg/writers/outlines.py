"""Outlines of masks: smooth lines just outside the mask, readable on any ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.rle import Runs, box, crop

Colour = tuple[int, int, int]

# Far apart in hue, alike in lightness, and in an order in which neighbours differ most.
PALETTE: tuple[Colour, ...] = (
    (255, 214, 0),
    (0, 224, 255),
    (255, 112, 214),
    (128, 255, 84),
    (255, 148, 56),
    (178, 164, 255),
)

# The line's middle lies this far outside the mask, so that small hulls stay visible.
_OFFSET_PX = 1.6
# A dark seam on both sides makes the line stand out on white cloud.
_SEAM_PX = 1.1
_SEAM_STRENGTH = 0.55
_FINE = 4
# Above this area of a ship's box, finer steps cost more than they show.
_FINE_AREA_PX = 300_000


@dataclass(frozen=True, slots=True, eq=False)
class _Strokes:
    """Coverage of a line and of its seam in a window, 0..1."""

    line: npt.NDArray[np.float32]
    seam: npt.NDArray[np.float32]


def draw_outline(
    rgb: npt.NDArray[np.uint8], runs: Runs, colour: Colour, *, width_px: float = 1.6
) -> None:
    """Draw the outline of one mask into a picture, in place.

    Args:
        rgb: (H, W, 3) uint8.
        runs: (n, 2) int64 runs of the mask, on the picture's shape.
        colour: Red, green, blue.
        width_px: Width of the line.
    """
    around = box(runs, rgb.shape[0])
    if around is None:
        return
    margin = int(np.ceil(_OFFSET_PX + width_px / 2 + _SEAM_PX)) + 1
    x0, y0, x1, y1 = around
    window = (x0 - margin, y0 - margin, x1 + margin, y1 + margin)
    shape_hw = (rgb.shape[0], rgb.shape[1])
    strokes = _strokes(crop(runs, shape_hw, window), width_px)
    _blend(rgb, window, strokes.seam * _SEAM_STRENGTH, (0, 0, 0))
    _blend(rgb, window, strokes.line, colour)


def _strokes(mask: npt.NDArray[np.bool_], width_px: float) -> _Strokes:
    """Give the coverage of the line around a mask, by the distance to it on a finer grid."""
    # Imported here, so that writing tables does not load SciPy.
    from scipy.ndimage import distance_transform_edt

    fine = _FINE if mask.size <= _FINE_AREA_PX else 1
    large = mask.repeat(fine, axis=0).repeat(fine, axis=1)
    # From a cell's middle to the mask's edge: half a cell less than to the nearest cell's middle.
    away = distance_transform_edt(~large) / fine - 0.5 / fine
    from_line = np.abs(away - _OFFSET_PX)
    line = np.clip((width_px / 2 - from_line) * fine + 0.5, 0, 1)
    seam = np.clip((width_px / 2 + _SEAM_PX - from_line) * fine + 0.5, 0, 1)
    seam[large] = 0
    return _Strokes(_reduce(line, fine), _reduce(seam, fine))


def _reduce(fine: npt.NDArray[np.float64], factor: int) -> npt.NDArray[np.float32]:
    height, width = fine.shape
    blocks = fine.reshape(height // factor, factor, width // factor, factor)
    means: npt.NDArray[np.float32] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return means


def _blend(
    rgb: npt.NDArray[np.uint8],
    window_xyxy: tuple[int, int, int, int],
    alpha: npt.NDArray[np.float32],
    colour: Colour,
) -> None:
    """Paint a colour through a coverage whose window may reach over the picture's edges."""
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = window_xyxy
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = min(x1, width), min(y1, height)
    cover = alpha[top - y0 : bottom - y0, left - x0 : right - x0, None]
    patch = rgb[top:bottom, left:right]
    mixed = patch * (1 - cover) + np.array(colour, np.float32) * cover
    patch[:] = np.rint(mixed).astype(np.uint8)
