"""Read a label table: all of its runs at once, and row by row only to name what is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from shipseg.errors import LabelError, UsageError
from shipseg.labels.checks import (
    Rows,
    fault_empty_rows,
    fault_ids,
    fault_overlaps,
    fault_repeats,
    parse_cells,
)
from shipseg.labels.csvfile import MAX_BYTES, CsvFile, open_csv
from shipseg.labels.table import LabelTable, faults_message, offsets_of
from shipseg.rle import TILE_HW

OnBadRow: TypeAlias = Literal["error", "skip"]
"""What faulty rows get: one error that names them, or being set aside."""


def read_labels(
    path: str | os.PathLike[str],
    *,
    shape_hw: tuple[int, int] = TILE_HW,
    on_bad_row: OnBadRow = "error",
    max_bytes: int = MAX_BYTES,
) -> LabelTable:
    """Read a label table: ``ImageId,EncodedPixels``, one row per ship, an empty cell for no ship.

    With ``on_bad_row="skip"`` a faulty row is set aside, and its whole image leaves the table: a
    mask that lacks a ship is wrong, and a tile that lost all of its ships is not an empty tile.
    Only a row that repeats another one takes nothing with it.

    Args:
        path: A ``.csv``, ``.csv.gz`` or ``.csv.zip`` in UTF-8. Other columns are ignored.
        shape_hw: Height and width of every tile, in pixels.
        on_bad_row: ``"error"`` raises one error for all faults; ``"skip"`` lists them in
            `LabelTable.faults`.
        max_bytes: Cap on the unpacked size of the table.

    Returns:
        The table, images in the order of their first row.

    Raises:
        UsageError: There is no such file, or `on_bad_row` is another word.
        LabelError: The file is damaged or its header lacks a column; with ``"error"`` also when
            any row is faulty. The message names the rows as a spreadsheet shows them.
    """
    if on_bad_row not in ("error", "skip"):
        raise UsageError(f"on_bad_row is {on_bad_row!r}, expected 'error' or 'skip'")
    file = open_csv(Path(path), ("ImageId", "EncodedPixels"), max_bytes=max_bytes)
    table = _build(_collect(file, note_skipped=on_bad_row == "skip"), shape_hw)
    if table.faults and on_bad_row == "error":
        raise LabelError(
            faults_message(file.name, table.faults),
            hint="Correct these rows, or leave their images out with --on-bad-row skip.",
        )
    return table


def _collect(file: CsvFile, *, note_skipped: bool) -> Rows:
    """Turn rows into columns; fault those with another number of cells."""
    id_column, cell_column = file.columns["ImageId"], file.columns["EncodedPixels"]
    numbers: list[int] = []
    ids: list[str] = []
    encoded: list[str] = []
    ragged: list[tuple[int, str, int]] = []
    for number, cells in file.rows():
        if len(cells) == file.width:
            numbers.append(number)
            ids.append(cells[id_column].strip(" \t"))
            encoded.append(cells[cell_column].strip(" \t"))
        else:
            image_id = cells[id_column].strip(" \t") if id_column < len(cells) else ""
            ragged.append((number, image_id, len(cells)))
    rows = Rows(numbers, ids, encoded, note_skipped=note_skipped)
    for number, image_id, width in ragged:
        rows.fault_at(number, image_id, f"the row has {width} columns, expected {file.width}")
    return rows


def _build(rows: Rows, shape_hw: tuple[int, int]) -> LabelTable:
    named = fault_ids(rows)
    filled = np.fromiter(map(bool, rows.cells), np.bool_, len(rows.cells))
    fault_empty_rows(rows, empty=named & ~filled, filled=named & filled)
    ships = parse_cells(rows, np.flatnonzero(named & filled), shape_hw)
    ships = ships.take(np.argsort(ships.images, kind="stable"))
    ships = fault_repeats(rows, ships)
    fault_overlaps(rows, ships, shape_hw)

    image_ids = rows.image_ids
    kept = np.array([image_id not in rows.spoiled for image_id in image_ids], np.bool_)
    ships = ships.take(np.flatnonzero(kept[ships.images]))
    return LabelTable(
        image_ids=tuple(image_id for image_id in image_ids if image_id not in rows.spoiled),
        runs=ships.runs,
        run_offsets=ships.offsets,
        ship_offsets=offsets_of(np.bincount(ships.images, minlength=len(image_ids))[kept]),
        shape_hw=shape_hw,
        faults=tuple(sorted(rows.faults, key=lambda fault: fault.row)),
    )
