"""What a tile looks like, block by block, in a few numbers that survive JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shipseg.errors import BadInputError
from shipseg.imaging.decode import decode_tile

Luma = npt.NDArray[np.uint8]

CELLS = 8
"""A block is described by the means of 8 × 8 cells."""

LEAST_VARIETY = 16
"""Different 8 × 8 px squares that ground needs to be told from other ground.

Black and white edges, blue bands and burnt-out clouds have one to five in a block of 256 px, and
are alike in tiles of any acquisition; calm sea has hundreds.
"""

_SQUARE_PX = 8  # as JPEG's
# Odd numbers without a pattern, so that squares of other content nearly always differ.
_FACTORS = np.random.default_rng(0).integers(2**63, size=_SQUARE_PX, dtype=np.uint64) * 2 + 1


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A tile's blocks, row by row.

    Attributes:
        levels: ``(blocks, 64)`` float32 mean grey levels of the cells of each block.
        telling: ``(blocks,)`` bool, whether the block has enough in it to be recognised.
    """

    levels: npt.NDArray[np.float32]
    telling: npt.NDArray[np.bool_]


def read_luma(folder: Path, image_id: str, shape_hw: tuple[int, int]) -> Luma:
    """Decode a tile's green channel, which carries most of its brightness.

    Args:
        folder: Where the tile lies.
        image_id: Its file name.
        shape_hw: Height and width that its labels are for.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        BadInputError: The tile cannot be decoded or has another size.
        OSError: The file cannot be read.
    """
    rgb = decode_tile((folder / image_id).read_bytes(), name=image_id)
    if rgb.shape[:2] != shape_hw:
        raise BadInputError(
            f"{image_id}: the tile is {rgb.shape[0]} x {rgb.shape[1]} pixels, "
            f"expected {shape_hw[0]} x {shape_hw[1]}"
        )
    return np.ascontiguousarray(rgb[..., 1])


def look_at(luma: Luma, block_px: int) -> Look:
    """Describe the whole blocks of a tile.

    Args:
        luma: ``(H, W)`` uint8.
        block_px: Side of a block, a multiple of 8.
    """
    rows, columns = luma.shape[0] // block_px, luma.shape[1] // block_px
    whole = luma[: rows * block_px, : columns * block_px]
    cell = block_px // CELLS
    # Summed down first, along memory, which is twice as fast.
    sums = whole.reshape(rows * CELLS, cell, -1).sum(axis=1, dtype=np.uint32)
    sums = sums.reshape(rows * CELLS, columns * CELLS, cell).sum(axis=2, dtype=np.uint32)
    levels = _by_block(sums / np.float32(cell * cell), rows, columns)
    squares = _by_block(hash_squares(whole), rows, columns)
    telling = np.array([len(np.unique(of_block)) >= LEAST_VARIETY for of_block in squares])
    return Look(levels.astype(np.float32), telling)


def hash_squares(luma: Luma) -> npt.NDArray[np.uint64]:
    """Hash the whole 8 × 8 px squares: ``(H, W)`` uint8 to ``(H // 8, W // 8)``."""
    rows, columns = luma.shape[0] // _SQUARE_PX, luma.shape[1] // _SQUARE_PX
    whole = np.ascontiguousarray(luma[: rows * _SQUARE_PX, : columns * _SQUARE_PX])
    # Eight pixels of a row as one number.
    lines = whole.view(np.uint64).reshape(rows, _SQUARE_PX, columns)
    lines = (lines ^ (lines >> np.uint64(29))) * _FACTORS[:, None]
    hashes: npt.NDArray[np.uint64] = (lines ^ (lines >> np.uint64(32))).sum(axis=1)
    return hashes


def _by_block(values: npt.NDArray[np.generic], rows: int, columns: int) -> npt.NDArray[np.generic]:
    """Turn ``(rows * n, columns * n)`` values into ``(rows * columns, n * n)``."""
    side = values.shape[0] // rows
    blocks = values.reshape(rows, side, columns, side).swapaxes(1, 2)
    return blocks.reshape(rows * columns, side * side)
