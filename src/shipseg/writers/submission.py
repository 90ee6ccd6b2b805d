"""`submission.csv`, as Kaggle's Airbus challenge takes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shipseg.rle import Runs, format_rle
from shipseg.writers.rows import CsvRows, open_rows

SUBMISSION_HEADER = ("ImageId", "EncodedPixels")


class SubmissionWriter:
    """Write the ships of tile after tile; see `open_submission`."""

    def __init__(self, rows: CsvRows) -> None:
        """Take the open table."""
        self._rows = rows

    def write(self, image_id: str, ships: Iterable[Runs]) -> None:
        """Write one row per ship, or one with an empty cell for a tile without one.

        Args:
            image_id: The tile's name.
            ships: ``(n, 2)`` int64 runs of each ship.
        """
        texts = [format_rle(runs) for runs in ships] or [""]
        self._rows.write([(image_id, text) for text in texts])


@contextmanager
def open_submission(path: Path) -> Iterator[SubmissionWriter]:
    """Open `submission.csv`: ``ImageId,EncodedPixels``, UTF-8, LF, tiles in the order written.

    ImageIds stay letter by letter what they are; see `shipseg.writers.rows.format_row`.

    Args:
        path: The target; it appears at the end, or with what is finished on Ctrl-C.
    """
    with open_rows(path, SUBMISSION_HEADER) as rows:
        yield SubmissionWriter(rows)
