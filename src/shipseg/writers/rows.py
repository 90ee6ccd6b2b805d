"""CSV that is written row by row and appears whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from shipseg.files import atomic_path

_NEED_QUOTES = frozenset('",\r\n')


class CsvRows:
    """Rows of a CSV, on their way to a file."""

    def __init__(self, file: TextIO, header: Sequence[str]) -> None:
        """Write the header.

        Args:
            file: An open text file.
            header: Names of the columns.
        """
        self._file = file
        self.write([header])

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        """Write rows that belong together, in one piece: an interrupt never parts them."""
        self._file.write("".join(format_row(row) for row in rows))


def format_row(cells: Iterable[str]) -> str:
    r"""Format one row: LF at its end, quotes only around cells that need them.

    Python's writer leaves a bare CR without quotes before 3.13, which cuts the row in two for most
    readers. A cell that begins with ``=``, ``+``, ``-`` or ``@`` is left as it is: an ImageId is
    the name of a file, and another spelling of it would be another tile. A spreadsheet may take
    such a cell for a formula, so open tables of tiles from strangers as text; `read_labels` refuses
    such rows.

    Examples:
        >>> format_row(["a.jpg", "1 3", 'say "hi", twice'])
        'a.jpg,1 3,"say ""hi"", twice"\n'
    """
    return ",".join(map(_quote, cells)) + "\n"


def _quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _NEED_QUOTES.intersection(cell) else cell


@contextmanager
def open_rows(path: Path, header: Sequence[str]) -> Iterator[CsvRows]:
    """Open a CSV beside its target; rename it into place at the end, or on Ctrl-C.

    An interrupt keeps the rows written so far, under the target's name. On any other error the
    target is left as it was.

    Args:
        path: The target. Its folder has to exist; a file already there is replaced.
        header: Names of the columns.

    Yields:
        Where to write the rows. Text that is no Unicode, as file names may hold, is escaped.
    """
    stopped: KeyboardInterrupt | None = None
    with (
        atomic_path(path) as beside,
        beside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        rows = CsvRows(file, header)
        try:
            yield rows
        except KeyboardInterrupt as interrupt:
            stopped = interrupt
    if stopped is not None:
        raise stopped
