"""`shipseg download`: the challenge's files, through Kaggle's own client."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shipseg.cli.options import JsonOption, OverwriteOption


def download(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder for the files.", show_default=False),
    ],
    archive: Annotated[
        Path | None,
        typer.Option(
            "--archive",
            help="Unpack this archive, which a browser has downloaded; Kaggle is not asked.",
            show_default=False,
        ),
    ] = None,
    keep_archive: Annotated[
        bool, typer.Option("--keep-archive", help="Keep the archive once it is unpacked.")
    ] = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Download the files of the Airbus Ship Detection challenge.

    Needs: pip install 'shipseg[download]', an account at Kaggle, and the challenge's rules accepted
    there; what is missing is told with the steps that lead on. The tiles are for non-commercial use
    and may not be passed on.

    About 30 GB are downloaded and as much again is unpacked: train_v2/, test_v2/ and the label
    tables. Both go on where they were cut off when the same command is given again.

    Example: shipseg download -o airbus/
    """
    from shipseg.cli.console import show_json, show_lines
    from shipseg.cli.downloading import fetch_and_unpack

    summary = fetch_and_unpack(output, archive, keep_archive=keep_archive, overwrite=overwrite)
    if json:
        show_json(summary.to_dict())
    else:
        show_lines(summary.lines())
