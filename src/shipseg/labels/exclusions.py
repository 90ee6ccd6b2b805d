"""Leave out the images that a list names."""

from __future__ import annotations

import os
from pathlib import Path

from shipseg.errors import LabelError, UsageError
from shipseg.labels.csvfile import open_csv
from shipseg.labels.table import Fault, LabelTable, faults_message


def read_exclusions(path: str | os.PathLike[str]) -> frozenset[str]:
    """Read an exclusion list: a table with the column ``ImageId``; other columns say why.

    An image may stand in it more than once, for several reasons.

    Args:
        path: A ``.csv``, ``.csv.gz`` or ``.csv.zip`` in UTF-8, such as ``shipseg audit`` writes.

    Returns:
        The ImageIds.

    Raises:
        UsageError: There is no such file.
        LabelError: The file is damaged, the column is missing or a cell of it is empty. The
            message names the rows.
    """
    file = open_csv(Path(path), ("ImageId",))
    column = file.columns["ImageId"]
    faults: list[Fault] = []
    excluded: set[str] = set()
    for row, cells in file.rows():
        name = cells[column].strip(" \t") if column < len(cells) else ""
        if name:
            excluded.add(name)
        else:
            faults.append(Fault(row, "", "the cell 'ImageId' is empty"))
    if faults:
        raise LabelError(
            faults_message(file.name, faults), hint="Name an image in each row, or drop the row."
        )
    return frozenset(excluded)


def without_excluded(table: LabelTable, path: str | os.PathLike[str]) -> LabelTable:
    """Return a table without the images of an exclusion list.

    Args:
        table: The labels.
        path: The list, as for `read_exclusions`; images that the table does not have are fine.

    Raises:
        UsageError: There is no such file, or nothing would be left.
        LabelError: The list has faults.
    """
    excluded = read_exclusions(path)
    kept = [image_id for image_id in table.image_ids if image_id not in excluded]
    if not kept:
        raise UsageError(f"all {len(table):,} labelled tiles are in the exclusion list '{path}'")
    return table.subset(kept)
