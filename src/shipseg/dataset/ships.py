"""Size, place and direction of every ship of a label table, from its runs alone."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from shipseg.labels import LabelTable
from shipseg.rle import Runs

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Some half a million runs at a time: the columns of a chunk stay in the processor's cache, and
# memory does not grow with the table.
_CHUNK_SHIPS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class ShipColumns:
    """Measures of ``S`` ships, in the table's order; pixels, x to the right, y down.

    Attributes:
        area_px: ``(S,)`` int64 pixels of the mask.
        centre_x: ``(S,)`` float64 centre of mass, 0 to W.
        centre_y: ``(S,)`` float64 centre of mass, 0 to H.
        length_px: ``(S,)`` float64 longer side of the rectangle with the mask's second moments.
        width_px: ``(S,)`` float64 its shorter side.
        heading_deg: ``(S,)`` float64 direction of the longer side, clockwise from up, in [0, 180):
            bow and stern are not told apart.
        x0: ``(S,)`` int64 left edge of the upright box.
        y0: ``(S,)`` int64 top edge.
        x1: ``(S,)`` int64 right edge, half-open.
        y1: ``(S,)`` int64 bottom edge, half-open.
        cut: ``(S,)`` bool, True where the mask touches the tile's edge: the ship may go on
            outside, so that its length and area are lower bounds.
    """

    area_px: Ints
    centre_x: Floats
    centre_y: Floats
    length_px: Floats
    width_px: Floats
    heading_deg: Floats
    x0: Ints
    y0: Ints
    x1: Ints
    y1: Ints
    cut: Flags

    def __len__(self) -> int:
        """Count the ships."""
        return len(self.area_px)

    def box_of(self, ship: int) -> tuple[int, int, int, int]:
        """Give the upright box of a ship: x0, y0, x1, y1, half-open."""
        return int(self.x0[ship]), int(self.y0[ship]), int(self.x1[ship]), int(self.y1[ship])


def measure_ships(table: LabelTable) -> ShipColumns:
    """Measure all ships of a table without painting a mask.

    A rectangle of sides L and W has the variances L²/12 and W²/12 along its axes, so the sides
    follow from the eigenvalues of the mask's second moments. For the rotated rectangles that
    annotators draw this is exact but for the pixels' steps.

    Args:
        table: Any label table, also one without ships.

    Returns:
        One row per ship: image by image, in the table's order.
    """
    chunks = []
    for first in range(0, max(table.ship_count, 1), _CHUNK_SHIPS):
        edges = table.run_offsets[first : first + _CHUNK_SHIPS + 1]
        runs = table.runs[edges[0] : edges[-1]]
        chunks.append(_measure(runs, edges[:-1] - edges[0], table.shape_hw))
    return ShipColumns(
        **{
            field.name: np.concatenate([getattr(chunk, field.name) for chunk in chunks])
            for field in fields(ShipColumns)
        }
    )


def _measure(runs: Runs, firsts: Ints, shape_hw: tuple[int, int]) -> ShipColumns:
    """Measure ships that begin at the runs `firsts`."""
    if not len(runs):
        none, zero = np.zeros(0), np.zeros(0, np.int64)
        return ShipColumns(
            zero, none, none, none, none, none, zero, zero, zero, zero, np.zeros(0, np.bool_)
        )
    height, width = shape_hw
    columns, tops, lengths, firsts = _at_columns(runs, firsts, height)
    lasts = np.append(firsts[1:], len(columns)) - 1
    area = np.add.reduceat(lengths, firsts)
    x0, x1 = columns[firsts], columns[lasts] + 1
    y0 = np.minimum.reduceat(tops, firsts)
    y1 = np.maximum.reduceat(tops + lengths, firsts)
    # Measured from the box's corner: the sums of squares stay small and exact.
    sizes = np.diff(np.append(firsts, len(columns)))
    x = columns - np.repeat(x0, sizes)
    y = tops - np.repeat(y0, sizes)
    sum_y = lengths * (2 * y + lengths - 1) // 2
    # Σ (y + k)² for k = 0 … n - 1.
    sum_yy = lengths * y * (y + lengths - 1) + (lengths - 1) * lengths * (2 * lengths - 1) // 6
    mean_x = np.add.reduceat(lengths * x, firsts) / area
    mean_y = np.add.reduceat(sum_y, firsts) / area
    # A pixel is a square, which adds 1/12 to the variance of its middle.
    var_x = np.add.reduceat(lengths * x * x, firsts) / area - mean_x**2 + 1 / 12
    var_y = np.add.reduceat(sum_yy, firsts) / area - mean_y**2 + 1 / 12
    cov = np.add.reduceat(x * sum_y, firsts) / area - mean_x * mean_y
    length, breadth, heading = _rectangle(var_x, var_y, cov)
    return ShipColumns(
        area_px=area,
        centre_x=x0 + mean_x + 0.5,
        centre_y=y0 + mean_y + 0.5,
        length_px=length,
        width_px=breadth,
        heading_deg=heading,
        x0=x0,
        y0=y0,
        x1=x1,
        y1=y1,
        cut=(x0 == 0) | (y0 == 0) | (x1 == width) | (y1 == height),
    )


def _rectangle(var_x: Floats, var_y: Floats, cov: Floats) -> tuple[Floats, Floats, Floats]:
    """Give length, width and heading of the rectangles with these second moments."""
    middle, spread = (var_x + var_y) / 2, np.hypot((var_x - var_y) / 2, cov)
    length = np.sqrt(12 * (middle + spread))
    width = np.sqrt(12 * np.maximum(middle - spread, 0))
    # The axis at the angle θ from x, y down; from up and clockwise that is θ + 90°.
    axis = np.degrees(np.arctan2(2 * cov, var_x - var_y)) / 2
    heading = (axis + 90) % 180
    return length, width, np.where(heading == 180, 0.0, heading)


def _at_columns(runs: Runs, firsts: Ints, height: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Give column, top row and length of each run, runs cut where they pass a column's end."""
    columns, tops = np.divmod(runs[:, 0], height)
    lengths = runs[:, 1]
    if (tops + lengths <= height).all():
        return columns, tops, lengths, firsts
    # A ship that spans the tile from top to bottom: rare, but its runs are one long run.
    pieces = (tops + lengths + height - 1) // height
    steps = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = np.repeat(tops, pieces) - steps * height
    ends = np.minimum(starts + np.repeat(lengths, pieces), height)
    moved = (np.cumsum(pieces) - pieces)[firsts]
    cut_tops = np.maximum(starts, 0)
    return np.repeat(columns, pieces) + steps, cut_tops, ends - cut_tops, moved
