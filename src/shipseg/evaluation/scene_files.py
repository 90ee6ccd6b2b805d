"""Outlines of ships from any file that ships of scenes are written to."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS
from shapely import MultiPolygon, Polygon, box, make_valid

from shipseg.errors import BadInputError
from shipseg.evaluation.scene_coco import coco_outlines
from shipseg.evaluation.scene_matching import Outline
from shipseg.imaging.files import open_file
from shipseg.imaging.formats import shown_name
from shipseg.scenes.area_vectors import Vectors, parse_geojson, read_vectors

_MOST_BYTES = 256 * 1024**2


@dataclass(frozen=True, slots=True, eq=False)
class ShipFile:
    """Ships of one scene, as a file has them.

    Attributes:
        name: The file, for messages.
        outlines: In the coordinates of `crs`.
        crs: None where the outlines are in pixels.
        gsd_m: Metres per pixel, where the file says so.
        looked_at_km2: What was looked at, where the file says so.
        repaired: Outlines that crossed themselves.
    """

    name: str
    outlines: tuple[Outline, ...]
    crs: CRS | None
    gsd_m: float | None = None
    looked_at_km2: float | None = None
    repaired: int = 0


def read_ships(path: str | os.PathLike[str], scene: str | None = None) -> ShipFile:
    """Read ships from GeoJSON, COCO, a CSV with outlines in pixels, or another vector format.

    Args:
        path: The file.
        scene: Name of the scene, for files that hold ships of several.

    Raises:
        UsageError: There is no readable file.
        BadInputError: It is none of these formats, damaged, or of several scenes, none named.
        MissingDependencyError: Its format needs the extra `geo`, which is not installed.
    """
    path = Path(path)
    name = shown_name(os.fspath(path))
    with open_file(path, name=name) as stream:
        head = stream.read(4096)
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        is_json = start.startswith((b"{", b"["))
        is_table = b"\0" not in head and bool({b"polygon", b"x0"} & set(_words(start)))
        if not is_json and not is_table:
            return _of_vectors(read_vectors(path))
        data = head + stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise BadInputError(f"{name}: over {_MOST_BYTES:,} bytes", hint="write it as GeoPackage")
    if is_table:
        return _of_table(data, name, scene)
    document = _json(data, name)
    if isinstance(document, dict) and "annotations" in document:
        return _of_coco(document, name, scene)
    return _of_vectors(parse_geojson(data, name=name))


def _words(start: bytes) -> list[bytes]:
    """Give the cells of a table's header."""
    return [cell.strip(b'" \r') for cell in start.split(b"\n", 1)[0].split(b",")]


def _of_vectors(vectors: Vectors) -> ShipFile:
    lost = sum(geometry is None or geometry.is_empty for geometry in vectors.geometries)
    if lost:
        raise BadInputError(
            f"{vectors.name}: {lost:,} of {len(vectors.geometries):,} ships have no place",
            hint="a scene without a CRS has its outlines in the CSV and in the COCO file",
        )
    for number, geometry in enumerate(vectors.geometries, start=1):
        if geometry.geom_type not in ("Polygon", "MultiPolygon"):
            raise BadInputError(
                f"{vectors.name}: feature {number} is a {geometry.geom_type}, expected a polygon",
                hint="ships are compared by their outlines",
            )
    about = vectors.extra.get("scene")
    about = about if isinstance(about, dict) else {}
    return _ship_file(vectors.name, vectors.geometries, vectors.crs, about)


def _of_table(data: bytes, name: str, scene: str | None) -> ShipFile:
    """Read rows ``scene,x0,y0,x1,y1,polygon``; a row without a polygon is its box."""
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    except (ValueError, csv.Error) as error:
        raise BadInputError(f"{name}: no CSV in UTF-8: {error}") from error
    outlines = []
    for number, row in enumerate(_rows_of(rows, name, scene), start=2):
        try:
            # A coordinate that is no number is refused below, with the ship's number.
            with np.errstate(invalid="ignore"):
                outlines.append(_outline_of(row))
        except (ValueError, TypeError, KeyError, shapely.errors.ShapelyError) as error:
            raise BadInputError(
                f"{name}: a ship near row {number} has no outline",
                hint="columns are scene,x0,y0,x1,y1,polygon; a polygon is 'x,y x,y x,y' in pixels",
            ) from error
    return _ship_file(name, outlines, None, {})


def _rows_of(rows: list[dict[str, Any]], name: str, scene: str | None) -> list[dict[str, Any]]:
    """Keep one scene's rows."""
    scenes = sorted({str(row["scene"]) for row in rows if row.get("scene") is not None})
    unnamed = scene is None and len(scenes) > 1
    if unnamed or (scene is not None and scenes and scene not in scenes):
        shown = ", ".join(map(shown_name, scenes[:6])) + (", ..." if len(scenes) > 6 else "")
        raise BadInputError(
            f"{name}: ships of {shown}"
            + ("" if scene is None else f", none of {shown_name(scene)}"),
            hint="name the scene with --scene, by the file name that the table has",
        )
    if scene is None or not scenes:
        return rows
    return [row for row in rows if row["scene"] == scene]


def _outline_of(row: dict[str, Any]) -> Polygon:
    text = (row.get("polygon") or "").strip()
    if not text:
        return box(*(float(row[key]) for key in ("x0", "y0", "x1", "y1")))
    rings = [
        [tuple(map(float, point.split(","))) for point in ring.split()] for ring in text.split(";")
    ]
    return Polygon(rings[0], rings[1:])


def _json(data: bytes, name: str) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{name}: no JSON: {error}"[:300]) from error


def _of_coco(document: dict[str, Any], name: str, scene: str | None) -> ShipFile:
    outlines, about = coco_outlines(document, name, scene)
    return _ship_file(name, outlines, None, about)


def _ship_file(
    name: str, outlines: Sequence[Outline], crs: CRS | None, about: dict[str, Any]
) -> ShipFile:
    """Repair what crosses itself; refuse what has no area."""
    repaired = 0
    kept = []
    for number, outline in enumerate(outlines, start=1):
        outline = shapely.force_2d(outline)
        if not np.isfinite(shapely.get_coordinates(outline)).all():
            raise BadInputError(f"{name}: ship {number} has a coordinate that is no number")
        if not outline.is_valid:
            outline, repaired = polygons_of(make_valid(outline)), repaired + 1
        if outline.is_empty or outline.area <= 0:
            raise BadInputError(
                f"{name}: ship {number} has no area", hint="leave ships without an area out"
            )
        kept.append(outline)
    return replace(
        ShipFile(name, tuple(kept), crs),
        gsd_m=_positive(about.get("gsd_m")),
        looked_at_km2=_positive(about.get("looked_at_km2")),
        repaired=repaired,
    )


def _positive(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < float("inf") else None


def polygons_of(shape: Any) -> Outline:
    """Keep the polygons of a shape, repaired.

    Args:
        shape: Any shapely geometry.
    """
    if not shape.is_valid:
        shape = make_valid(shape)
    parts = [p for p in shapely.get_parts(shapely.get_parts([shape])) if p.geom_type == "Polygon"]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)
