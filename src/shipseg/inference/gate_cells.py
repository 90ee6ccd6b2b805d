"""The gate's cells on a picture of any size: where its windows lie, and what they say of which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.imaging.picture import Picture
from shipseg.imaging.tiling import Window, windows
from shipseg.inference.ships import Ship

# Overlap of the gate's windows on pictures larger than a tile: a ship of 150 m at 1.5 m is whole in
# one of them.
_GATE_OVERLAP_PX = 128


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """What the gate says of a picture's cells.

    Attributes:
        cells: (rows, columns) float32 in 0..1, the highest probability that a window of the gate's
            gave a cell; 0 where none passed.
        cell_px: Side of a cell in pixels of the picture.
    """

    cells: npt.NDArray[np.float32]
    cell_px: int

    def beneath(self, ship: Ship) -> float:
        """Return the highest probability of the cells that a ship's mask lies on."""
        x0, y0, _, _ = ship.box_xyxy
        below, across = np.nonzero(ship.chip)
        return float(self.cells[(below + y0) // self.cell_px, (across + x0) // self.cell_px].max())


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


def place_cells(grid: npt.NDArray[Any], found: npt.NDArray[Any], window: Window, cell: int) -> None:
    """Raise the picture's cells to what a window says of its own, in place.

    The last window of a row ends with the picture and may start between two cells of it. Each of
    its cells then lies over two of the picture's, and both are raised.

    Args:
        grid: (rows, columns) of the picture, bool or float32.
        found: (rows, columns) of the window, of that dtype.
        window: Where it lies.
        cell: Side of a cell in pixels.
    """
    rows, columns = found.shape
    for top in {window.y0 // cell, -(-window.y0 // cell)}:
        for left in {window.x0 // cell, -(-window.x0 // cell)}:
            part = grid[top : top + rows, left : left + columns]
            np.maximum(part, found[: part.shape[0], : part.shape[1]], out=part)
