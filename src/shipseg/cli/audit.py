"""`shipseg audit`: what is wrong with tiles and labels."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from shipseg.cli.options import JsonOption, OverwriteOption, TableArgument, WorkersOption


class Level(StrEnum):
    """How grave a finding is."""

    error = "error"
    warning = "warning"
    info = "info"


def audit(
    labels: TableArgument,
    images: Annotated[
        Path, typer.Option("--images", "-i", help="Folder of the tiles.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path(
        "audit"
    ),
    fail_on: Annotated[
        Level | None,
        typer.Option(
            "--fail-on",
            help="Exit with 6 if something at least this grave is found.",
            show_default="never",
        ),
    ] = None,
    exclude_from: Annotated[
        Level,
        typer.Option(
            "--exclude-from", help="Put the tiles of findings at least this grave on the list."
        ),
    ] = Level.error,
    tiny: Annotated[
        int, typer.Option("--tiny", help="Find masks of fewer pixels than this.", min=0)
    ] = 18,
    overlaps: Annotated[
        bool,
        typer.Option(
            "--overlaps/--no-overlaps",
            help="Look for tiles that share ground; reads each tile once more.",
        ),
    ] = True,
    tile_size: Annotated[
        int, typer.Option("--tile-size", help="Side of a tile in pixels.", min=1, max=65536)
    ] = 768,
    stride: Annotated[
        int, typer.Option("--stride", help="Pixels between neighbours as they were cut.", min=8)
    ] = 256,
    workers: WorkersOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Find what is wrong with tiles and labels before a training learns it.

    Truncated, undecodable, black, white and blue-banded tiles, tiles of another size, duplicates,
    labels without tile and tiles without label, malformed and overlapping rows, masks of a few
    pixels or cut by the edge, and ships that two overlapping tiles label differently.

    Writes findings.csv, exclusions.csv (for 'shipseg split --exclude' and trainings) and
    audit.html, a page with pictures that holds pixels of your tiles.

    Faulty rows and broken tiles are findings and stop nothing.

    Example: shipseg audit labels.csv --images tiles/ -o audit/ --fail-on error
    """
    # Imported here: --help should not wait for the imaging libraries.
    from shipseg.cli.auditing import Call, audit_tiles, headline, judge, targets
    from shipseg.cli.console import show_json, show_lines
    from shipseg.cli.outputs import make_folder, refuse_inputs_in, refuse_to_clobber

    refuse_to_clobber(targets(output), overwrite=overwrite)
    refuse_inputs_in([output], [labels])
    call = Call(
        labels, images, output, exclude_from.value, tiny, overlaps, tile_size, stride, workers
    )
    outcome = audit_tiles(call, quiet=json, prepare=lambda: make_folder(output))
    if json:
        show_json(outcome.document)
    else:
        show_lines(headline(outcome, output))
    judge(outcome, None if fail_on is None else fail_on.value)
