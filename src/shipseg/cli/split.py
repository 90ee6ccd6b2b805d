"""`shipseg split`: parts that share no ground, or whether given ones do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shipseg.cli.options import (
    BadRow,
    ExcludeOption,
    JsonOption,
    OnBadRowOption,
    OverwriteOption,
    TableArgument,
    WorkersOption,
    check_probability,
)


def split(
    labels: TableArgument,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            "-i",
            help="Folder of tiles, one per ImageId; without it only ships are compared.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File for the split.", show_default=False),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check", help="Split to look for leaks in, instead of making one.", show_default=False
        ),
    ] = None,
    val: Annotated[
        float | None,
        typer.Option(
            "--val", help="Share of 'val'.", callback=check_probability, show_default="0.1"
        ),
    ] = None,
    test: Annotated[
        float | None,
        typer.Option(
            "--test",
            help="Share of 'test'; 0 makes none.",
            callback=check_probability,
            show_default="0.1",
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            "--folds",
            help="Make this many equal parts, fold0 and so on, instead.",
            min=2,
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", help="Decides between tiles that are alike.", min=0)
    ] = 0,
    exclude: ExcludeOption = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            "--pairs", help="File for all pairs that share ground, and how.", show_default=False
        ),
    ] = None,
    tile_size: Annotated[int, typer.Option("--tile-size", help="Side of the tiles in pixels.")] = (
        768
    ),
    stride: Annotated[
        int, typer.Option("--stride", help="Pixels between neighbours as they were cut.")
    ] = 256,
    on_bad_row: OnBadRowOption = BadRow.error,
    workers: WorkersOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Part tiles into train, val and test (or folds) that share no ground.

    Finds tiles that overlap from their ships and, with --images, from their pixels; tiles that
    overlap, directly or through others, stay together. The parts resemble each other in ships per
    tile and size of ships. Writes ImageId,split,acquisition.

    --check says whether a split leaks, and which pairs do; the exit code is then 6.

    A tile that cannot be read is named and parted as if it overlapped nothing that its ships do not
    show; the exit code is then 4.

    Example: shipseg split labels.csv --images train_v2/ -o split.csv
    """
    # Imported here: reading --help should not load the imaging libraries.
    from shipseg.cli.console import show_json
    from shipseg.cli.outputs import make_folder, refuse_to_clobber
    from shipseg.cli.split_results import Question
    from shipseg.cli.splitting import purpose_of, search, write_pairs

    purpose = purpose_of(output, check, val=val, test=test, folds=folds, seed=seed)
    targets = [path for path in (output, pairs) if path is not None]
    refuse_to_clobber(targets, overwrite=overwrite)
    for target in targets:
        make_folder(target.parent)
    question = Question(labels, images, exclude, tile_size, stride, on_bad_row.value, workers)
    found = search(question)
    if pairs is not None:
        write_pairs(pairs, found)
    result = purpose.carry_out(found)
    if json:
        show_json(result.document)
    else:
        result.show()
    result.judge()
