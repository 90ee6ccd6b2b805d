"""The gate's cells on a picture of any size: where its windows lie, and what they say of which."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shipseg.imaging.picture import Picture
from shipseg.imaging.tiling import Window, windows

# Overlap of the gate's windows on pictures larger than a tile: a ship of 150 m at 1.5 m is whole in
# one of them.
_GATE_OVERLAP_PX = 128


def gate_windows(shape_hw: tuple[int, int], tile_px: int) -> list[Window]:
    """List the windows in which the gate sees a picture of any size."""
    return windows(shape_hw, tile_px, min(_GATE_OVERLAP_PX, tile_px // 2))


def holding_cells(picture: Picture, cell: int) -> npt.NDArray[np.bool_]:
    """Tell the cells that hold a valid pixel."""
    if picture.valid is not None:
        return cells_with(picture.valid, cell)
    return np.ones([-(-side // cell) for side in picture.shape_hw], dtype=np.bool_)


def cells_with(mask: npt.NDArray[np.bool_], cell: int) -> npt.NDArray[np.bool_]:
    """Reduce an (H, W) mask to its cells, also those cut by its edge: True where any pixel is."""
    rows, columns = (np.arange(0, side, cell) for side in mask.shape)
    some: npt.NDArray[np.bool_] = np.logical_or.reduceat(mask, rows, axis=0)
    return np.logical_or.reduceat(some, columns, axis=1)


def place_cells(
    hot: npt.NDArray[np.bool_], warm: npt.NDArray[np.bool_], window: Window, cell: int
) -> None:
    """Mark a window's warm cells on the picture's grid, in place.

    The last window of a row ends with the picture and may start between two cells of it. Each of
    its cells then lies over two of the picture's, and both are marked.
    """
    rows, columns = warm.shape
    for top in {window.y0 // cell, -(-window.y0 // cell)}:
        for left in {window.x0 // cell, -(-window.x0 // cell)}:
            part = hot[top : top + rows, left : left + columns]
            part |= warm[: part.shape[0], : part.shape[1]]
