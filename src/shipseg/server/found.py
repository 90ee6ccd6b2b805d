"""A ship as it is answered: in the caller's own pixels, measured in them and on the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from shapely import MultiPolygon, Polygon, get_parts, minimum_rotated_rectangle

from shipseg import rle
from shipseg.imaging.gdal import rasterio
from shipseg.inference.ships import Ship
from shipseg.rle import Runs
from shipseg.scenes.measure import measure_ship
from shipseg.scenes.measure_positions import Positions

from rasterio.features import rasterize  # isort: skip  after `gdal`, which sets GDAL up

if TYPE_CHECKING:
    from shipseg.scenes.result import Grid

Outline: TypeAlias = Polygon | MultiPolygon


@dataclass(frozen=True, slots=True, eq=False)
class FoundShip:
    """One ship in the caller's own pixels.

    Attributes:
        outline: Along the edges of the model's pixels, x to the right, y down.
        runs: The mask.
        score: 0..1.
        length_px: Longer side of its oriented box.
        width_px: Shorter side.
        heading_deg: Clockwise from true north where `lon` is known, else from up; in [0, 180).
        box: (4, 2) corners of the oriented box.
        centre: x and y.
        length_m: In metres, or None.
        width_m: In metres, or None.
        lon: Longitude of the centre on WGS 84, or None.
        lat: Latitude, or None.
    """

    outline: Outline
    runs: Runs
    score: float
    length_px: float
    width_px: float
    heading_deg: float
    box: npt.NDArray[np.float64]
    centre: tuple[float, float]
    length_m: float | None = None
    width_m: float | None = None
    lon: float | None = None
    lat: float | None = None


def as_drawn(ship: Ship, gsd_m: float | None) -> FoundShip:
    """Take a ship of a picture that the model saw as it was sent."""
    outline: Outline = ship.polygon
    # As `Ship.oriented_box`, whose hull has the same corners; but that one goes over every pixel,
    # and once for each of length, width and heading: a fifth of all work on a picture with ships.
    box = np.asarray(minimum_rotated_rectangle(outline).exterior.coords)[:4]
    width, length = sorted(np.hypot(*np.diff(box[:3], axis=0).T).tolist())
    return FoundShip(
        outline=outline,
        runs=ship.runs,
        score=ship.score,
        length_px=length,
        width_px=width,
        heading_deg=_heading_from_up(box),
        box=box,
        centre=ship.centre_xy,
        length_m=None if gsd_m is None else length * gsd_m,
        width_m=None if gsd_m is None else width * gsd_m,
    )


def measured(
    outline: Outline, score: float, grid: Grid, positions: Positions, step_px: float
) -> FoundShip:
    """Measure an outline.

    Args:
        outline: In the caller's pixels.
        score: 0..1.
        grid: Of the caller's pixels.
        positions: Of the same grid.
        step_px: Side of the outline's stairs in pixels.
    """
    # Parts touch at corners only; one box around the largest speaks for the ship.
    largest = max(get_parts(outline), key=lambda part: part.area)
    measure = measure_ship(largest, positions, step_px)
    heading = measure.heading_deg
    box = np.asarray(measure.box_px)
    return FoundShip(
        outline=outline,
        runs=runs_of(outline, grid.shape_hw),
        score=score,
        length_px=measure.length_px,
        width_px=measure.width_px,
        heading_deg=_heading_from_up(box) if heading is None else heading,
        box=box,
        centre=(measure.x_px, measure.y_px),
        length_m=measure.length_m,
        width_m=measure.width_m,
        lon=measure.lon,
        lat=measure.lat,
    )


def _heading_from_up(box: npt.NDArray[np.float64]) -> float:
    edges = np.diff(box[:3], axis=0)
    dx, dy = edges[np.argmax(np.hypot(edges[:, 0], edges[:, 1]))]
    heading = float(np.degrees(np.arctan2(dx, -dy))) % 180.0
    return 0.0 if heading == 180.0 else heading


def runs_of(outline: Outline, shape_hw: tuple[int, int]) -> Runs:
    """Draw an outline on the caller's pixels, as runs; never without a pixel.

    Args:
        outline: In the caller's pixels.
        shape_hw: Height and width of the caller's picture.
    """
    height, width = shape_hw
    x0, y0, x1, y1 = outline.bounds
    left, top = min(max(0, int(x0)), width - 1), min(max(0, int(y0)), height - 1)
    right, bottom = min(int(np.ceil(x1)), width), min(int(np.ceil(y1)), height)
    shape = (max(1, bottom - top), max(1, right - left))
    place = rasterio.Affine.translation(left, top)
    for all_touched in (False, True):
        chip = rasterize(
            [outline], out_shape=shape, transform=place, all_touched=all_touched, dtype="uint8"
        )
        if chip.any():
            break
    else:
        chip[:] = 1  # A speck that rounding left beyond the edge.
    local = rle.mask_to_runs(chip.astype(np.bool_))
    return _placed(local, shape[0], (left, top), height)


def _placed(runs: Runs, rows: int, corner_xy: tuple[int, int], height: int) -> Runs:
    """Move runs of a chip to its place in the picture; runs end with their column there."""
    pieces = []
    for start, length in runs.tolist():
        while length:
            x, y = divmod(start, rows)
            part = min(length, rows - y)
            pieces.append(((corner_xy[0] + x) * height + corner_xy[1] + y, part))
            start, length = start + part, length - part
    joined: list[list[int]] = []
    for start, length in pieces:
        if joined and joined[-1][0] + joined[-1][1] == start:
            joined[-1][1] += length
        else:
            joined.append([start, length])
    return np.array(joined, np.int64).reshape(-1, 2)
