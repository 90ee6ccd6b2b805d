"""Ships to paste: drawn from all training tiles, laid onto whatever is being trained on."""

from __future__ import annotations

import numpy as np

from shipseg.dataset.paste import Canvas, cut_out, paste
from shipseg.dataset.salvage import Salvage
from shipseg.dataset.source import TileSource
from shipseg.rle import box

# More ships alongside a pasted one, each as likely: barges lie in rows.
_BERTHS = (0, 0, 1, 1, 2, 3)


class Donors:
    """The ships of the training tiles, by tile and by ship.

    Ships are drawn one by one, not by tile, so that crowded harbours count for what they hold.

    Args:
        source: Tiles and truth.
        salvage: Reads the tiles.
        boat_share: Share of pasted ships that are shrunk to boats, 0..1.
        truth_shift_px: The labels lie by so much too far right and down.

    Attributes:
        ships: Of each ship the tile's position, its own number in the tile, and its box
            (x0, y0, x1, y1) in pixels, half-open.
    """

    def __init__(
        self,
        source: TileSource,
        salvage: Salvage,
        *,
        boat_share: float = 0.0,
        truth_shift_px: float = 0.0,
    ) -> None:
        self._source, self._salvage = source, salvage
        self._boat_share, self._shift_px = boat_share, truth_shift_px
        height = source.table.shape_hw[0]
        self.ships: list[tuple[int, int, tuple[int, int, int, int]]] = []
        for index, image_id in enumerate(source.image_ids):
            boxes = (box(runs, height) for runs in source.table.ships_of(image_id))
            self.ships += [(index, n, b) for n, b in enumerate(boxes) if b is not None]

    def draw(self, rng: np.random.Generator) -> tuple[int, int, tuple[int, int, int, int]]:
        """Draw one of `ships`."""
        return self.ships[int(rng.integers(len(self.ships)))]

    def paste_onto(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Paste one to three ships, some with others alongside, where calm water is; in place.

        Args:
            canvas: The crop.
            rng: Decides which ships, and where.
        """
        for _ in range(int(rng.integers(1, 4))):
            index, ship, _box = self.draw(rng)
            image_id, rgb = self._salvage.read(index)
            boat = self._boat_share > 0 and rng.random() < self._boat_share
            # A tile that stands in for a broken one may hold fewer ships.
            cutting = cut_out(
                self._source, image_id, rgb, ship, rng, boat=boat, truth_shift_px=self._shift_px
            )
            if cutting is not None:
                paste(canvas, cutting, rng, raft=0 if boat else int(rng.choice(_BERTHS)))
