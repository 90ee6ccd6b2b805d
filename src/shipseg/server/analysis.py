"""From bytes to ships, stage by stage: what every answer about one picture is made of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from shapely import MultiPolygon, Polygon, get_parts, minimum_rotated_rectangle
from shapely.affinity import scale as scaled

from shipseg import rle
from shipseg.imaging.gdal import rasterio
from shipseg.inference.detector import Detector, Maps, Sighting
from shipseg.inference.ships import Ship
from shipseg.rle import Runs
from shipseg.scenes.measure import measure_ship, outline_step_px
from shipseg.scenes.measure_positions import Positions
from shipseg.server.pool import Ticket
from shipseg.server.view import View, open_view

from rasterio.features import rasterize  # isort: skip

if TYPE_CHECKING:
    from shipseg.scenes.result import Grid

Outline: TypeAlias = Polygon | MultiPolygon


@dataclass(frozen=True, slots=True)
class Demand:
    """What a caller wants to know of a picture; the same demand has the same answer.

    Attributes:
        threshold: Probability at which a pixel is ship; None takes the bundle's.
        gate_threshold: Probability at which a picture passes the gate; None takes the bundle's.
        min_score: Ships below it are left out.
        gsd_m: Metres per pixel; None goes by the file.
        gated: False segments everything, whatever the gate says.
    """

    threshold: float | None = None
    gate_threshold: float | None = None
    min_score: float = 0.0
    gsd_m: float | None = None
    gated: bool = True


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


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """All that was found out about one picture.

    Attributes:
        view: The picture.
        ships: By their first pixel, row by row, at `min_score` or above.
        ship_probability: The gate's, 0..1.
        passed: Whether the segmenter was asked.
        gate_threshold: What was asked for, or the bundle's.
        threshold: The same for a pixel of a ship.
        probability: (H, W) uint8 on the working grid, 255 for 1; 0 where nobody asked. None of a
            scene that was looked at in windows.
        timings_ms: Milliseconds by stage: decode, gate, segment, ships.
    """

    view: View
    ships: tuple[FoundShip, ...]
    ship_probability: float
    passed: bool
    gate_threshold: float
    threshold: float
    probability: npt.NDArray[np.uint8] | None
    timings_ms: dict[str, float] = field(default_factory=dict)

    @property
    def shape_hw(self) -> tuple[int, int]:
        """Height and width of the caller's picture."""
        return self.view.grid.shape_hw

    @property
    def bytes(self) -> int:
        """About how much memory it takes: pixels, their mask and probability, and outlines."""
        height, width = self.view.picture.shape_hw
        return height * width * 5 + sum(ship.runs.nbytes * 4 for ship in self.ships)


def analyse(
    detector: Detector,
    data: bytes,
    name: str,
    demand: Demand,
    *,
    most_pixels: int,
    ticket: Ticket | None = None,
) -> Analysis:
    """Find the ships of one encoded picture.

    Args:
        detector: With one thread per call.
        data: The encoded bytes.
        name: What messages call it.
        demand: What is wanted.
        most_pixels: Largest picture.
        ticket: Asked between the stages whether anybody still waits.

    Raises:
        ImageError: The picture cannot be decoded.
        Stopped: Nobody waits any more.
    """
    timings: dict[str, float] = {}
    stages = _Stages(timings, ticket)
    with stages("decode"):
        view = open_view(data, name, most_pixels=most_pixels, gsd_m=demand.gsd_m)
    chosen = detector.with_thresholds(demand.threshold, demand.gate_threshold)
    with stages("gate"):
        sighting = chosen.look(view.picture)
    with stages("segment"):
        maps = chosen.search(view.picture, sighting, gated=demand.gated)
    with stages("ships"):
        ships = _ships(chosen, view, maps, demand.min_score)
        probability = _probability(maps, view.picture.shape_hw)
    return _analysis(chosen, view, sighting, demand, ships, probability, timings)


def _analysis(
    chosen: Detector,
    view: View,
    sighting: Sighting,
    demand: Demand,
    ships: tuple[FoundShip, ...],
    probability: npt.NDArray[np.uint8],
    timings: dict[str, float],
) -> Analysis:
    return Analysis(
        view=view,
        ships=ships,
        ship_probability=sighting.probability,
        passed=chosen.passes(sighting) or not demand.gated,
        gate_threshold=chosen.gate_threshold,
        threshold=chosen.threshold,
        probability=probability,
        timings_ms=timings,
    )


class _Stages:
    """Times stages, and stops before the next one when nobody waits."""

    def __init__(self, timings: dict[str, float], ticket: Ticket | None) -> None:
        self._timings, self._ticket = timings, ticket

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        if self._ticket is not None:
            self._ticket.check()
        start = time.perf_counter()
        yield
        self._timings[stage] = (time.perf_counter() - start) * 1000


def _probability(maps: Maps, shape_hw: tuple[int, int]) -> npt.NDArray[np.uint8]:
    out = np.zeros(shape_hw, np.uint8)
    for window, (ship, _) in maps.items():
        # Nodata lies below 0.
        out[window.slices] = np.rint(np.clip(ship, 0, 1) * 255).astype(np.uint8)
    return out


def _ships(detector: Detector, view: View, maps: Maps, min_score: float) -> tuple[FoundShip, ...]:
    found = detector.ships_in(maps, view.picture.shape_hw)
    kept = [ship for ship in found if ship.score >= min_score]
    if not view.resampled and view.grid.crs is None:
        return tuple(_as_drawn(ship, view.grid.gsd_m) for ship in kept)
    positions, step_px = Positions(view.grid), outline_step_px(view.grid)
    return tuple(_measured(ship, view, positions, step_px) for ship in kept)


def _as_drawn(ship: Ship, gsd_m: float | None) -> FoundShip:
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


def _measured(ship: Ship, view: View, positions: Positions, step_px: float) -> FoundShip:
    """Bring a ship back to the caller's pixels, and measure it on the ground."""
    factors = (view.columns.factor, view.rows.factor)
    outline: Outline = scaled(ship.polygon, *factors, origin=(0, 0))
    return measured(outline, ship.score, view.grid, positions, step_px)


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
