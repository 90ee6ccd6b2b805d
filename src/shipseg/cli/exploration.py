"""The work behind `shipseg explore`: read, measure, draw, write."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipseg import __version__
from shipseg.cli.console import note, printable, progress
from shipseg.dataset.ships import ShipColumns, measure_ships
from shipseg.errors import BadInputError, UsageError
from shipseg.explore.figures import Figures, figures_of
from shipseg.explore.looks import LookFigures, look_at_tiles, look_figures, pick
from shipseg.explore.marks import Plot
from shipseg.explore.page import SampleSheet, render
from shipseg.explore.png import draw_plot, encode
from shipseg.explore.report import document_of, report_of
from shipseg.files import atomic_write_bytes, atomic_write_text
from shipseg.labels import LabelTable, OnBadRow, read_labels
from shipseg.parallel import in_order, worker_count

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Call:
    """What the command line said."""

    labels: Path
    images: Path | None
    output: Path
    gsd_m: float
    shape_hw: tuple[int, int]
    sample: int
    workers: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        figures: Of the label table.
        document: All figures, as figures.json has them.
        exit_code: 0, or 4 where tiles could not be read.
    """

    figures: Figures
    document: dict[str, Any]
    exit_code: int


def targets(folder: Path) -> list[Path]:
    """List what the command writes."""
    return [folder / name for name in ("report.html", "figures.json", "plots")]


def check(call: Call) -> None:
    """Refuse what cannot work before anything is read.

    Raises:
        UsageError: The GSD is no number, or there is no such folder of tiles.
    """
    if not math.isfinite(call.gsd_m):
        raise UsageError(f"--gsd is {call.gsd_m}, expected metres per pixel, such as 1.5")
    if call.images is not None and not call.images.is_dir():
        raise UsageError(
            f"'{call.images}' is no folder of tiles", hint="name the folder that holds the files"
        )


def explore_table(call: Call, on_bad_row: OnBadRow, *, quiet: bool) -> Outcome:
    """Work out the figures and write the report.

    Args:
        call: What to read and where to write.
        on_bad_row: What faulty rows get.
        quiet: Show no progress.
    """
    table = read_labels(call.labels, shape_hw=call.shape_hw, on_bad_row=on_bad_row)
    ships = measure_ships(table)
    figures = figures_of(table, gsd_m=call.gsd_m, ships=ships)
    looks: LookFigures | None = None
    sheets: list[SampleSheet] = []
    if call.images is not None:
        present = _present(call.images, table)
        looks = _looks(call, table, present, quiet=quiet)
        sheets = _sheets(call, table, ships, present)
    source = printable(call.labels.name)
    document = document_of(figures, looks, table.faults, source=source)
    report = report_of(figures, looks, sheets, table.faults, source=source, version=__version__)
    _write(call.output, document, render(report), report.plots)
    if table.faults:
        note(f"{len(table.faults):,} faulty rows are set aside with their tiles")
    broken = len(looks.unreadable) if looks is not None else 0
    if broken:
        note(f"{broken:,} tiles cannot be read; the page names them")
    return Outcome(figures, document, 4 if broken else 0)


def _present(folder: Path, table: LabelTable) -> list[str]:
    # One listing instead of one call to stat for each of 192,556 tiles.
    files = {entry.name for entry in folder.iterdir()}
    present = [image_id for image_id in table.image_ids if image_id in files]
    if not present and len(table):
        raise BadInputError(
            f"none of the {len(table):,} labelled tiles has a file in '{folder}'",
            hint="an ImageId is the file's name with its suffix, such as 0a1b2c3d4.jpg",
        )
    return present


def _looks(call: Call, table: LabelTable, present: Sequence[str], *, quiet: bool) -> LookFigures:
    assert call.images is not None
    chosen = pick(present, call.sample)
    tiles = look_at_tiles(call.images, chosen, workers=worker_count(call.workers))
    with progress(tiles, total=len(chosen), label="tiles", quiet=quiet) as running:
        looks = list(running)
    with_ships = (image_id for image_id in chosen if table.has_ships(image_id))
    return look_figures(looks, with_ships, of=len(present), missing=len(table) - len(present))


def _sheets(
    call: Call, table: LabelTable, ships: ShipColumns, present: Sequence[str]
) -> list[SampleSheet]:
    # Imported here: without tiles nothing needs the decoders.
    from functools import partial

    from shipseg.explore.samples import choose_sheets, load_sample

    assert call.images is not None
    load = partial(load_sample, folder=call.images, table=table)
    sheets = []
    for sheet in choose_sheets(table, ships, present, call.gsd_m):
        loaded = in_order(load, sheet.choices, worker_count(call.workers))
        samples = [sample for sample in loaded if sample is not None]
        if samples:
            sheets.append(SampleSheet(sheet.title, sheet.note, samples))
    return sheets


def _write(folder: Path, document: dict[str, Any], page: str, plots: Sequence[Plot]) -> None:
    """Write the plots and figures, and the page last: where it is, the report is whole."""
    paths = (folder / "plots" / f"{plot.name}.png" for plot in plots)
    # One thread draws while others pack and write: a tenth of the command's time.
    for _ in in_order(_save, zip(paths, map(draw_plot, plots), strict=True), 2):
        pass
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    atomic_write_text(folder / "figures.json", text)
    atomic_write_text(folder / "report.html", page)


def _save(plot: tuple[Path, Image]) -> None:
    path, image = plot
    atomic_write_bytes(path, encode(image))


def headline(outcome: Outcome, folder: Path) -> list[tuple[str, str]]:
    """Give the first figures and the page as lines for the terminal."""
    tiles = outcome.figures.tiles
    length = outcome.figures.length.ground.median
    lines = [
        ("tiles", f"{tiles.total:,}, {tiles.with_ships:,} with ships"),
        ("ships", f"{tiles.ships:,}"),
    ]
    if length is not None:
        lines.append(("length", f"{length:.0f} m in the median"))
    return [*lines, ("page", str(folder / "report.html"))]
