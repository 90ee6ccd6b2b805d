"""From bytes to ships, stage by stage: what every answer about one picture is made of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from shapely.affinity import scale as scaled

from shipseg.inference.detector import Detector, Maps, Sighting
from shipseg.inference.gate_cells import Heat
from shipseg.inference.ships import Ship
from shipseg.scenes.measure import outline_step_px
from shipseg.scenes.measure_positions import Positions
from shipseg.server.found import FoundShip, Outline, as_drawn, measured
from shipseg.server.pool import Ticket
from shipseg.server.view import View, open_view


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
        heat = sighting.heat if demand.gated else None
        ships = _ships(chosen, view, maps, heat, demand.min_score)
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


def _ships(
    detector: Detector, view: View, maps: Maps, heat: Heat | None, min_score: float
) -> tuple[FoundShip, ...]:
    found = detector.ships_in(maps, view.picture, heat)
    kept = [ship for ship in found if ship.score >= min_score]
    if not view.resampled and view.grid.crs is None:
        return tuple(as_drawn(ship, view.grid.gsd_m) for ship in kept)
    positions, step_px = Positions(view.grid), outline_step_px(view.grid)
    return tuple(_measured(ship, view, positions, step_px) for ship in kept)


def _measured(ship: Ship, view: View, positions: Positions, step_px: float) -> FoundShip:
    """Bring a ship back to the caller's pixels, and measure it on the ground."""
    factors = (view.columns.factor, view.rows.factor)
    outline: Outline = scaled(ship.polygon, *factors, origin=(0, 0))
    return measured(outline, ship.score, view.grid, positions, step_px)
