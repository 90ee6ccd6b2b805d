"""Write a label table as Kaggle does."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable

from shipseg.files import atomic_write_text
from shipseg.labels.table import LabelTable
from shipseg.rle import format_rle


def write_labels(
    path: str | os.PathLike[str], table_or_rows: LabelTable | Iterable[tuple[str, str]]
) -> None:
    """Write a label table: header, one row per ship, an empty cell for an image without.

    The bytes depend on the table alone: UTF-8, LF, quotes only where an ImageId needs them. The
    file appears whole or not at all; a file already there is replaced.

    Args:
        path: The file to write.
        table_or_rows: A table, or ``(ImageId, EncodedPixels)`` pairs that are written as they are.
    """
    rows = _rows_of(table_or_rows) if isinstance(table_or_rows, LabelTable) else table_or_rows
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("ImageId", "EncodedPixels"))
    writer.writerows(rows)
    atomic_write_text(path, text.getvalue())


def _rows_of(table: LabelTable) -> Iterable[tuple[str, str]]:
    for image_id in table.image_ids:
        for runs in table.ships_of(image_id):
            yield image_id, format_rle(runs)
        if not table.has_ships(image_id):
            yield image_id, ""
