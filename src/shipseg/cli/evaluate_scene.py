"""`shipseg evaluate-scene`: ships found on a scene against true ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shipseg.cli.options import JsonOption

_FORMATS = "GeoJSON, GeoPackage, GeoParquet, COCO JSON, or CSV with outlines in pixels"


def evaluate_scene(
    found: Annotated[
        Path, typer.Argument(help=f"Ships that were found: {_FORMATS}.", show_default=False)
    ],
    truth: Annotated[Path, typer.Argument(help="True ships, the same.", show_default=False)],
    scene: Annotated[
        Path | None,
        typer.Option(
            "--scene",
            help="The scene: its georeference leads from pixels to the Earth, its name chooses the "
            "rows of a table of several.",
            show_default=False,
        ),
    ] = None,
    aoi: Annotated[
        Path | None,
        typer.Option("--aoi", help="Polygons: only ships inside count.", show_default=False),
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option("--exclude", help="Polygons: ships inside do not count.", show_default=False),
    ] = None,
    area_km2: Annotated[
        float | None,
        typer.Option(
            "--area-km2",
            help="What was looked at, for false alarms per 1,000 km².",
            show_default="what FOUND says, else the scene's data",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Score ships found on one scene against true ones, whatever files they are in.

    Ships are matched by IoU above 0.5, and by place: centres within half the true ship's length,
    for truths that are drawn loosely. Recall, precision, F1 and F2, recall by length, and false
    alarms per 1,000 km², with 95 % intervals.

    Example: shipseg evaluate-scene out/ships.geojson truth.gpkg --scene scene.tif
    """
    # Imported here: reading --help should not load GDAL.
    from shipseg.cli.console import note, show, show_json
    from shipseg.cli.scene_truth import compare_files
    from shipseg.evaluation.scene_report import render_scene_report

    outcome = compare_files(found, truth, scene=scene, aoi=aoi, exclude=exclude, area_km2=area_km2)
    for text in outcome.notes:
        note(text)
    if json:
        show_json(outcome.report.to_dict())
    else:
        show(render_scene_report(outcome.report))
