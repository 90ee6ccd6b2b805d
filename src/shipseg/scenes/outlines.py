"""From ship pixels on the working grid to outlines in the scene's own pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from shapely import MultiPolygon, Polygon, STRtree, box, make_valid, relate_pattern, union_all
from shapely.affinity import affine_transform

from shipseg.imaging.tiling import Window
from shipseg.inference.detector import Detector
from shipseg.inference.margins import BESIDE
from shipseg.inference.outliner import Surroundings
from shipseg.inference.ships import Ship
from shipseg.scenes.blobs import Blob
from shipseg.scenes.open import Scene
from shipseg.scenes.result import SceneShip

# Half the side of what joins two pixels that touch at a corner: a hundredth of their area.
_BRIDGE_PX = 0.05
# DE-9IM: the interiors of two outlines share more than a line.
_INTERIORS_MEET = "2********"


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A ship as the segmenter drew it, and straightened.

    Attributes:
        drawn: With the outline of its mask.
        straight: With a rectangle for an outline; None where it keeps the other.
    """

    drawn: SceneShip
    straight: SceneShip | None


def candidates_of(detector: Detector, scene: Scene, blob: Blob) -> list[Candidate]:
    """Part a blob into ships, and outline each on the scene."""

    def read(window: Window) -> npt.NDArray[np.uint8]:
        return scene.read(window).rgb

    found = []
    around = Surroundings((blob.x0, blob.y0), scene.shape_hw, blob.rim, read)
    outliner = detector.outliner
    for ship in outliner.masks_in(blob.maps, around, threshold=detector.threshold):
        x0, y0, x1, y1 = ship.box_xyxy
        rim = blob.rim[y0 - blob.y0 : y1 - blob.y0, x0 - blob.x0 : x1 - blob.x0]
        cut = bool((rim[ship.chip] == BESIDE).any())
        outline = _on_scene(ship, scene)
        if outline is None:
            continue
        other = outliner.straightened(ship, around)
        rectangle = None if other is None else _on_scene(other, scene)
        found.append(
            Candidate(
                SceneShip(outline, ship.score, cut),
                None if rectangle is None else SceneShip(rectangle, ship.score, cut),
            )
        )
    return found


def keep_apart(candidates: Sequence[Candidate]) -> list[SceneShip]:
    """Straighten ships where that makes none meet another, as `shipseg.inference.straighten` does.

    Returns:
        In the same order, straightened or as they were; their outlines share at most borders.
    """
    parts: list[Polygon] = []
    owners: list[int] = []
    for index, one in enumerate(candidates):
        outlines = [ship.outline for ship in (one.drawn, one.straight) if ship is not None]
        parts += outlines
        owners += [index] * len(outlines)
    meets = np.zeros(len(candidates), np.bool_)
    if any(one.straight for one in candidates):
        close: npt.NDArray[np.int64] = STRtree(parts).query(parts, predicate="intersects")
        for first, second in close.T.tolist():
            one, other = owners[first], owners[second]
            if one < other and relate_pattern(parts[first], parts[second], _INTERIORS_MEET):
                meets[[one, other]] = True
    return [
        one.drawn if one.straight is None or meet else one.straight
        for one, meet in zip(candidates, meets.tolist(), strict=True)
    ]


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


def _on_scene(ship: Ship, scene: Scene) -> Polygon | None:
    """Move an outline from the working grid to the scene's pixels, within the scene."""
    fx, fy = scene.columns.factor, scene.rows.factor
    moved = affine_transform(_one_polygon(ship.polygon), [fx, 0, 0, fy, 0, 0])
    height, width = scene.grid.shape_hw
    x0, y0, x1, y1 = moved.bounds
    if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
        moved = _largest(moved.intersection(box(0, 0, width, height)))
    if not moved.is_valid:
        moved = _largest(make_valid(moved))
    return None if moved.is_empty else moved
