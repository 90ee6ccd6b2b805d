"""`shipseg prepare`: tiles and labels in the layouts that other trainers read."""

from __future__ import annotations

from enum import StrEnum
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


class LayoutChoice(StrEnum):
    """The layouts."""

    classes = "classes"
    masks = "masks"
    coco = "coco"
    yolo = "yolo"


class MaskBits(StrEnum):
    """How masks are stored."""

    eight = "8"
    one = "1"


class RleChoice(StrEnum):
    """How COCO annotations hold their runs."""

    compressed = "compressed"
    uncompressed = "uncompressed"


def prepare(
    layout: Annotated[
        LayoutChoice,
        typer.Argument(
            help="classes: train/1, train/0. masks: train/image, train/mask. coco: JSON with run "
            "lengths. yolo: polygons as text.",
            show_default=False,
        ),
    ],
    labels: TableArgument,
    images: Annotated[
        Path,
        typer.Option(
            "--images", "-i", help="Folder of tiles, one per ImageId.", show_default=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder for what is made.", show_default=False),
    ],
    split: Annotated[
        Path | None,
        typer.Option(
            "--split",
            help="Table ImageId,split; each of its names becomes a part.",
            show_default="a random share is 'val'",
        ),
    ] = None,
    val_share: Annotated[
        float,
        typer.Option(
            "--val-share",
            help="That share, where there is no split.",
            callback=check_probability,
        ),
    ] = 0.1,
    part: Annotated[
        list[str] | None,
        typer.Option("--part", help="Make only this part; may be given again.", show_default="all"),
    ] = None,
    exclude: ExcludeOption = None,
    size: Annotated[
        int | None,
        typer.Option("--size", help="Side of the pictures in pixels.", show_default="the tiles'"),
    ] = None,
    train_tiles: Annotated[
        int | None,
        typer.Option(
            "--train-tiles", help="Tiles to draw from 'train'.", min=1, show_default="all"
        ),
    ] = None,
    val_tiles: Annotated[
        int | None,
        typer.Option("--val-tiles", help="Tiles to draw from 'val'.", min=1, show_default="all"),
    ] = None,
    empty_share: Annotated[
        float | None,
        typer.Option(
            "--empty-share",
            help="Share of tiles without ships in each part, 0 to 1.",
            callback=check_probability,
            show_default="as it comes",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Decides which tiles are drawn.", min=0)] = 0,
    link: Annotated[
        bool,
        typer.Option(
            "--link/--copy",
            help="Hard links to the tiles take no room, but are the tiles: edit one, and you edit "
            "the original.",
        ),
    ] = False,
    mask_bits: Annotated[
        MaskBits | None,
        typer.Option(
            "--mask-bits", help="masks: 8 bits for 0 and 255, or one bit.", show_default="8"
        ),
    ] = None,
    rle: Annotated[
        RleChoice | None,
        typer.Option("--rle", help="coco: form of the run lengths.", show_default="compressed"),
    ] = None,
    tile_size: Annotated[
        int, typer.Option("--tile-size", help="Side of the tiles of the label table in pixels.")
    ] = 768,
    on_bad_row: OnBadRowOption = BadRow.error,
    skip_missing: Annotated[
        bool,
        typer.Option("--skip-missing", help="A labelled tile without a file is no failure."),
    ] = False,
    workers: WorkersOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Make a data set of tiles and labels in a layout that other trainers read.

    The folder also gets tiles.csv (which tile is where), checksums.csv and prepare.json. A run that
    was stopped goes on when the same command is given again: what is there and right is kept.

    A tile that is missing or broken is named in failures.csv and stops nothing; the exit code is
    then 4, or 3 if none could be read.

    Example: shipseg prepare masks labels.csv --images train_v2/ --split split.csv --size 256 -o out
    """
    # Imported here: reading --help should not load the imaging libraries.
    from shipseg.cli.console import show_json, show_lines
    from shipseg.cli.failures import exit_code_of
    from shipseg.cli.outputs import make_folder
    from shipseg.cli.preparation import Preparation, choose_tiles, refuse_foreign
    from shipseg.dataset.prepare import Request

    refuse_foreign("--mask-bits", mask_bits, "masks", layout.value)
    refuse_foreign("--rle", rle, "coco", layout.value)
    asked = {"train": train_tiles, "val": val_tiles}
    request = Request(
        layout=layout.value,
        tile_size=tile_size,
        size=tile_size if size is None else size,
        tiles={name: number for name, number in asked.items() if number is not None},
        empty_share=empty_share,
        only=tuple(part or ()),
        seed=seed,
        link=link,
        mask_bits=1 if mask_bits is MaskBits.one else 8,
        rle="compressed" if rle is None else rle.value,
    )
    tiles = choose_tiles(
        request,
        images=images,
        labels=labels,
        split=split,
        exclude=exclude,
        output=output,
        val_share=val_share,
        on_bad_row=on_bad_row.value,
    )
    make_folder(output.parent)
    preparation = Preparation(tiles, output, skip_missing=skip_missing)
    summary = preparation.run(workers=workers, overwrite=overwrite)
    if json:
        show_json(summary.to_dict())
    else:
        show_lines(summary.lines())
    raise typer.Exit(exit_code_of(len(summary.failed), summary.tiles + len(summary.failed)))
