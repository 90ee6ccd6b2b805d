"""Read and write which split each image belongs to."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path

from shipseg.errors import LabelError
from shipseg.files import atomic_write_text
from shipseg.labels.csvfile import open_csv
from shipseg.labels.table import Fault, faults_message


def read_split(path: str | os.PathLike[str], *, check_acquisitions: bool = True) -> dict[str, str]:
    """Read a split: ``ImageId,split`` and, if it is there, ``acquisition``.

    Args:
        path: A ``.csv``, ``.csv.gz`` or ``.csv.zip`` in UTF-8.
        check_acquisitions: False does not look at that column, for whoever looks for leaks by other
            means.

    Returns:
        ImageId to the name of its split, in the order of the rows.

    Raises:
        UsageError: There is no such file.
        LabelError: The file is damaged, a column is missing, a cell is empty, an image is there
            twice, or one acquisition lies in two splits. The message names the rows.
    """
    optional = ("acquisition",) if check_acquisitions else ()
    file = open_csv(Path(path), ("ImageId", "split"), optional)
    faults: list[Fault] = []
    split_of: dict[str, str] = {}
    row_of_image: dict[str, int] = {}
    first_of_acquisition: dict[str, tuple[str, int]] = {}
    for row, cells in file.rows():
        if len(cells) != file.width:
            reason = f"the row has {len(cells)} columns, expected {file.width}"
            faults.append(Fault(row, "", reason))
            continue
        found = {name: cells[column].strip(" \t") for name, column in file.columns.items()}
        image_id, split = found["ImageId"], found["split"]
        first = row_of_image.setdefault(image_id, row)
        empty = [name for name, cell in found.items() if not cell]
        if empty:
            faults.append(Fault(row, image_id, f"the cell '{empty[0]}' is empty"))
        elif first != row:
            faults.append(Fault(row, image_id, f"the image is already in row {first}"))
        elif acquisition := found.get("acquisition"):
            other, other_row = first_of_acquisition.setdefault(acquisition, (split, row))
            if other != split:
                reason = (
                    f"acquisition '{acquisition}' is in split '{split}' here "
                    f"and in '{other}' in row {other_row}"
                )
                faults.append(Fault(row, image_id, reason))
        split_of[image_id] = split
    if faults:
        raise LabelError(
            faults_message(file.name, faults),
            hint="An image, and an acquisition, belongs to one split; write the split again.",
        )
    return split_of


def write_split(path: str | os.PathLike[str], rows: Iterable[tuple[str, str, str]]) -> None:
    """Write a split: ``ImageId,split,acquisition``, as `read_split` reads it.

    The file appears whole or not at all; a file already there is replaced.

    Args:
        path: The file to write.
        rows: ImageId, name of the split and name of the acquisition of each image.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("ImageId", "split", "acquisition"))
    writer.writerows(rows)
    atomic_write_text(path, text.getvalue())
