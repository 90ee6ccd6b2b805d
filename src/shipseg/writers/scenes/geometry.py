"""Outlines as the formats want them: on WGS 84, in the scene's CRS, in pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from shapely import MultiPolygon, Polygon, get_parts, make_valid, transform
from shapely.affinity import translate
from shapely.geometry import box
from shapely.geometry.polygon import orient

from shipseg.scenes.measure_positions import Points, Positions

_HALVES = [(turn, box(turn - 180, -90, turn + 180, 90)) for turn in (-360, 0, 360)]


def on_wgs84(outline: Polygon, positions: Positions) -> Polygon | MultiPolygon | None:
    """Bring an outline to longitude and latitude as RFC 7946 wants it.

    Outer rings run counterclockwise, holes clockwise; what crosses the antimeridian is parted
    there (3.1.9). An outline around a pole is none of a ship's.

    Args:
        outline: In pixels of the scene.
        positions: Of the scene.

    Returns:
        None where the scene has no place on the Earth.
    """
    points = np.asarray(outline.exterior.coords)[:, :2]
    lonlat = positions.lonlat(points)
    if lonlat is None:
        return None
    moved = _valid(transform(outline, _continuing(positions, points[:1])))
    if lonlat[:, 0].min() >= -180 and lonlat[:, 0].max() <= 180:
        return _oriented(moved)
    halves = [translate(moved.intersection(half), -turn) for turn, half in _HALVES]
    parts = [p for h in halves for p in get_parts(h) if p.geom_type == "Polygon" and p.area > 0]
    return _oriented(MultiPolygon(parts) if len(parts) != 1 else parts[0])


def _continuing(positions: Positions, start_px: Points) -> Callable[[Points], Points]:
    """Map all rings of an outline so that their longitudes run on from the same point."""

    def to_lonlat(points_px: Points) -> Points:
        found = positions.lonlat(np.concatenate([start_px, points_px]))
        return np.full_like(points_px, np.nan) if found is None else found[1:]

    return to_lonlat


def in_scene_crs(outline: Polygon, positions: Positions) -> Polygon:
    """Bring an outline to the coordinates of the scene's own transform.

    Args:
        outline: In pixels of the scene.
        positions: Of the scene.
    """
    moved: Polygon = orient(transform(outline, positions.in_crs))
    return moved


def ring_text(outline: Polygon) -> str:
    """Spell an outline's rings in pixels: ``x,y x,y``, the outer ring first, rings parted by ;.

    Args:
        outline: In pixels.

    Examples:
        >>> ring_text(Polygon([(0, 0), (2, 0), (2, 1.5)]))
        '0,0 2,0 2,1.5'
    """
    rings = [outline.exterior, *outline.interiors]
    return ";".join(
        " ".join(f"{_short(x)},{_short(y)}" for x, y in np.asarray(ring.coords)[:-1, :2])
        for ring in rings
    )


def _short(value: float) -> str:
    # A thousandth of a pixel; the stairs of an outline mostly have whole numbers.
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _valid(shape: Polygon) -> Polygon | MultiPolygon:
    """Repair what rounding has broken, keeping the polygons."""
    if shape.is_valid:
        return shape
    parts = [p for p in get_parts(get_parts([make_valid(shape)])) if p.geom_type == "Polygon"]
    return max(parts, key=lambda part: part.area)


def _oriented(shape: Polygon | MultiPolygon) -> Polygon | MultiPolygon:
    if isinstance(shape, MultiPolygon):
        return MultiPolygon([orient(part) for part in shape.geoms])
    return orient(shape)
