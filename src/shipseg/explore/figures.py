"""The figures of a label table: pure functions of the table, the same for page, JSON and plots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.dataset.ships import ShipColumns, measure_ships
from shipseg.evaluation.detection import SIZE_BINS
from shipseg.explore.faults import kind_of
from shipseg.explore.spread import (
    Histogram,
    Summary,
    histogram_of,
    log_histogram,
    summarise,
    tailed_histogram,
)
from shipseg.labels import LabelTable

GRID = 24
"""Cells along each side of the map of positions: 32 px of an Airbus tile."""
CROP_PX = 256
"""Side of the crops that segmenters are usually trained on."""
THIN_PX = 3.0
"""Below this width a hull is hard to tell from a wave: two pixels can be an edge each."""
SHRINKS = (1.0, 1.5, 2.0, 3.0, 4.0)
"""Factors by which tiles are commonly made smaller: 768, 512, 384, 256 and 192 px."""

_HEADING_STEP_DEG = 10


@dataclass(frozen=True, slots=True)
class TileFigures:
    """How ships are spread over the tiles.

    Attributes:
        total: Tiles.
        with_ships: Tiles with at least one ship.
        ships: Ships.
        by_ships: ``by_ships[n]`` tiles hold n ships.
        ships_per_ship_tile: Over the tiles with ships.
        height_px: Of every tile, in pixels.
        width_px: Of every tile, in pixels.
    """

    total: int
    with_ships: int
    ships: int
    by_ships: tuple[int, ...]
    ships_per_ship_tile: Summary
    height_px: int
    width_px: int


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of all ships, in pixels and on the ground.

    Attributes:
        px: In pixels (or square pixels).
        ground: In metres (or square metres).
        histogram: Of the values on the ground.
    """

    px: Summary
    ground: Summary
    histogram: Histogram


@dataclass(frozen=True, slots=True)
class SizeClass:
    """Ships between two areas, in pixels; the classes of `shipseg evaluate`."""

    name: str
    least_px: int
    most_px: int | None
    ships: int
    pixels: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many pixels are ship.

    Attributes:
        ship_px: Pixels of all ships.
        all_px: Pixels of all tiles.
        ship_tiles_px: Pixels of the tiles with ships.
        of_ship_tile: Share of a tile that its ships cover, over the tiles with ships.
        histogram: Of those shares, in percent.
        size_classes: Ships and their pixels by size.
        top_tenth: Share of all ship pixels that the largest tenth of the ships holds.
    """

    ship_px: int
    all_px: int
    ship_tiles_px: int
    of_ship_tile: Summary
    histogram: Histogram
    size_classes: tuple[SizeClass, ...]
    top_tenth: float | None


@dataclass(frozen=True, slots=True)
class Headings:
    """Directions of the ships that are long enough to have one, clockwise from up, 0 to 180.

    Attributes:
        ships: Ships at least twice as long as wide.
        histogram: Of their headings, in degrees.
        strength: Length of the mean of the doubled directions, 0 (all alike) to 1 (all the same).
        mean_deg: Direction of that mean.
    """

    ships: int
    histogram: Histogram
    strength: float | None
    mean_deg: float | None


@dataclass(frozen=True, slots=True)
class Positions:
    """Where ships lie in their tiles.

    Attributes:
        grid: ``grid[row][column]`` ships have their centre in that cell.
        unevenness: Spread of the counts over what chance alone gives; 1 is a tile cut at random.
        cut: Ships whose mask touches the tile's edge.
        rim_to_inside: Ships per cell in the outermost cells over those inside.
    """

    grid: tuple[tuple[int, ...], ...]
    unevenness: float | None
    cut: int
    rim_to_inside: float | None


@dataclass(frozen=True, slots=True)
class Shrink:
    """What is left of the ships in tiles made smaller.

    Attributes:
        factor: Full sides over shrunk sides.
        side_px: Shrunk width of a tile.
        thin: Ships narrower than `THIN_PX` then.
    """

    factor: float
    side_px: int
    thin: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a label table.

    Attributes:
        gsd_m: Metres per pixel on the ground, as the caller said.
        tiles: Tiles and ships.
        area: Of the masks.
        length: Longer side, of the ships not cut by the tile's edge.
        width: Shorter side, of the same ships.
        coverage: Pixels.
        headings: Directions.
        positions: Places.
        shrinks: Widths in smaller tiles.
        crop_px: Side of a random crop.
        crop_hit: Mean chance that a random crop of a ship's tile touches that ship.
        faults: Rows set aside when the table was read.
        fault_reasons: How many rows of each kind of fault.
    """

    gsd_m: float
    tiles: TileFigures
    area: Measure
    length: Measure
    width: Measure
    coverage: Coverage
    headings: Headings
    positions: Positions
    shrinks: tuple[Shrink, ...]
    crop_px: int
    crop_hit: float | None
    faults: int
    fault_reasons: dict[str, int]


def figures_of(
    table: LabelTable, *, gsd_m: float = 1.5, ships: ShipColumns | None = None
) -> Figures:
    """Work out all figures of a label table.

    Args:
        table: Any label table, also one without tiles.
        gsd_m: Metres per pixel on the ground.
        ships: Measures of the table's ships, where they are known already.
    """
    ships = measure_ships(table) if ships is None else ships
    height, width = table.shape_hw
    whole = ~ships.cut
    return Figures(
        gsd_m=gsd_m,
        tiles=_tiles(table),
        area=_measure(ships.area_px, gsd_m**2, log=True),
        length=_measure(ships.length_px[whole], gsd_m),
        width=_measure(ships.width_px[whole], gsd_m),
        coverage=_coverage(table, ships),
        headings=_headings(ships),
        positions=_positions(ships, table.shape_hw),
        shrinks=tuple(
            Shrink(factor, round(width / factor), int(np.sum(ships.width_px < THIN_PX * factor)))
            for factor in SHRINKS
        ),
        crop_px=min(CROP_PX, height, width),
        crop_hit=_crop_hit(ships, table.shape_hw),
        faults=len(table.faults),
        fault_reasons=_fault_reasons(table),
    )


def _tiles(table: LabelTable) -> TileFigures:
    per_tile = table.ships_per_image()
    height, width = table.shape_hw
    return TileFigures(
        total=len(table),
        with_ships=int(np.count_nonzero(per_tile)),
        ships=table.ship_count,
        by_ships=tuple(np.bincount(per_tile, minlength=1).tolist()),
        ships_per_ship_tile=summarise(per_tile[per_tile > 0]),
        height_px=height,
        width_px=width,
    )


def _measure(values_px: npt.NDArray[Any], scale: float, *, log: bool = False) -> Measure:
    ground = values_px.astype(np.float64) * scale
    histogram = log_histogram(ground) if log else tailed_histogram(ground)
    return Measure(summarise(values_px), summarise(ground), histogram)


def _coverage(table: LabelTable, ships: ShipColumns) -> Coverage:
    tile_px = table.shape_hw[0] * table.shape_hw[1]
    per_tile = table.ships_per_image()
    with_ships = per_tile > 0
    tile_of_ship = np.repeat(np.arange(len(table)), per_tile)
    covered = np.bincount(tile_of_ship, ships.area_px, minlength=len(table))[with_ships] / tile_px
    total = int(ships.area_px.sum())
    tenth = np.sort(ships.area_px)[len(ships) - (len(ships) + 9) // 10 :]
    return Coverage(
        ship_px=total,
        all_px=len(table) * tile_px,
        ship_tiles_px=int(with_ships.sum()) * tile_px,
        of_ship_tile=summarise(covered),
        histogram=log_histogram(covered * 100),
        size_classes=tuple(_size_class(ships.area_px, i) for i in range(len(SIZE_BINS))),
        top_tenth=float(tenth.sum() / total) if total else None,
    )


def _size_class(area_px: npt.NDArray[np.int64], index: int) -> SizeClass:
    size = SIZE_BINS[index]
    inside = area_px >= size.least_px
    if size.most_px is not None:
        inside &= area_px <= size.most_px
    pixels = int(area_px[inside].sum())
    return SizeClass(size.name, size.least_px, size.most_px, int(inside.sum()), pixels)


def _headings(ships: ShipColumns) -> Headings:
    headings = ships.heading_deg[(ships.length_px >= 2 * ships.width_px) & ~ships.cut]
    edges = tuple(float(edge) for edge in range(0, 181, _HEADING_STEP_DEG))
    histogram = histogram_of(headings, edges)
    if not len(headings):
        return Headings(0, histogram, None, None)
    # Doubled, so that 1° and 179° are neighbours: axial data, see Mardia and Jupp, Directional
    # Statistics (2000), section 1.1.
    mean = np.exp(2j * np.radians(headings)).mean()
    direction = float(np.degrees(np.angle(mean)) / 2 % 180)
    return Headings(len(headings), histogram, float(abs(mean)), direction)


def _positions(ships: ShipColumns, shape_hw: tuple[int, int]) -> Positions:
    height, width = shape_hw
    rows = np.minimum((ships.centre_y * (GRID / height)).astype(np.int64), GRID - 1)
    columns = np.minimum((ships.centre_x * (GRID / width)).astype(np.int64), GRID - 1)
    grid = np.bincount(rows * GRID + columns, minlength=GRID**2).reshape(GRID, GRID)
    inside = grid[1:-1, 1:-1]
    rim = (grid.sum() - inside.sum()) / (grid.size - inside.size)
    # Cells at the rim lose the centres of ships that are cut, so unevenness is judged inside.
    mean = inside.mean()
    return Positions(
        grid=tuple(map(tuple, grid.tolist())),
        unevenness=float(inside.var() / mean) if mean else None,
        cut=int(ships.cut.sum()),
        rim_to_inside=float(rim / mean) if mean else None,
    )


def _crop_hit(ships: ShipColumns, shape_hw: tuple[int, int]) -> float | None:
    """Give the mean chance that a crop, placed evenly inside the tile, touches a ship's box."""
    if not len(ships):
        return None
    chance = np.ones(len(ships))
    side = min(CROP_PX, *shape_hw)
    for first, last, size in ((ships.x0, ships.x1, shape_hw[1]), (ships.y0, ships.y1, shape_hw[0])):
        places = size - side + 1
        # Crops that start at s cover s to s + side - 1, and reach the box for these s.
        begins = np.maximum(first - side + 1, 0)
        ends = np.minimum(last - 1, places - 1)
        chance *= (ends - begins + 1) / places
    return float(chance.mean())


def _fault_reasons(table: LabelTable) -> dict[str, int]:
    """Count the faults by kind: their text, numbers and quoted words left out."""
    counts: dict[str, int] = {}
    for fault in table.faults:
        kind = kind_of(fault.reason)
        counts[kind] = counts.get(kind, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
