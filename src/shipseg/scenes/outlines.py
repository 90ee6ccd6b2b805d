"""From ship pixels on the working grid to outlines in the scene's own pixels."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from shapely import MultiPolygon, Polygon, box, make_valid, union_all
from shapely.affinity import affine_transform

from shipseg.inference.detector import Detector
from shipseg.inference.instances import ships_of_maps
from shipseg.scenes.blobs import Blob
from shipseg.scenes.open import Scene
from shipseg.scenes.result import SceneShip

# Half the side of what joins two pixels that touch at a corner: a hundredth of their area.
_BRIDGE_PX = 0.05


def ships_of_blob(detector: Detector, scene: Scene, blob: Blob) -> list[SceneShip]:
    """Part a blob into ships, and outline each on the scene."""
    ships = ships_of_maps(
        blob.maps,
        threshold=detector.threshold,
        min_area_px=detector.manifest.segmenter.min_area_px,
        calibration=detector.calibration,
    )
    found = []
    for ship in ships:
        outline = _on_scene(_one_polygon(ship.polygon), scene, blob)
        if outline is not None:
            found.append(SceneShip(outline, ship.score, bool((blob.rim & ship.mask).any())))
    return found


def reading_order(ship: SceneShip) -> tuple[float, ...]:
    """Give the key that ships are sorted by: the first row of the outline, then the first column.

    Outlines of one scene share at most their borders, so no two have the same key.
    """
    x0, y0, x1, y1 = ship.outline.bounds
    centre = ship.outline.representative_point()
    return y0, x0, y1, x1, centre.y, centre.x


def _one_polygon(shape: Polygon | MultiPolygon) -> Polygon:
    """Join parts that touch at corners, and keep the largest of what stays apart."""
    if isinstance(shape, Polygon):
        return shape
    points = []
    for one, other in combinations(shape.geoms, 2):
        touching = one.intersection(other)
        points += [p for p in getattr(touching, "geoms", [touching]) if p.geom_type == "Point"]
    bridges = [
        box(p.x - _BRIDGE_PX, p.y - _BRIDGE_PX, p.x + _BRIDGE_PX, p.y + _BRIDGE_PX) for p in points
    ]
    return _largest(union_all([*shape.geoms, *bridges]))


def _largest(shape: Any) -> Polygon:
    parts = [p for p in getattr(shape, "geoms", [shape]) if isinstance(p, Polygon)]
    return max(parts, key=lambda part: part.area, default=Polygon())


def _on_scene(outline: Polygon, scene: Scene, blob: Blob) -> Polygon | None:
    """Move an outline from a blob's box to the scene's pixels, within the scene."""
    fx, fy = scene.columns.factor, scene.rows.factor
    moved = affine_transform(outline, [fx, 0, 0, fy, blob.x0 * fx, blob.y0 * fy])
    height, width = scene.grid.shape_hw
    x0, y0, x1, y1 = moved.bounds
    if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
        moved = _largest(moved.intersection(box(0, 0, width, height)))
    if not moved.is_valid:
        moved = _largest(make_valid(moved))
    return None if moved.is_empty else moved
