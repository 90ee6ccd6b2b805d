"""Where on which tile a crop is cut: around a ship, on empty ground, or away from the ships."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shipseg.dataset.donors import Donors
from shipseg.dataset.salvage import Salvage
from shipseg.dataset.source import TileSource

Rgb = npt.NDArray[np.uint8]
Point = npt.NDArray[np.float64]

# Grey levels are looked at this many pixels apart: enough to tell a quay from the sea.
_STEP = 8


class Aims:
    """Draws what crops look at.

    Ships are drawn one by one, not by tile, so that crowded harbours count for what they hold.

    Args:
        source: Tiles and truth.
        salvage: Reads the tiles.
        donors: The ships.
        empty_share: Share of aims on tiles without ships. Where there are none, another is drawn.
        elsewhere_share: Share of aims anywhere on tiles with ships: their quays and piers, which
            no crop around a ship shows.
        busiest_of: Of so many places on a tile, those two kinds take the one with most contrast:
            most places are open sea, which teaches little.
    """

    def __init__(
        self,
        source: TileSource,
        salvage: Salvage,
        donors: Donors,
        *,
        empty_share: float,
        elsewhere_share: float,
        busiest_of: int,
    ) -> None:
        self._salvage, self._donors = salvage, donors
        self._shape_hw = source.table.shape_hw
        self._empty_share, self._elsewhere_share = empty_share, elsewhere_share
        self._busiest_of = busiest_of
        names = list(enumerate(source.image_ids))
        self._empty = [index for index, name in names if not source.table.has_ships(name)]
        self._with_ships = [index for index, name in names if source.table.has_ships(name)]

    def draw(self, side_px: float, rng: np.random.Generator) -> tuple[str, Rgb, Point]:
        """Draw one.

        Args:
            side_px: Side of the crop, in pixels of the tile.
            rng: Decides.

        Returns:
            The tile's name, its (H, W, 3) uint8 pixels, and (x, y) of the crop's middle, which may
            lie so near the tile's edge, or beyond it, that the crop does not fit.
        """
        kind = rng.random()
        if self._empty and kind < self._empty_share:
            return self._anywhere(self._empty, side_px, rng)
        if kind > 1 - self._elsewhere_share:
            return self._anywhere(self._with_ships, side_px, rng)
        index, _, (x0, y0, x1, y1) = self._donors.draw(rng)
        # A point of the ship's box, then anywhere in the crop but its outer tenth.
        middle = rng.uniform((x0, y0), (x1, y1)) + rng.uniform(-0.4, 0.4, size=2) * side_px
        return *self._salvage.read(index), middle

    def _anywhere(
        self, among: list[int], side_px: float, rng: np.random.Generator
    ) -> tuple[str, Rgb, Point]:
        height, width = self._shape_hw
        image_id, rgb = self._salvage.read(among[int(rng.integers(len(among)))])
        places = [rng.uniform(0, (width, height)) for _ in range(self._busiest_of)]
        return image_id, rgb, max(places, key=lambda place: _contrast(rgb, place, side_px))


def _contrast(rgb: Rgb, middle: Point, side_px: float) -> float:
    """Return the standard deviation of the grey levels around a point of the tile."""
    x0, y0 = (max(0, int(v - side_px / 2)) for v in middle)
    x1, y1 = (int(v + side_px / 2) + 1 for v in middle)
    return float(rgb[y0:y1:_STEP, x0:x1:_STEP].mean(axis=2).std())
