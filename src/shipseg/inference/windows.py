"""Which windows of a picture the segmenter has to see, given where the gate saw something."""

from __future__ import annotations

import math
from collections.abc import Set

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.imaging.tiling import Window
from shipseg.imaging.window_index import WindowIndex

_EIGHT = np.ones((3, 3), dtype=np.int8)
# Of the side of the crops that the segmenter was trained on. On the validation tiles F2 over all is
# 0.801 with windows of the whole side, of three quarters and of half of it, and 0.802 where whole
# tiles are segmented; three quarters save a quarter of the segmenter's time (docs/speed.md).
_LEAST_SHARE = 0.75


def least_side(crop_px: int, multiple: int) -> int:
    """Say how small a window may be.

    Args:
        crop_px: Side of the crops that the segmenter was trained on.
        multiple: What the answer is divisible by.
    """
    return math.ceil(_LEAST_SHARE * crop_px / multiple) * multiple


def windows_around(
    hot: npt.NDArray[np.bool_],
    shape_hw: tuple[int, int],
    *,
    cell_px: int,
    margin_cells: int,
    least_px: int,
    multiple: int,
) -> list[Window]:
    """Enclose the hot cells in few windows, each cluster of them whole in one: no seam cuts a ship.

    Args:
        hot: (rows, columns) bool, the cells where a ship may be.
        shape_hw: Height and width of the picture in pixels.
        cell_px: Side of a cell in pixels.
        margin_cells: Cells of surroundings added on every side: context, and room for a hull that
            goes on where the gate no longer saw it.
        least_px: Least side of a window, where the picture has it.
        multiple: Sides are divisible by it, where the picture has room.

    Returns:
        Windows inside the picture that do not overlap, from the top left on.
    """
    reach = 2 * margin_cells + 1
    grown = ndimage.binary_dilation(hot, structure=np.ones((reach, reach), dtype=np.bool_))
    labels, _ = ndimage.label(grown, structure=_EIGHT)
    boxes = [
        _window(
            (columns.start * cell_px, rows.start * cell_px),
            (columns.stop * cell_px, rows.stop * cell_px),
            shape_hw,
            least_px,
            multiple,
        )
        for rows, columns in ndimage.find_objects(labels)
    ]
    return sorted(_merge(boxes, shape_hw, least_px, multiple), key=lambda w: (w.y0, w.x0))


def heat_beyond(
    hot: npt.NDArray[np.bool_],
    window: Window,
    ship: npt.NDArray[np.bool_],
    shape_hw: tuple[int, int],
    *,
    cell_px: int,
    reach_cells: int = 1,
    known: Set[str] = frozenset(),
) -> None:
    """Mark the cells outside a window that its ships run into, in place.

    Args:
        hot: (rows, columns) bool, the picture's cells.
        window: A window of the picture.
        ship: (h, w) bool, where the window shows ship.
        shape_hw: Height and width of the picture in pixels; nothing lies beyond its edge.
        cell_px: Side of a cell in pixels.
        reach_cells: How many cells outwards are marked.
        known: Sides (left, right, top, bottom) beyond which it is known what is there.
    """
    rows = (window.y0 + np.arange(ship.shape[0])) // cell_px
    columns = (window.x0 + np.arange(ship.shape[1])) // cell_px
    if window.y0 > 0 and "top" not in known:
        last = (window.y0 - 1) // cell_px + 1
        hot[max(0, last - reach_cells) : last, columns[ship[0]]] = True
    if window.y1 < shape_hw[0] and "bottom" not in known:
        first = window.y1 // cell_px
        hot[first : first + reach_cells, columns[ship[-1]]] = True
    if window.x0 > 0 and "left" not in known:
        last = (window.x0 - 1) // cell_px + 1
        hot[rows[ship[:, 0]], max(0, last - reach_cells) : last] = True
    if window.x1 < shape_hw[1] and "right" not in known:
        first = window.x1 // cell_px
        hot[rows[ship[:, -1]], first : first + reach_cells] = True


def _window(
    low_xy: tuple[int, int],
    high_xy: tuple[int, int],
    shape_hw: tuple[int, int],
    least_px: int,
    multiple: int,
) -> Window:
    """Grow a box to a legal size around its middle, moved inwards at the picture's edge."""
    sides = []
    for low, high, length in zip(low_xy, high_xy, (shape_hw[1], shape_hw[0]), strict=True):
        size = max(min(high, length) - low, least_px)
        size = min(length, size + -size % multiple)
        start = (low + min(high, length) - size) // 2
        start = min(max(start, 0), length - size)
        sides.append((start, start + size))
    (x0, x1), (y0, y1) = sides
    return Window(x0, y0, x1, y1)


def _merge(
    boxes: list[Window], shape_hw: tuple[int, int], least_px: int, multiple: int
) -> list[Window]:
    """Join windows that overlap until none do."""
    merged = WindowIndex()
    for box in boxes:
        current = box
        while touching := merged.overlapping(current):
            other = touching[0]
            merged.remove(other)
            current = _window(
                (min(current.x0, other.x0), min(current.y0, other.y0)),
                (max(current.x1, other.x1), max(current.y1, other.y1)),
                shape_hw, least_px, multiple,
            )  # fmt: skip
        merged.add(current)
    return list(merged)
