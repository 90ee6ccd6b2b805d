"""The gate's cells on a scene: which hold data, whose pixels are whose, and how they are kept."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt

from shipseg.imaging.tiling import Window
from shipseg.inference.gate_cells import cells_with

Cells = npt.NDArray[np.bool_]
Probabilities = npt.NDArray[np.float32]


def grid_hw(shape_hw: tuple[int, int], cell_px: int) -> tuple[int, int]:
    """Count the cells down and across, also those cut by the edge."""
    return -(-shape_hw[0] // cell_px), -(-shape_hw[1] // cell_px)


def place_of(window: Window, cell_px: int) -> tuple[slice, slice]:
    """Give the scene's cells that a window touches, as an index."""
    return (
        slice(window.y0 // cell_px, -(-window.y1 // cell_px)),
        slice(window.x0 // cell_px, -(-window.x1 // cell_px)),
    )


def holding_cells(valid: Cells, window: Window, cell_px: int) -> Cells:
    """Tell which of the scene's cells hold data in a window.

    Args:
        valid: (h, w) bool, the window's pixels that are data.
        window: It need not begin with a cell.
        cell_px: Side of a cell in pixels.

    Returns:
        (rows, columns) bool, those of `place_of`.
    """
    before = ((window.y0 % cell_px, 0), (window.x0 % cell_px, 0))
    return cells_with(np.pad(valid, before), cell_px)


def first_seen(windows: list[Window]) -> list[Window]:
    """Give of each window the part that none before it holds, so that a pixel counts once.

    Args:
        windows: All of `shipseg.imaging.tiling.windows`.
    """

    def begins(spans: set[tuple[int, int]]) -> dict[int, int]:
        ordered = sorted(spans)
        ends = [0, *(end for _, end in ordered)]
        return {start: ends[index] for index, (start, _) in enumerate(ordered)}

    lefts = begins({(w.x0, w.x1) for w in windows})
    tops = begins({(w.y0, w.y1) for w in windows})
    return [Window(lefts[w.x0], tops[w.y0], w.x1, w.y1) for w in windows]


def pack_cells(cells: Cells) -> str:
    """Turn cells into text; none and all, by far the most frequent, are one character."""
    if not cells.any():
        return "0"
    return "1" if cells.all() else base64.b64encode(np.packbits(cells).tobytes()).decode("ascii")


def unpack_cells(text: str, shape_hw: tuple[int, int]) -> Cells:
    """Undo `pack_cells`.

    Raises:
        ValueError: The text is too short, or no base64.
    """
    if text in ("0", "1"):
        return np.full(shape_hw, text == "1")
    packed = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    rows, columns = shape_hw
    return np.unpackbits(packed, count=rows * columns).reshape(shape_hw).astype(np.bool_)


def pack_heat(heat: Probabilities) -> str:
    """Turn the probabilities of cells into text; where the gate let nothing pass, one character."""
    if not heat.any():
        return "0"
    return base64.b64encode(heat.astype("<f4").tobytes()).decode("ascii")


def unpack_heat(text: str, shape_hw: tuple[int, int]) -> Probabilities:
    """Undo `pack_heat`.

    Raises:
        ValueError: The text is of another length, or no base64.
    """
    if text == "0":
        return np.zeros(shape_hw, np.float32)
    heat = np.frombuffer(base64.b64decode(text, validate=True), "<f4")
    return heat.reshape(shape_hw).astype(np.float32)
