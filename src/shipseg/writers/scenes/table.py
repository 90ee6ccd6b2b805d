"""CSV: one row for each ship, for spreadsheets and scripts."""

from __future__ import annotations

from pathlib import Path

from shipseg.writers.rows import open_rows
from shipseg.writers.scenes.described import PROPERTIES, DescribedScene, Property
from shipseg.writers.scenes.geometry import ring_text

HEADER = ("scene", *PROPERTIES, "x0", "y0", "x1", "y1", "polygon")


def write_csv(path: Path, scene: DescribedScene) -> None:
    """Write ships as CSV, UTF-8, LF; what is not known is an empty cell.

    The last columns are the upright box and the outline in pixels of the scene.

    Args:
        path: The file; one already there is replaced.
        scene: What to write.
    """
    with open_rows(path, HEADER) as rows:
        for ship, row in zip(scene.result.ships, scene.rows(), strict=True):
            box = [_cell(round(value, 3)) for value in ship.outline.bounds]
            cells = [_cell(row[name]) for name in PROPERTIES]
            rows.write([(scene.result.name, *cells, *box, ring_text(ship.outline))])


def _cell(value: Property) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
