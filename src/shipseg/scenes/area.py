"""Areas of interest: where on a scene ships are wanted, from vector files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from shapely import MultiPolygon, Point, Polygon, STRtree, box, unary_union
from shapely.affinity import affine_transform

from shipseg.errors import BadInputError
from shipseg.imaging.formats import shown_name
from shipseg.imaging.gdal import rasterio
from shipseg.imaging.tiling import Window
from shipseg.scenes.area_vectors import Vectors, read_vectors
from shipseg.scenes.measure_positions import Positions, to_scene_px
from shipseg.scenes.result import Grid

from rasterio.features import rasterize  # isort: skip

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]

# Straight lines of a file are curves on the scene: points are added at every 64th of its diagonal.
# Over 100 km such a piece strays from its chord by less than a tenth of a metre.
_PIECES = 64
_GRID_PX = 1 / 1024


class Area:
    """Where ships are wanted: inside `aoi`, outside `exclude`. Windows are made one at a time."""

    def __init__(self, aoi: list[Polygon] | None, exclude: list[Polygon]) -> None:
        """Take polygons in pixels of the scene.

        Args:
            aoi: None where the whole scene is wanted.
            exclude: What to leave out of it.
        """
        self._aoi = None if aoi is None else STRtree(_snapped(aoi))
        self._exclude = STRtree(_snapped(exclude))

    def valid(self, window: Window) -> Mask:
        """Tell which pixels of a window are wanted: those whose middle is.

        Args:
            window: In pixels of the scene.

        Returns:
            (h, w) bool.
        """
        out = _burn(self._exclude, window)
        return ~out if self._aoi is None else _burn(self._aoi, window) & ~out

    def holds(self, x_px: float, y_px: float) -> bool:
        """Tell whether a point of the scene, in pixels, is wanted."""
        point = Point(x_px, y_px)
        if len(self._exclude.query(point, predicate="intersects")):
            return False
        return self._aoi is None or len(self._aoi.query(point, predicate="intersects")) > 0

    def cuts(self, outline: Polygon) -> bool:
        """Tell whether a ship reaches the area's border, so that it may go on beyond.

        Args:
            outline: In pixels of the scene.
        """
        # Pixels are wanted by their middles, so an outline ends up to a pixel from the border.
        wide = outline.buffer(1.0)
        if len(self._exclude.query(wide, predicate="intersects")):
            return True
        if self._aoi is None:
            return False
        near = self._aoi.geometries[self._aoi.query(wide, predicate="intersects")]
        return not unary_union(near).covers(wide)


def read_area(
    grid: Grid,
    *,
    aoi: str | os.PathLike[str] | None = None,
    exclude: str | os.PathLike[str] | None = None,
) -> Area:
    """Read where ships are wanted on a scene.

    Args:
        grid: The scene's grid.
        aoi: A file of polygons in any CRS, such as a harbour; ships are wanted inside.
        exclude: The same, such as land; ships are wanted outside.

    Raises:
        UsageError: A file cannot be read.
        BadInputError: It is no vector file, has no polygons or other shapes as well, an invalid
            one, no CRS, or none that can be brought to the scene's; or `aoi` lies elsewhere.
        MissingDependencyError: It is no GeoJSON, and the extra `geo` is not installed.
    """
    wanted = None if aoi is None else _polygons_on(grid, read_vectors(aoi))
    if aoi is not None and not wanted:
        raise BadInputError(
            f"{shown_name(os.fspath(aoi))}: no polygon overlaps the scene{_where(grid)}",
            hint="check that the file is of this place, and that its CRS is the one it says",
        )
    return Area(wanted, [] if exclude is None else _polygons_on(grid, read_vectors(exclude)))


def _snapped(polygons: list[Polygon]) -> list[Polygon]:
    """Bring corners to multiples of 1/1024 px: clipping fails on slivers far below a pixel."""
    # Rings of no size at all, which come out empty, are divided by their size first.
    with np.errstate(divide="ignore", invalid="ignore"):
        snapped = shapely.set_precision(polygons, _GRID_PX)
    return [p for p in shapely.get_parts(snapped) if p.geom_type == "Polygon" and not p.is_empty]


def _burn(tree: STRtree, window: Window) -> Mask:
    """Mark pixels whose middle lies in a polygon or on its border, whatever window they are in."""
    # Two pixels more, so that no line is cut where it decides on a pixel.
    around = (window.x0 - 2, window.y0 - 2, window.x1 + 2, window.y1 + 2)
    near = tree.geometries[tree.query(box(*around))]
    parts = [part for part in shapely.clip_by_rect(near, *around) if not part.is_empty]
    if not parts:
        return np.zeros(window.shape_hw, np.bool_)
    inside = _rasterize(parts, window, touched=False)
    # Where a border runs through a pixel, rounding would decide, differently in every window.
    ys, xs = np.nonzero(_rasterize(shapely.boundary(parts), window, touched=True))
    inside[ys, xs] = _holds_any(near, window.x0 + 0.5 + xs, window.y0 + 0.5 + ys)
    return inside


def _rasterize(shapes: Sequence[Any], window: Window, *, touched: bool) -> Mask:
    place = rasterio.Affine.translation(window.x0, window.y0)
    burnt = rasterize(shapes, window.shape_hw, transform=place, all_touched=touched, dtype="uint8")
    mask: Mask = burnt.astype(np.bool_)
    return mask


def _holds_any(polygons: Sequence[Polygon], xs: Floats, ys: Floats) -> Mask:
    """Tell which points lie in any of some polygons; shapely decides without rounding."""
    held = np.zeros(len(xs), np.bool_)
    for polygon in polygons:
        shapely.prepare(polygon)
        held |= shapely.intersects_xy(polygon, xs, ys)
    return held


def _polygons_on(grid: Grid, vectors: Vectors) -> list[Polygon]:
    """Bring a file's polygons to the scene's pixels; those beyond it are left out."""
    polygons = checked_polygons(vectors)
    if vectors.crs is not None and grid.crs is not None:
        placed = _through_crs(polygons, vectors, grid)
    elif grid.crs is not None:
        raise BadInputError(
            f"{vectors.name}: the file has no CRS, so its place is not known",
            hint="set it, for example with: ogr2ogr -a_srs EPSG:4326 with_crs.gpkg FILE",
        )
    elif vectors.crs is not None:
        raise BadInputError(
            f"{vectors.name}: the scene has no CRS, so an area on the Earth has no place on it",
            hint="georeference the scene, or give the area in its pixels in a file without a CRS",
        )
    else:
        t = ~grid.transform
        placed = [affine_transform(p, [t.a, t.b, t.d, t.e, t.c, t.f]) for p in polygons]
    height, width = grid.shape_hw
    scene = box(0, 0, width, height)
    found: list[Polygon] = []
    for moved in placed:
        valid = moved if moved.is_valid else shapely.make_valid(moved)
        parts = shapely.get_parts(shapely.get_parts([valid]))
        found += [p for p in parts if p.geom_type == "Polygon" and p.intersects(scene)]
    return found


def checked_polygons(vectors: Vectors) -> list[Polygon | MultiPolygon]:
    """Give a file's polygons; features without a geometry are passed over.

    Raises:
        BadInputError: There is none, or one is a line or a point, or crosses itself.
    """
    found = []
    for number, geometry in enumerate(vectors.geometries, start=1):
        if geometry is None or geometry.is_empty:
            continue
        where = f"{vectors.name}: feature {number}"
        if geometry.geom_type not in ("Polygon", "MultiPolygon"):
            raise BadInputError(
                f"{where} is a {geometry.geom_type}, expected polygons",
                hint="close lines to polygons, or widen lines and points with a buffer",
            )
        if not geometry.is_valid:
            raise BadInputError(
                f"{where} is not valid: {shapely.is_valid_reason(geometry)}",
                hint="repair it, for example with QGIS's 'Fix geometries' or ogr2ogr -makevalid",
            )
        found.append(shapely.force_2d(geometry))
    if not found:
        raise BadInputError(
            f"{vectors.name}: no polygon in {len(vectors.geometries):,} features",
            hint="write the area as at least one polygon",
        )
    return found


def _through_crs(polygons: list[Any], vectors: Vectors, grid: Grid) -> list[Any]:
    """Clip to the scene's surroundings, add points to long lines, and bring them to pixels."""
    source: Any = vectors.crs
    target: Any = grid.crs
    try:
        to_px = to_scene_px(grid, source)
        there = Transformer.from_crs(CRS.from_wkt(target.to_wkt()), source, always_xy=True)
        surroundings = _surroundings(grid, there, in_degrees=source.is_geographic)
    except ProjError as error:
        raise BadInputError(
            f"{vectors.name}: its CRS cannot be brought to the scene's: {error}"[:300],
            hint="reproject the file to the scene's CRS",
        ) from error
    geometries = np.array(polygons, dtype=object)
    clipped = []
    for rectangle, piece in surroundings:
        near = geometries[shapely.intersects(geometries, rectangle)]
        parts = shapely.get_parts(shapely.get_parts(shapely.intersection(near, rectangle)))
        parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
        clipped.append(shapely.segmentize(parts, piece))
    moved = shapely.transform(np.concatenate(clipped), to_px)
    return [g for g in moved if np.isfinite(shapely.get_coordinates(g)).all()]


def _surroundings(
    grid: Grid, there: Transformer, *, in_degrees: bool
) -> list[tuple[Polygon, float]]:
    """Give boxes around the scene in the file's CRS, and how long a straight piece may be there."""
    height, width = grid.shape_hw
    corners = [grid.transform @ (x, y) for x in (0, width) for y in (0, height)]
    xs, ys = zip(*corners, strict=True)
    left, bottom, right, top = there.transform_bounds(min(xs), min(ys), max(xs), max(ys))
    if not np.isfinite([left, bottom, right, top]).all():
        raise ProjError("the scene lies where that CRS has no coordinates")
    spans = [(left, right)]
    if in_degrees:
        # Over the antimeridian the left may lie above the right, or the right beyond 180.
        left, right = (left + 180) % 360 - 180, (right + 180) % 360 - 180
        spans = [(left, right)] if left <= right else [(left, 180.0), (-180.0, right)]
    across = sum(high - low for low, high in spans)
    margin = 0.05 * max(across, top - bottom)
    piece = max(np.hypot(across, top - bottom) / _PIECES, 1e-9)
    return [
        (box(low - margin, bottom - margin, high + margin, top + margin), float(piece))
        for low, high in spans
    ]


def _where(grid: Grid) -> str:
    """Say where a scene lies."""
    height, width = grid.shape_hw
    middle = Positions(grid).lonlat(np.array([[width / 2, height / 2]]))
    if middle is None:
        return ""
    return f", whose middle is at longitude {middle[0, 0]:.4f}, latitude {middle[0, 1]:.4f}"
