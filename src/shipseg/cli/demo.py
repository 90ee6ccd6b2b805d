"""`shipseg demo`: the whole line, on a sea that it draws itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shipseg.cli.options import BundleOption, JsonOption, OverwriteOption


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path(
        "demo"
    ),
    seed: Annotated[
        int, typer.Option("--seed", help="Another number draws another sea.", min=0)
    ] = 0,
    bundle: BundleOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Draw three satellite pictures, find their ships, and show them on a page.

    Writes index.html, submission.csv, the drawn tiles/ with their labels.csv, and overlays/. Needs
    no network and no picture of yours.

    Example: shipseg demo --seed 7 -o seven/
    """
    # Imported here: reading --help should not load a model runtime.
    from shipseg.cli.console import show_json, show_lines
    from shipseg.cli.demonstration import demonstrate, result_lines, targets
    from shipseg.cli.outputs import make_folder, refuse_to_clobber
    from shipseg.inference.detector import Detector

    refuse_to_clobber(targets(output), overwrite=overwrite)
    detector = Detector(bundle)
    for folder in (output, output / "tiles", output / "overlays"):
        make_folder(folder)
    result = demonstrate(detector, output, seed)
    if json:
        show_json(result.to_dict())
    else:
        show_lines(result_lines(result))
