"""The work behind `shipseg classify`: a row per tile, and figures where there is truth."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shipseg.cli.console import Notes, note, progress
from shipseg.cli.failures import reason_of
from shipseg.evaluation.classification import best_f1, confusion_at, roc_auc
from shipseg.imaging.formats import shown_name
from shipseg.inference.batch import Classification, classify_paths
from shipseg.inference.detector import Detector
from shipseg.labels import LabelTable
from shipseg.writers.rows import format_row, open_rows
from shipseg.writers.tiles import format_probability

# Column to the attribute of a row.
_COLUMNS = {
    "ImageId": "image_id",
    "ship_probability": "ship_probability",
    "passed": "passed",
    "truth_ships": "truth_ships",
    "error": "error",
}


@dataclass(frozen=True, slots=True)
class GateRow:
    """What the gate said of a tile.

    Attributes:
        image_id: The tile's name.
        ship_probability: In [0, 1]; None where the tile failed.
        passed: Whether it is at least the threshold.
        truth_ships: True ships; None where the label table does not have the tile.
        error: Why the tile failed, on one line; empty where it did not.
    """

    image_id: str
    ship_probability: float | None
    passed: bool | None
    truth_ships: int | None
    error: str


@dataclass(frozen=True, slots=True)
class GateFigures:
    """The gate on tiles with truth; a ratio over nothing is None."""

    threshold: float
    tiles: int
    ship_tiles: int
    f1: float | None
    precision: float | None
    recall: float | None
    false_alarm_rate: float | None
    auc: float | None
    best_f1: float | None
    best_f1_threshold: float | None


def classify_tiles(
    detector: Detector,
    images: Sequence[Path],
    truth: LabelTable | None,
    *,
    file: Path | None,
    echo: bool,
    workers: int | None = None,
) -> list[GateRow]:
    """Ask the gate about files, and write the rows as they come.

    Args:
        detector: Its gate is asked.
        images: The files.
        truth: Labels to set beside.
        file: Where to write them.
        echo: Whether to print them on stdout.
        workers: Tiles at a time.
    """
    rows: list[GateRow] = []
    notes = Notes()
    found = classify_paths(detector, images, workers=workers)
    # A bar among the rows on a terminal would garble both.
    quiet = echo and sys.stdout.isatty()
    try:
        with (
            _open_table(file, echo=echo, with_truth=truth is not None) as write,
            progress(found, total=len(images), label="asking the gate", quiet=quiet) as running,
        ):
            for one in running:
                rows.append(_row_of(one, truth, detector.gate_threshold))
                write(rows[-1])
                if rows[-1].error:
                    notes.add(shown_name(one.name), rows[-1].error)
    except KeyboardInterrupt:
        note(f"interrupted: {len(rows):,} of {len(images):,} tiles are finished")
        raise
    finally:
        notes.close("; see the table")
    return rows


def _row_of(found: Classification, truth: LabelTable | None, threshold: float) -> GateRow:
    known = truth is not None and found.name in truth
    probability = found.ship_probability
    return GateRow(
        image_id=found.name,
        ship_probability=probability,
        passed=None if probability is None else probability >= threshold,
        truth_ships=len(truth.ships_of(found.name)) if truth is not None and known else None,
        error="" if found.error is None else reason_of(found.error, found.path),
    )


@contextmanager
def _open_table(
    file: Path | None, *, echo: bool, with_truth: bool
) -> Iterator[Callable[[GateRow], None]]:
    """Open where the rows go: a file, stdout, or nowhere."""
    columns = [name for name in _COLUMNS if with_truth or name != "truth_ships"]

    def cells(row: GateRow) -> list[str]:
        return [_cell(getattr(row, _COLUMNS[name])) for name in columns]

    def print_row(row: GateRow) -> None:
        sys.stdout.write(format_row(cells(row)))

    if file is not None:
        with open_rows(file, columns) as rows:
            yield lambda row: rows.write([cells(row)])
    elif echo:
        sys.stdout.write(format_row(columns))
        yield print_row
    else:
        yield lambda row: None


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return format_probability(value)
    return "" if value is None else str(value)


def score(rows: Sequence[GateRow], threshold: float) -> GateFigures:
    """Compare the rows that have a probability and truth; say how many have no truth."""
    known = [row for row in rows if row.truth_ships is not None and not row.error]
    without = sum(row.truth_ships is None for row in rows)
    if without:
        note(f"{without:,} of {len(rows):,} tiles are not in the label table, and not scored")
    scores = [row.ship_probability or 0.0 for row in known]
    ships = [bool(row.truth_ships) for row in known]
    counts = confusion_at(scores, ships, threshold)
    best = best_f1(scores, ships)
    return GateFigures(
        threshold=threshold,
        tiles=len(known),
        ship_tiles=sum(ships),
        f1=counts.f1,
        precision=counts.precision,
        recall=counts.recall,
        false_alarm_rate=counts.false_alarm_rate,
        auc=roc_auc(scores, ships),
        best_f1=best.counts.f1 if best else None,
        best_f1_threshold=best.threshold if best else None,
    )


def document_of(
    rows: Sequence[GateRow], figures: GateFigures | None, detector: Detector
) -> dict[str, Any]:
    """Give rows and figures as one document, ready for JSON."""
    return {
        "bundle": detector.manifest.name,
        "gate_threshold": detector.gate_threshold,
        "tiles": len(rows),
        "passed": sum(bool(row.passed) for row in rows),
        "failed": sum(bool(row.error) for row in rows),
        "figures": None if figures is None else asdict(figures),
        "rows": [asdict(row) for row in rows],
    }


def figure_lines(figures: GateFigures) -> list[tuple[str, str]]:
    """Give the figures as names and values, to be read."""
    lines = [
        ("tiles with truth", f"{figures.tiles:,}, {figures.ship_tiles:,} with ships"),
        ("threshold", f"{figures.threshold:.4g}"),
        ("F1", _show(figures.f1)),
        ("precision", _show(figures.precision)),
        ("recall", _show(figures.recall)),
        ("false alarms", _show(figures.false_alarm_rate)),
        ("ROC AUC", _show(figures.auc)),
    ]
    if figures.best_f1 is not None:
        lines.append(("best F1", f"{figures.best_f1:.3f} at {figures.best_f1_threshold:.4g}"))
    return lines


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
