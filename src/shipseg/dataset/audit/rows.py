"""Findings about rows of the label table, and which row each ship stands in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shipseg.dataset.audit.findings import Finding, Window
from shipseg.dataset.ships import ShipColumns
from shipseg.labels import LabelTable
from shipseg.labels.csvfile import open_csv

# In this order: the first mark that is found in a fault's reason gives its code.
_FAULT_CODES = (
    ("repeats row", "row-repeat"),
    ("overlaps the one of", "row-overlap"),
    ("says no ship", "row-contradicts"),
)
# Sea around a ship, so that a reader of the page sees what it is.
_AROUND_PX = 192


def fault_findings(table: LabelTable) -> Iterator[Finding]:
    """Turn the faults of a table that was read with ``on_bad_row="skip"`` into findings."""
    for fault in table.faults:
        code = next((code for mark, code in _FAULT_CODES if mark in fault.reason), "row-malformed")
        # What the reader made of the row is no part of what is wrong with it.
        reason = fault.reason.partition("; the whole image is left out")[0]
        yield Finding(code, fault.image_id, reason, row=fault.row)


def rows_of_ships(path: Path, table: LabelTable) -> npt.NDArray[np.int64]:
    """Find the row of each ship, by reading the table's file once more.

    Args:
        path: The file that the table was read from.
        table: All its tiles.

    Returns:
        ``(S,)`` int64 rows as a spreadsheet shows them, in the table's order of ships.
    """
    file = open_csv(path, ("ImageId", "EncodedPixels"))
    id_column, cell_column = file.columns["ImageId"], file.columns["EncodedPixels"]
    faulty = {fault.row for fault in table.faults}
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for number, cells in file.rows():
        if number not in faulty and len(cells) == file.width and cells[cell_column].strip(" \t"):
            rows[cells[id_column].strip(" \t")].append(number)
    in_order = chain.from_iterable(rows.get(image_id, ()) for image_id in table.image_ids)
    return np.fromiter(in_order, np.int64, table.ship_count)


def ship_findings(
    table: LabelTable, ships: ShipColumns, rows: npt.NDArray[np.int64], *, tiny_px: int
) -> Iterator[Finding]:
    """Find masks of a few pixels, and masks that the tile's edge cuts.

    Args:
        table: All labels.
        ships: Measures of its ships.
        rows: ``(S,)`` row of each ship.
        tiny_px: Masks below this area are found.
    """
    tiles = np.repeat(np.arange(len(table)), table.ships_per_image())
    for ship in np.flatnonzero(ships.area_px < tiny_px).tolist():
        reason = f"the mask has {ships.area_px[ship]} px, fewer than {tiny_px}"
        yield _about_ship("ship-tiny", table, ships, rows, int(tiles[ship]), ship, reason)
    for ship in np.flatnonzero(ships.cut).tolist():
        reason = f"the mask of {ships.area_px[ship]} px touches the tile's edge"
        yield _about_ship("ship-cut", table, ships, rows, int(tiles[ship]), ship, reason)


def _about_ship(
    code: str,
    table: LabelTable,
    ships: ShipColumns,
    rows: npt.NDArray[np.int64],
    tile: int,
    ship: int,
    reason: str,
) -> Finding:
    return Finding(
        code,
        table.image_ids[tile],
        reason,
        row=int(rows[ship]),
        window_xyxy=window_around(ships.box_of(ship), table.shape_hw),
    )


def window_around(box_xyxy: Window, shape_hw: tuple[int, int]) -> Window:
    """Give a square window of at least `_AROUND_PX` around a box, inside the tile.

    Examples:
        >>> window_around((0, 90, 10, 110), (768, 768))
        (0, 4, 192, 196)
    """
    x0, y0, x1, y1 = box_xyxy
    height, width = shape_hw
    side = max(_AROUND_PX, round(1.3 * max(x1 - x0, y1 - y0)))
    side_x, side_y = min(side, width), min(side, height)
    left = min(max((x0 + x1 - side_x) // 2, 0), width - side_x)
    top = min(max((y0 + y1 - side_y) // 2, 0), height - side_y)
    return left, top, left + side_x, top + side_y
