"""Ships of two files on one plane, so that their outlines can be laid over each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer
from pyproj.exceptions import ProjError
from shapely import Point

from shipseg.errors import BadInputError
from shipseg.evaluation.scene_files import ShipFile, polygons_of
from shipseg.evaluation.scene_matching import Outline
from shipseg.scenes.area import Area
from shipseg.scenes.measure_positions import Points, to_scene_px
from shipseg.scenes.result import Grid


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Two files on one plane.

    Attributes:
        found: Outlines of the first.
        truth: Outlines of the second.
        unit: "m" or "px".
    """

    found: tuple[Outline, ...]
    truth: tuple[Outline, ...]
    unit: str


def compare(
    found: ShipFile, truth: ShipFile, grid: Grid | None = None, area: Area | None = None
) -> Compared:
    """Bring two files onto one plane: the scene's pixels, or without the scene a plane of its own.

    Args:
        found: The one.
        truth: The other.
        grid: Of the scene; needed where one file is in pixels and the other on the Earth, and for
            an area.
        area: Ships whose centre lies outside are left out of both.

    Raises:
        BadInputError: The files cannot be brought onto one plane.
    """
    if grid is not None:
        ours, theirs = (_on_scene(ships, grid, area) for ships in (found, truth))
        return _in_metres(ours, theirs, grid.gsd_m)
    in_px = [ships.crs is None for ships in (found, truth)]
    if all(in_px):
        return _in_metres(found.outlines, truth.outlines, found.gsd_m or truth.gsd_m)
    if any(in_px):
        name = (found if in_px[0] else truth).name
        raise BadInputError(
            f"{name} has its ships in pixels, and the other file on the Earth",
            hint="name the scene with --scene: its georeference leads from one to the other",
        )
    return _on_plane(found, truth)


def _on_scene(ships: ShipFile, grid: Grid, area: Area | None) -> list[Outline]:
    """Bring outlines to the scene's pixels, and keep those of the area."""
    outlines = list(ships.outlines)
    if ships.crs is not None:
        if grid.crs is None:
            raise BadInputError(f"{ships.name} has its ships on the Earth, and the scene no CRS")
        outlines = _moved(ships, to_scene_px, grid, ships.crs)
    if area is None:
        return outlines
    return [outline for outline in outlines if area.holds(*outline.centroid.coords[0])]


def _in_metres(ours: Sequence[Outline], theirs: Sequence[Outline], gsd_m: float | None) -> Compared:
    """Scale pixels to metres where their size is known."""
    if gsd_m is None:
        return Compared(tuple(ours), tuple(theirs), "px")

    def scaled(outlines: Sequence[Outline]) -> tuple[Outline, ...]:
        return tuple(shapely.transform(outline, lambda xy: xy * gsd_m) for outline in outlines)

    return Compared(scaled(ours), scaled(theirs), "m")


def _on_plane(found: ShipFile, truth: ShipFile) -> Compared:
    """Bring outlines to metres on a plane that touches the Earth at one of the ships.

    Over a scene of 100 km the azimuthal equidistant plane is true to 1 in 20,000.
    """
    on_earth = [_moved(ships, _way, ships.crs, "EPSG:4326") for ships in (found, truth)]
    some = next((outline.centroid for outline in [*on_earth[0], *on_earth[1]]), Point(0, 0))
    plane = f"+proj=aeqd +lon_0={some.x} +lat_0={some.y} +datum=WGS84"
    ours, theirs = (
        tuple(polygons_of(o) for o in _moved(ships, _way, ships.crs, plane))
        for ships in (found, truth)
    )
    return Compared(ours, theirs, "m")


def _way(source: Any, target: Any) -> Callable[[Points], Points]:
    transformer = Transformer.from_crs(source, target, always_xy=True)
    return lambda points: np.stack(transformer.transform(points[:, 0], points[:, 1]), axis=1)


def _moved(ships: ShipFile, way: Callable[..., Any], *ends: Any) -> list[Outline]:
    """Move outlines by a way between two CRSs."""
    try:
        to_there = way(*ends)
    except ProjError as error:
        raise BadInputError(f"{ships.name}: its CRS cannot be brought to the other's") from error
    moved = [shapely.transform(outline, to_there) for outline in ships.outlines]
    if not all(np.isfinite(shapely.get_coordinates(outline)).all() for outline in moved):
        raise BadInputError(
            f"{ships.name}: a ship lies where the other CRS has no coordinates",
            hint="check that both files are of this place, and that their CRSs are what they say",
        )
    return [polygons_of(outline) for outline in moved]
