"""The work behind `shipseg evaluate-scene`: files to one plane, and how much was looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from shipseg.errors import UsageError
from shipseg.evaluation.scene_files import ShipFile, read_ships
from shipseg.evaluation.scene_plane import compare
from shipseg.evaluation.scenes import SceneReport, evaluate_scene
from shipseg.imaging.tiling import Window, windows
from shipseg.scenes.area import Area, read_area
from shipseg.scenes.open import MODEL_GSD_M, Scene, open_scene
from shipseg.scenes.result import Grid

_WINDOW_PX = 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """A report, and what to tell beside it."""

    report: SceneReport
    notes: tuple[str, ...]


def compare_files(
    found: Path,
    truth: Path,
    *,
    scene: Path | None = None,
    aoi: Path | None = None,
    exclude: Path | None = None,
    area_km2: float | None = None,
) -> Outcome:
    """Read two files of ships and score the one by the other.

    Args:
        found: Ships that were found.
        truth: True ships.
        scene: The raster.
        aoi: Polygons inside which ships count; needs `scene`.
        exclude: Polygons inside which they do not; needs `scene`.
        area_km2: What was looked at; None takes what `found` says, else the scene's data.

    Raises:
        UsageError: Options do not go together, or a file cannot be read.
        BadInputError: A file holds no ships that can be compared.
    """
    if area_km2 is not None and not (math.isfinite(area_km2) and area_km2 > 0):
        raise UsageError(f"--area-km2 is {area_km2}, expected a number above 0")
    if scene is None and (aoi is not None or exclude is not None):
        raise UsageError("--aoi and --exclude need the scene", hint="add --scene SCENE.tif")
    name = None if scene is None else scene.name
    grid, area = None, None
    if scene is not None:
        grid = _grid_of(scene)
        if aoi is not None or exclude is not None:
            area = read_area(grid, aoi=aoi, exclude=exclude)
    ours, theirs = read_ships(found, name), read_ships(truth, name)
    notes = [_repaired(ships) for ships in (ours, theirs) if ships.repaired]
    if area_km2 is None and area is None:
        area_km2 = ours.looked_at_km2
    if area_km2 is None and scene is not None:
        area_km2 = _data_km2(scene, area)
    if area_km2 is None:
        notes.append("how much was looked at is not known: add --area-km2 for false alarms")
    compared = compare(ours, theirs, grid, area)
    report = evaluate_scene(
        compared.found, compared.truth, unit=compared.unit, looked_at_km2=area_km2
    )
    return Outcome(report, tuple(notes))


def _repaired(ships: ShipFile) -> str:
    return f"{ships.name}: {ships.repaired:,} outlines crossed themselves and were repaired"


def _grid_of(scene: Path) -> Grid:
    with open_scene(scene) as opened:
        return opened.grid


def _data_km2(scene: Path, area: Area | None) -> float | None:
    """Measure the scene's pixels that hold data and lie in the area, window by window."""
    grid = _grid_of(scene)
    if grid.gsd_m is None:
        return None
    # A GSD like the model's leaves the scene's own pixels: nothing is resampled.
    valid_area = None if area is None else area.valid
    with open_scene(scene, gsd_m=MODEL_GSD_M, valid_area=valid_area) as opened:
        pixels = sum(_valid_px(opened, window) for window in windows(grid.shape_hw, _WINDOW_PX))
    return pixels * grid.gsd_m**2 / 1e6


def _valid_px(scene: Scene, window: Window) -> int:
    picture = scene.read(window)
    height, width = picture.shape_hw
    return height * width if picture.valid is None else int(picture.valid.sum())
