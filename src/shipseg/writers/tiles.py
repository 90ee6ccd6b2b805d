"""`tiles.csv`: one row per tile, and what went wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shipseg.writers.rows import CsvRows, open_rows

TILES_HEADER = ("ImageId", "ship_probability", "ships", "error")


class TilesWriter:
    """Write what became of tile after tile; see `open_tiles`."""

    def __init__(self, rows: CsvRows) -> None:
        """Take the open table."""
        self._rows = rows

    def write(self, image_id: str, ship_probability: float, ships: int) -> None:
        """Write a finished tile.

        Args:
            image_id: The tile's name.
            ship_probability: The gate's probability that it holds a ship, in [0, 1].
            ships: How many ships were found on it.
        """
        self._rows.write([(image_id, format_probability(ship_probability), str(ships), "")])

    def write_error(self, image_id: str, message: str) -> None:
        """Write a tile that failed, with its reason on one line and the other cells empty."""
        self._rows.write([(image_id, "", "", " ".join(message.split()))])


def format_probability(probability: float) -> str:
    """Format a probability with six decimals, never as an exponent."""
    return f"{probability:.6f}"


@contextmanager
def open_tiles(path: Path) -> Iterator[TilesWriter]:
    """Open `tiles.csv`: ``ImageId,ship_probability,ships,error``, UTF-8, LF.

    Args:
        path: The target; it appears at the end, or with what is finished on Ctrl-C.
    """
    with open_rows(path, TILES_HEADER) as rows:
        yield TilesWriter(rows)
