"""Measures of a ship on a scene: place, area, length, width, heading, and how sure they are.

An outline runs along the edges of pixels. That alone makes every measure uncertain, and it is all
that the figures here speak of: one standard deviation from laying the grid of pixels over a hull
by chance. What the model draws too large or too small, and how well the scene is georeferenced,
come on top. With s the side of a pixel in metres (of the model's where the scene's is finer: there
the outline's stairs are as large as the model's pixels), L and W length and width, and P the
perimeter of the outline:

    centre   s / √12               the place of one edge, uniform within a pixel
    length   0.9 s                 the largest error of seven hulls, root mean square over places
    width    0.6 s                 on the grid and angles: tests/scenes/test_measure.py
    area     s² √(P / s / 12)      each pixel along the outline is wrong by a uniform share
    heading  atan(s / 2 / (L - W)) both ends half a pixel aside; 90° where L = W
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from shapely import MultiPoint, Polygon, minimum_rotated_rectangle

from shipseg.scenes.measure_positions import Points, Positions
from shipseg.scenes.open import MODEL_GSD_M
from shipseg.scenes.result import Grid, SceneShip

_LENGTH_SD, _WIDTH_SD = 0.9, 0.6


@dataclass(frozen=True, slots=True)
class Measure:
    """A ship's measures; `_sd` is one standard deviation, see above. None where not known.

    Attributes:
        x_px: Centre of the outline's area, to the right, in pixels of the scene.
        y_px: The same, down.
        area_px: Area in pixels of the scene.
        length_px: Longer side of the oriented box, in pixels of the scene.
        width_px: Its shorter side.
        box_px: Corners x, y of the oriented box, in pixels of the scene.
        lon: Longitude of the centre on WGS 84, in [-180, 180).
        lat: Latitude of the centre.
        centre_sd_m: In metres.
        length_m: In metres; a lower bound where the ship is `cut`.
        length_sd_m: In metres.
        width_m: In metres.
        width_sd_m: In metres.
        heading_deg: Of the longer side, clockwise from true north, in [0, 180): which end is the
            bow is not known.
        heading_sd_deg: In degrees.
        area_m2: In square metres.
        area_sd_m2: In square metres.
    """

    x_px: float
    y_px: float
    area_px: float
    length_px: float
    width_px: float
    box_px: tuple[tuple[float, float], ...]
    lon: float | None = None
    lat: float | None = None
    centre_sd_m: float | None = None
    length_m: float | None = None
    length_sd_m: float | None = None
    width_m: float | None = None
    width_sd_m: float | None = None
    heading_deg: float | None = None
    heading_sd_deg: float | None = None
    area_m2: float | None = None
    area_sd_m2: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Box:
    """The oriented box of points: sides, direction of the longer one, corners."""

    length: float
    width: float
    heading_deg: float
    corners: Points


def measure_ships(ships: list[SceneShip], grid: Grid) -> list[Measure]:
    """Measure the ships of one scene.

    Args:
        ships: Their outlines are in pixels of the scene.
        grid: The scene's grid.

    Returns:
        One for each ship, in their order.
    """
    positions, step_px = Positions(grid), outline_step_px(grid)
    return [measure_ship(ship.outline, positions, step_px) for ship in ships]


def outline_step_px(grid: Grid) -> float:
    """Give the side of an outline's stairs in pixels of the scene: the model's where it is coarser.

    Args:
        grid: The scene's grid.
    """
    return 1.0 if grid.gsd_m is None else max(1.0, MODEL_GSD_M / grid.gsd_m)


def measure_ship(outline: Polygon, positions: Positions, step_px: float = 1.0) -> Measure:
    """Measure one outline.

    Stairs of a slanted hull stick out of it; the middles of their edges lie on it. So the oriented
    box is the smallest around those middles, and its width is taken where three in a row are
    averaged: over the corners of the stairs both would be about a pixel too large.

    Args:
        outline: In pixels of the scene, x to the right, y down.
        positions: Of the scene.
        step_px: Side of the stairs, in pixels of the scene.
    """
    centre = outline.centroid
    centre_px = np.array([[centre.x, centre.y]])
    middles = _middles(outline, step_px)
    # Up is y, as on the plane of metres, so that both turn the same way.
    flat = _box((middles - centre_px) * (1.0, -1.0))
    in_px = {
        "x_px": centre.x, "y_px": centre.y, "area_px": outline.area,
        "length_px": flat.length, "width_px": flat.width,
    }  # fmt: skip
    plane = positions.plane(middles, centre_px)
    if plane.unit == "px":
        return Measure(**in_px, box_px=_corners(flat.corners * (1.0, -1.0) + centre_px))
    # Metres for each pixel, as a matrix; over a ship every map is as good as linear.
    metres, *_ = np.linalg.lstsq(_with_one(middles - centre_px), plane.points, rcond=None)
    box = _box(plane.points)
    box_px = np.linalg.lstsq(metres[:2].T, (box.corners - metres[2]).T, rcond=None)[0].T
    scale = abs(float(np.linalg.det(metres[:2])))
    step_m = math.sqrt(scale) * step_px
    rings_px = [outline.exterior, *outline.interiors]
    stairs = sum(ring.length for ring in rings_px) / step_px
    lonlat = positions.lonlat(centre_px)
    return Measure(
        **in_px,
        box_px=_corners(box_px + centre_px),
        lon=None if lonlat is None else float(lonlat[0, 0]),
        lat=None if lonlat is None else float(lonlat[0, 1]),
        centre_sd_m=step_m / math.sqrt(12),
        length_m=box.length,
        length_sd_m=_LENGTH_SD * step_m,
        width_m=box.width,
        width_sd_m=_WIDTH_SD * step_m,
        heading_deg=box.heading_deg if plane.northward else None,
        heading_sd_deg=(
            math.degrees(math.atan2(step_m / 2, box.length - box.width))
            if plane.northward
            else None
        ),
        area_m2=outline.area * scale,
        area_sd_m2=step_m**2 * math.sqrt(stairs / 12),
    )


def _middles(outline: Polygon, step_px: float) -> Points:
    """Give the middles of the outline's stairs, (n, 2), long edges parted into steps."""
    ring = np.asarray(outline.exterior.coords)[:, :2]
    starts, edges = ring[:-1], np.diff(ring, axis=0)
    counts = np.maximum(1, np.rint(np.hypot(*edges.T) / step_px)).astype(np.int64)
    which = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (place + 0.5) / counts[which]
    middles: Points = starts[which] + share[:, None] * edges[which]
    return middles


def _box(points: Points) -> _Box:
    rectangle = minimum_rotated_rectangle(MultiPoint(points))
    # A sliver thinner than rounding has a line for its box.
    ends = getattr(rectangle, "exterior", rectangle).coords
    corners = np.asarray(ends)[[0, 1, 2, 3] if len(ends) == 5 else [0, -1, -1, 0]]
    edges = np.diff(corners[:3], axis=0)
    sides = np.hypot(edges[:, 0], edges[:, 1])
    along = edges[int(np.argmax(sides))] / sides.max()
    smooth = (np.roll(points, 1, axis=0) + points + np.roll(points, -1, axis=0)) / 3
    across = smooth @ np.array([-along[1], along[0]])
    heading = math.degrees(math.atan2(along[0], along[1])) % 180.0
    return _Box(
        length=float(sides.max()),
        width=min(float(np.ptp(across)), float(sides.min())),
        # A hair below zero, as rounding leaves it for a vertical hull, gives 180.0 here.
        heading_deg=0.0 if heading == 180.0 else heading,
        corners=corners,
    )


def _with_one(points: Points) -> Points:
    return np.concatenate([points, np.ones((len(points), 1))], axis=1)


def _corners(points: Points) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in points)
