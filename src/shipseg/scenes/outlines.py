"""From ship pixels on the working grid to outlines in the scene's own pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from shapely import MultiPolygon, Polygon, box, make_valid, union_all
from shapely.affinity import affine_transform

from shipseg.imaging.tiling import Window
from shipseg.inference.apart import keep_apart
from shipseg.inference.detector import Detector
from shipseg.inference.gate_cells import Heat
from shipseg.inference.margins import BESIDE
from shipseg.inference.outliner import Surroundings
from shipseg.inference.ships import Ship
from shipseg.scenes.blobs import Blob
from shipseg.scenes.open import Scene
from shipseg.scenes.result import SceneShip

# Half the side of what joins two pixels that touch at a corner: a hundredth of their area.
_BRIDGE_PX = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A ship as the segmenter drew it, and straightened, on the working grid.

    Attributes:
        drawn: With its mask.
        straight: With a rectangle for a mask; None where it keeps the other.
        cut: Whether it runs out of what there is to see.
    """

    drawn: Ship
    straight: Ship | None
    cut: bool


def candidates_of(
    detector: Detector, scene: Scene, blob: Blob, heat: Heat | None
) -> list[Candidate]:
    """Part a blob into ships, and straighten each; what the gate refuses is left out."""

    def read(window: Window) -> npt.NDArray[np.uint8]:
        return scene.read(window).rgb

    found = []
    around = Surroundings((blob.x0, blob.y0), scene.shape_hw, blob.rim, read, heat)
    outliner = detector.outliner
    for mask in outliner.masks_in(blob.maps, around, threshold=detector.threshold):
        ship = outliner.outlined(mask, around)
        if ship is None:
            continue
        x0, y0, x1, y1 = ship.drawn.box_xyxy
        rim = blob.rim[y0 - blob.y0 : y1 - blob.y0, x0 - blob.x0 : x1 - blob.x0]
        cut = bool((rim[ship.drawn.chip] == BESIDE).any())
        found.append(Candidate(ship.drawn, ship.straight, cut))
    return found


def settled(candidates: Sequence[Candidate], scene: Scene) -> list[SceneShip]:
    """Give every ship its outline on the scene, apart from all others.

    Returns:
        In the same order, less those that end up outside the scene; outlines share at most borders.
    """
    ships = keep_apart([one.drawn for one in candidates], [one.straight for one in candidates])
    found = []
    for ship, candidate in zip(ships, candidates, strict=True):
        outline = _on_scene(ship, scene)
        if outline is not None:
            found.append(SceneShip(outline, ship.score, candidate.cut))
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
