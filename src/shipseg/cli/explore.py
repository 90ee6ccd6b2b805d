"""`shipseg explore`: what is in a label table and its tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shipseg.cli.options import (
    BadRow,
    JsonOption,
    OnBadRowOption,
    OverwriteOption,
    TableArgument,
    WorkersOption,
)


def explore(
    labels: TableArgument,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            "-i",
            help="Folder of the tiles, for sample sheets, brightness and sharpness.",
            show_default="labels alone",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the report.")] = Path(
        "report"
    ),
    gsd: Annotated[
        float, typer.Option("--gsd", help="Metres per pixel on the ground.", min=0.001, max=1000.0)
    ] = 1.5,
    tile_size: Annotated[
        int, typer.Option("--tile-size", help="Side of a tile in pixels.", min=1, max=65536)
    ] = 768,
    sample: Annotated[
        int,
        typer.Option("--sample", help="Most tiles to measure brightness and sharpness of.", min=1),
    ] = 2000,
    on_bad_row: OnBadRowOption = BadRow.error,
    workers: WorkersOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Show what is in a label table: one page, its figures as JSON, its plots as PNG.

    Writes report.html, which holds all it shows and can be sent to anyone, figures.json and
    plots/*.png: tiles with and without ships, ships per tile, area, length, width, direction,
    position and share of the tile, and what they mean for training. With --images there are sample
    tiles with outlines too; the page then holds pixels of your tiles.

    A tile that cannot be read is named on the page and stops nothing; the exit code is then 4.

    Example: shipseg explore labels.csv --images tiles/ -o report/
    """
    # Imported here: --help should not wait for what draws.
    from shipseg.cli.console import show_json, show_lines
    from shipseg.cli.exploration import Call, check, explore_table, headline, targets
    from shipseg.cli.outputs import make_folder, refuse_inputs_in, refuse_to_clobber

    call = Call(labels, images, output, gsd, (tile_size, tile_size), sample, workers)
    check(call)
    refuse_to_clobber(targets(output), overwrite=overwrite)
    refuse_inputs_in([output / "plots"], [labels])
    make_folder(output / "plots")
    outcome = explore_table(call, on_bad_row.value, quiet=json)
    if json:
        show_json(outcome.document)
    else:
        show_lines(headline(outcome, output))
    raise typer.Exit(outcome.exit_code)
