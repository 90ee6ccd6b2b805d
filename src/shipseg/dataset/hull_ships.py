"""Ships that the refiner learns from, whole and straight, and the pixels around them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shipseg.dataset.salvage import Salvage
from shipseg.dataset.source import TileSource
from shipseg.errors import BadInputError, ConfigError
from shipseg.imaging.hull_view import hull_view, window_of
from shipseg.imaging.tiling import Window
from shipseg.rectangle import Rectangle, points_of, rectangle_at, rectangle_of
from shipseg.rle import Runs, area, box, crop

Rgb = npt.NDArray[np.uint8]

# A smaller ship has no sides to speak of.
_LEAST_AREA_PX = 30
# A mask is nearly its rectangle where this share of it lies inside, and the areas differ by less.
_INSIDE, _AREA_OFF = 0.93, 0.07
# What is kept of a tile is enough for a guess whose sides are by so much too long, and wide.
_KEPT_LENGTHS, _KEPT_WIDTHS = 1.4, 2.0
_KEPT_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class HullShip:
    """A hull and the pixels around it, `around` on its tile."""

    tile: int
    image_id: str
    truth: Rectangle
    around: Window
    rgb: Rgb


class HullShips:
    """The ships of a source that have a rectangle to learn, and the pixels around them.

    Decoding a tile for every view costs nearly as much as the network's step on it, so the pixels
    around ships are kept once they were read: up to 256 MiB in each process that reads, some 5,000
    ships, those used last.

    Args:
        source: Tiles and truth.
        truth_shift_px: The labels lie by so much too far right and down.

    Attributes:
        on_tiles: Of each tile, the rectangles of all of its ships, whether they can be learnt or
            not.

    Raises:
        ConfigError: There is no such ship.
    """

    def __init__(self, source: TileSource, truth_shift_px: float) -> None:
        self._source, self._salvage = source, Salvage(source)
        self.on_tiles = [
            [
                _rectangle(runs, source.table.shape_hw, truth_shift_px)
                for runs in source.table.ships_of(image_id)
                if len(runs)
            ]
            for image_id in source.image_ids
        ]
        self._hulls = [
            (index, replace(truth, centre_xy=truth.centre_xy - truth_shift_px))
            for index, image_id in enumerate(source.image_ids)
            for truth in hulls_of(source, image_id)
        ]
        if not self._hulls:
            raise ConfigError(
                f"none of the {source.table.ship_count} ships on {len(source)} tiles is nearly a "
                f"rectangle of {_LEAST_AREA_PX} pixels or more, clear of the tile's edge; "
                "the refiner has nothing to go by"
            )
        self._kept: OrderedDict[int, HullShip] = OrderedDict()
        self._kept_bytes = 0

    def __len__(self) -> int:
        """Return the number of ships."""
        return len(self._hulls)

    def read(self, number: int) -> HullShip:
        """Return a ship with its pixels, or the next one whose tile is not broken.

        Raises:
            BadInputError: There is none.
        """
        for step in range(len(self)):
            ship = self._read((number + step) % len(self))
            if ship is not None:
                return ship
        raise BadInputError(
            f"none of the tiles with the {len(self)} ships to learn from can be read",
            hint=f"the warnings above say why; check the folder '{self._source.folder}'",
        )

    def view(self, ship: HullShip, guess: Rectangle, mirror: tuple[int, int]) -> Rgb:
        """Return the (64, 128, 3) uint8 view that a guess gives of a ship."""
        window = window_of(guess, self._source.table.shape_hw)
        around, rgb = ship.around, ship.rgb
        if not _holds(around, window):
            # Of a ship that was read the tile is whole.
            around, rgb = self._whole, self._salvage.read(ship.tile)[1]
        rows = slice(window.y0 - around.y0, window.y1 - around.y0)
        columns = slice(window.x0 - around.x0, window.x1 - around.x0)
        return hull_view(rgb[rows, columns], window, guess, mirror)

    def view_on(self, tile: int, guess: Rectangle, mirror: tuple[int, int]) -> tuple[int, Rgb]:
        """Look at anything on a tile.

        Returns:
            The tile that was read, which is the next one where that is broken, and the (64, 128, 3)
            uint8 view that the guess gives there.
        """
        ids = self._source.image_ids
        image_id, rgb = self._salvage.read(tile)
        if image_id != ids[tile]:
            tile = ids.index(image_id)
        window = window_of(guess, self._source.table.shape_hw)
        return tile, hull_view(rgb[window.slices], window, guess, mirror)

    @property
    def _whole(self) -> Window:
        height, width = self._source.table.shape_hw
        return Window(0, 0, width, height)

    def _read(self, number: int) -> HullShip | None:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        tile, truth = self._hulls[number]
        image_id, rgb = self._salvage.read(tile)
        if image_id != self._source.image_ids[tile]:
            # Another tile stands in, and this ship is not on it.
            return None
        large = replace(
            truth, length=truth.length * _KEPT_LENGTHS, width=truth.width * _KEPT_WIDTHS
        )
        around = window_of(large, self._source.table.shape_hw)
        ship = HullShip(tile, image_id, truth, around, rgb[around.slices].copy())
        self._kept[number] = ship
        self._kept_bytes += ship.rgb.nbytes
        while self._kept_bytes > _KEPT_BYTES:
            self._kept_bytes -= self._kept.popitem(last=False)[1].rgb.nbytes
        return ship


def hulls_of(source: TileSource, image_id: str) -> list[Rectangle]:
    """Return the rectangles of a tile's ships that are large, whole and straight enough.

    Args:
        source: Tiles and truth.
        image_id: A tile of it.

    Returns:
        In pixels of the tile, in the table's order; ships of fewer than 30 pixels, at the tile's
        edge, or of a form that is no rectangle are left out.
    """
    found = []
    height, width = shape_hw = source.table.shape_hw
    for runs in source.table.ships_of(image_id):
        bounds = box(runs, height)
        if bounds is None or area(runs) < _LEAST_AREA_PX:
            continue
        x0, y0, x1, y1 = bounds
        if x0 == 0 or y0 == 0 or x1 == width or y1 == height:
            continue
        mask = crop(runs, shape_hw, bounds)
        rectangle = rectangle_of(mask)
        points = points_of(mask)
        sides = np.array([rectangle.length, rectangle.width])
        inside = (np.abs(rectangle.from_middle(points)) <= sides / 2).all(axis=1).mean()
        fill = len(points) / (rectangle.length * rectangle.width)
        if inside >= _INSIDE and abs(fill - 1) < _AREA_OFF:
            centre = rectangle.centre_xy + np.array([x0, y0])
            length, breadth = rectangle.length, rectangle.width
            found.append(rectangle_at(centre, rectangle.heading_rad, length, breadth))
    return found


def _rectangle(runs: Runs, shape_hw: tuple[int, int], shift_px: float) -> Rectangle:
    """Return the rectangle that a ship of any form has the moments of, moved to the pixels."""
    bounds = box(runs, shape_hw[0])
    assert bounds is not None
    rectangle = rectangle_of(crop(runs, shape_hw, bounds))
    centre = rectangle.centre_xy + np.array(bounds[:2]) - shift_px
    return rectangle_at(centre, rectangle.heading_rad, rectangle.length, rectangle.width)


def _holds(outer: Window, inner: Window) -> bool:
    return (
        outer.x0 <= inner.x0
        and outer.y0 <= inner.y0
        and inner.x1 <= outer.x1
        and inner.y1 <= outer.y1
    )
