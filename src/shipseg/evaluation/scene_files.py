"""Outlines of ships from any file that ships of scenes are written to."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from shapely import MultiPolygon, Point, Polygon, box, make_valid, union_all

from shipseg.errors import BadInputError
from shipseg.imaging.files import open_file
from shipseg.imaging.formats import shown_name
from shipseg.scenes.area import Area
from shipseg.scenes.area_vectors import Vectors, parse_geojson, read_vectors
from shipseg.scenes.measure_positions import Points, to_scene_px
from shipseg.scenes.result import Grid

_MOST_BYTES = 256 * 1024**2

Outline: TypeAlias = "Polygon | MultiPolygon"


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
        tuple(_polygons(o) for o in _moved(ships, _way, ships.crs, plane))
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
    return [_polygons(outline) for outline in moved]


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
            f"{name}: ships of {len(scenes):,} scenes, {shown}"
            + ("" if scene is None else f", and none of {shown_name(scene)}"),
            hint="name the scene with --scene",
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
    try:
        images = {str(image["file_name"]): image["id"] for image in document["images"]}
        if scene in images or len(images) == 1:
            wanted = images[scene] if scene in images else next(iter(images.values()))
        else:
            raise BadInputError(
                f"{name}: {len(images):,} pictures"
                + ("" if scene is None else f", and none is {shown_name(scene)}"),
                hint="name the scene with --scene",
            )
        outlines = [
            _segment(annotation["segmentation"])
            for annotation in document["annotations"]
            if annotation["image_id"] == wanted
        ]
        about = document.get("info", {}).get("scene", {})
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as error:
        raise BadInputError(
            f"{name}: no COCO as pycocotools reads it: {type(error).__name__} {error}"[:300],
            hint="annotations need image_id and segmentation, images need id and file_name",
        ) from error
    return _ship_file(name, outlines, None, about if isinstance(about, dict) else {})


def _segment(segmentation: Any) -> Outline:
    if isinstance(segmentation, list):
        parts = [Polygon(np.reshape(ring, (-1, 2))) for ring in segmentation]
        return parts[0] if len(parts) == 1 else union_all([make_valid(part) for part in parts])
    height = int(segmentation["size"][0])
    counts = segmentation["counts"]
    ends = np.cumsum(_decompress(counts) if isinstance(counts, str) else counts)
    bars = []
    for start, end in zip(ends[0::2].tolist(), ends[1::2].tolist(), strict=False):
        # A run goes on from the bottom of a column to the top of the next.
        for column in range(start // height, (end - 1) // height + 1):
            top, low = max(start - column * height, 0), min(end - column * height, height)
            bars.append(box(column, top, column + 1, low))
    return union_all(bars)


def _decompress(text: str) -> list[int]:
    """Read the text that pycocotools calls compressed: `rleFrString` of its `maskApi.c`."""
    counts: list[int] = []
    number = shift = 0
    for letter in text.encode("ascii"):
        digit = letter - 48
        number |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        if digit & 16:
            number -= 1 << shift
        counts.append(number + counts[-2] if len(counts) > 2 else number)
        number = shift = 0
    return counts


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
            outline, repaired = _polygons(make_valid(outline)), repaired + 1
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


def _polygons(shape: Any) -> Outline:
    """Keep the polygons of a shape, repaired."""
    if not shape.is_valid:
        shape = make_valid(shape)
    parts = [p for p in shapely.get_parts(shapely.get_parts([shape])) if p.geom_type == "Polygon"]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def _positive(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < float("inf") else None
