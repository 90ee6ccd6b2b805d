"""The options that commands share, so that a word means the same everywhere."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from shipseg.inference.devices import Device


class BadRow(StrEnum):
    """What a faulty row of a label table gets."""

    error = "error"
    skip = "skip"


class Engine(StrEnum):
    """Where tiles and scenes are worked on."""

    local = "local"
    ray = "ray"


def check_probability(value: float | None) -> float | None:
    """Refuse what is no probability."""
    # A range check alone lets NaN through.
    if value is not None and not (math.isfinite(value) and 0.0 <= value <= 1.0):
        raise typer.BadParameter(f"{value} is no number from 0 to 1")
    return value


Paths = Annotated[
    list[Path],
    typer.Argument(
        help="Pictures, folders (searched whole) and globs in quotes.", show_default=False
    ),
]
BundleOption = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        "-b",
        help="Model bundle, a folder or a .zip.",
        show_default="the one inside the package",
    ),
]
TableArgument = Annotated[
    Path,
    typer.Argument(
        help="Label table: ImageId,EncodedPixels as .csv, .csv.gz or .csv.zip.", show_default=False
    ),
]
LabelsOption = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        "-l",
        help="Label table with the truth: ImageId,EncodedPixels as .csv, .csv.gz or .csv.zip.",
        show_default=False,
    ),
]
OnBadRowOption = Annotated[
    BadRow,
    typer.Option("--on-bad-row", help="What a faulty row of the label table gets."),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        help="Least probability at which a pixel is ship.",
        callback=check_probability,
        show_default="the bundle's",
    ),
]
GateThresholdOption = Annotated[
    float | None,
    typer.Option(
        "--gate-threshold",
        help="Least probability at which a tile passes the gate.",
        callback=check_probability,
        show_default="the bundle's",
    ),
]
StraightenOption = Annotated[
    bool,
    typer.Option(
        "--straighten/--no-straighten",
        help="Draw hulls that are nearly rectangles as such, and part boats from them, where the "
        "bundle can.",
    ),
]
ExcludeOption = Annotated[
    Path | None,
    typer.Option(
        "--exclude",
        help="Table with a column ImageId: tiles to leave out, as 'shipseg audit' finds them.",
        show_default=False,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers", "-j", help="Tiles at a time.", min=1, max=256, show_default="one per core"
    ),
]
DeviceOption = Annotated[
    Device,
    typer.Option(
        "--device",
        help="What runs the models; auto takes the fastest that is there. See docs/speed.md.",
    ),
]
EngineOption = Annotated[
    Engine,
    typer.Option(
        "--engine",
        help="Work on this machine, or on a Ray cluster: RAY_ADDRESS's, or one on this machine. "
        "See docs/ray.md.",
    ),
]
OverwriteOption = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace results that are already there."),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document on stdout instead of text."),
]
SceneOption = Annotated[
    bool | None,
    typer.Option(
        "--scene/--tiles",
        help="Read all files as scenes, or as tiles.",
        show_default="by what they are",
    ),
]
FormatsOption = Annotated[
    str,
    typer.Option(
        "--formats",
        help="What to write of each scene, among geojson, gpkg, parquet, coco, csv, mask, chips, "
        "overview.",
    ),
]
GsdOption = Annotated[
    float | None,
    typer.Option(
        "--gsd",
        help="Metres per pixel of the scenes.",
        min=0.01,
        max=1000,
        show_default="what each scene says",
    ),
]
BandsOption = Annotated[
    str | None,
    typer.Option(
        "--bands",
        help="Bands of the scenes that are red, green and blue, such as 3,2,1; or one, as grey.",
        show_default="by their colour interpretation",
    ),
]
AoiOption = Annotated[
    Path | None,
    typer.Option(
        "--aoi", help="Polygons, as any vector file: ships are wanted inside.", show_default=False
    ),
]
ExcludeAreaOption = Annotated[
    Path | None,
    typer.Option(
        "--exclude",
        help="Polygons, such as land: ships are wanted outside.",
        show_default=False,
    ),
]
AllowVrtOption = Annotated[
    bool,
    typer.Option("--allow-vrt", help="Take virtual rasters, which read whatever files they name."),
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        help="i/n: do only the i-th of n parts of the files, on one of n machines.",
        show_default=False,
    ),
]
ResumeOption = Annotated[
    bool,
    typer.Option("--resume", help="Go on with an interrupted run over scenes."),
]
