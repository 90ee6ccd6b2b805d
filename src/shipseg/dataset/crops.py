"""Crops for the segmenter: full resolution, around ships, with a share of empty ground."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from shipseg.dataset.augment import degrade, dihedral, distort_colour, resize_mask, resize_rgb
from shipseg.dataset.salvage import Salvage
from shipseg.dataset.source import TileSource
from shipseg.dataset.stream import SampleName, generator_of
from shipseg.errors import ConfigError
from shipseg.rle import box


class CropSample(NamedTuple):
    """One crop as the segmenter learns it.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        mask: (S, S) float32, 1 on ships.
    """

    image: torch.Tensor
    mask: torch.Tensor


class ShipCrops(Dataset[CropSample]):
    """Random crops: most hold a ship somewhere, the rest are drawn from empty tiles.

    Ships are drawn one by one, not by tile, so that crowded harbours count for what they hold.

    Args:
        source: Tiles and truth.
        size: Side of a crop, in pixels.
        empty_share: Share of crops from tiles without ships: sea, land and cloud, so that the
            network learns what not to mark. Where there are none, every crop is around a ship.
        seed: The run's seed.
        augment: Strength of the augmentation, 0..1.

    Raises:
        ConfigError: The tiles hold no ship.
    """

    def __init__(
        self, source: TileSource, *, size: int, empty_share: float, seed: int, augment: float
    ) -> None:
        self._source, self._size = source, size
        self._empty_share, self._seed, self._augment = empty_share, seed, augment
        self._salvage = Salvage(source)
        height = source.table.shape_hw[0]
        self._ships: list[tuple[int, tuple[int, int, int, int]]] = []
        self._empty: list[int] = []
        for index, image_id in enumerate(source.image_ids):
            boxes = [box(runs, height) for runs in source.table.ships_of(image_id)]
            self._ships += [(index, b) for b in boxes if b is not None]
            if not boxes:
                self._empty.append(index)
        if not self._ships:
            raise ConfigError("no training tile holds a ship; the segmenter has nothing to learn")

    def __getitem__(self, name: SampleName) -> CropSample:
        """Draw the crop of that name."""
        rng = generator_of(self._seed, name)
        height, width = self._source.table.shape_hw
        # Ships of one class come in all lengths; a mild zoom adds more.
        side = min(round(self._size * float(np.exp(rng.uniform(-0.3, 0.3)))), height, width)
        if self._empty and rng.random() < self._empty_share:
            index = self._empty[int(rng.integers(len(self._empty)))]
            centre = rng.uniform(0, (width, height))
        else:
            index, (x0, y0, x1, y1) = self._ships[int(rng.integers(len(self._ships)))]
            # A point of the ship's box, then anywhere in the crop but its outer tenth.
            centre = rng.uniform((x0, y0), (x1, y1)) + rng.uniform(-0.4, 0.4, size=2) * side
        image_id, rgb = self._salvage.read(index)
        left = int(np.clip(centre[0] - side / 2, 0, width - side))
        top = int(np.clip(centre[1] - side / 2, 0, height - side))
        mask = self._source.mask(image_id, (left, top, left + side, top + side))
        view = resize_rgb(rgb[top : top + side, left : left + side], self._size)
        turn = int(rng.integers(8))
        view = degrade(distort_colour(dihedral(view, turn), rng, self._augment), rng, self._augment)
        target = dihedral(resize_mask(mask, self._size), turn).astype(np.float32)
        return CropSample(torch.from_numpy(view.copy()), torch.from_numpy(target))


class WholeTiles(Dataset[CropSample]):
    """Whole tiles for validation: those with ships first, then empties, `limit` at most.

    Args:
        source: Tiles and truth.
        limit: Most tiles; two thirds of them with ships where there are enough. None takes all.
    """

    def __init__(self, source: TileSource, *, limit: int | None) -> None:
        self._source = source
        self._salvage = Salvage(source)
        with_ships = [i for i, n in enumerate(source.image_ids) if source.table.has_ships(n)]
        empty = [i for i, n in enumerate(source.image_ids) if not source.table.has_ships(n)]
        if limit is not None:
            with_ships = with_ships[: max(limit - len(empty), round(limit * 2 / 3))]
            empty = empty[: limit - len(with_ships)]
        self._indices = with_ships + empty

    def __len__(self) -> int:
        """Return the number of tiles."""
        return len(self._indices)

    def __getitem__(self, index: int) -> CropSample:
        """Return one tile."""
        image_id, rgb = self._salvage.read(self._indices[index])
        mask = self._source.mask(image_id).astype(np.float32)
        return CropSample(torch.from_numpy(rgb), torch.from_numpy(mask))
