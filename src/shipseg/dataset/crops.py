"""Crops for the segmenter: full resolution, around ships, with a share of empty ground."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from shipseg.dataset.augment import degrade, dihedral, distort_colour
from shipseg.dataset.cores import cores_in
from shipseg.dataset.paste import Canvas, cut_out, paste
from shipseg.dataset.salvage import Salvage
from shipseg.dataset.source import TileSource
from shipseg.dataset.stream import SampleName, generator_of
from shipseg.dataset.views import View, half_extent
from shipseg.errors import ConfigError
from shipseg.rle import box

# Crops as the tile shows them, pixel for pixel, and quarter turns only: outlines at their sharpest.
_PLAIN_SHARE = 0.4
# Ships of one class come in all lengths; a mild zoom adds more. In powers of e.
_ZOOM = 0.35
# More ships alongside a pasted one, each as likely: barges lie in rows.
_BERTHS = (0, 0, 1, 1, 2, 3)


class CropSample(NamedTuple):
    """One crop as the segmenter learns it.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        mask: (S, S) float32, 1 on ships.
        core: (S, S) float32, 1 in the middle of each ship.
    """

    image: torch.Tensor
    mask: torch.Tensor
    core: torch.Tensor


class ShipCrops(Dataset[CropSample]):
    """Random crops: most hold a ship somewhere, the rest are drawn from empty tiles.

    Ships are drawn one by one, not by tile, so that crowded harbours count for what they hold.

    Args:
        source: Tiles and truth.
        size: Side of a crop, in pixels.
        empty_share: Share of crops from tiles without ships: sea, land and cloud, so that the
            network learns what not to mark. Where there are none, every crop is around a ship.
        paste_share: Share of crops that ships of other tiles are pasted onto.
        seed: The run's seed.
        augment: Strength of the augmentation, 0..1.

    Raises:
        ConfigError: The tiles hold no ship.
    """

    def __init__(
        self,
        source: TileSource,
        *,
        size: int,
        empty_share: float,
        paste_share: float,
        seed: int,
        augment: float,
    ) -> None:
        self._source, self._size = source, size
        self._empty_share, self._paste_share = empty_share, paste_share
        self._seed, self._augment = seed, augment
        self._salvage = Salvage(source)
        height = source.table.shape_hw[0]
        self._ships: list[tuple[int, int, tuple[int, int, int, int]]] = []
        self._empty: list[int] = []
        for index, image_id in enumerate(source.image_ids):
            boxes = [box(runs, height) for runs in source.table.ships_of(image_id)]
            self._ships += [(index, n, b) for n, b in enumerate(boxes) if b is not None]
            if not boxes:
                self._empty.append(index)
        if not self._ships:
            raise ConfigError("no training tile holds a ship; the segmenter has nothing to learn")

    def __getitem__(self, name: SampleName) -> CropSample:
        """Draw the crop of that name."""
        rng = generator_of(self._seed, name)
        canvas = self._cut(rng)
        if rng.random() < self._paste_share:
            self._paste_onto(canvas, rng)
        turn = int(rng.integers(8))
        view = distort_colour(dihedral(canvas.rgb, turn), rng, self._augment)
        view = degrade(view, rng, self._augment)
        return _sample(view, dihedral(canvas.mask, turn), dihedral(canvas.core, turn))

    def _cut(self, rng: np.random.Generator) -> Canvas:
        height, width = self._source.table.shape_hw
        side, angle = float(self._size), 0.0
        if rng.random() >= _PLAIN_SHARE:
            side *= float(np.exp(rng.uniform(-_ZOOM, _ZOOM)))
            # With the dihedral turns, an eighth of a turn either way reaches every angle.
            angle = float(rng.uniform(-np.pi / 4, np.pi / 4))
            # Two pixels for the filter, all around.
            side *= min(1.0, (min(height, width) - 4) / (2 * half_extent(side, angle)))
        if self._empty and rng.random() < self._empty_share:
            index = self._empty[int(rng.integers(len(self._empty)))]
            centre = rng.uniform(0, (width, height))
        else:
            index, _, (x0, y0, x1, y1) = self._ships[int(rng.integers(len(self._ships)))]
            # A point of the ship's box, then anywhere in the crop but its outer tenth.
            centre = rng.uniform((x0, y0), (x1, y1)) + rng.uniform(-0.4, 0.4, size=2) * side
        image_id, rgb = self._salvage.read(index)
        plain = angle == 0
        half = side / 2 if plain else half_extent(side, angle) + 2
        low, high = np.array((half, half)), np.array((width - half, height - half))
        x, y = np.clip(np.floor(centre) if plain else centre, low, high)
        view = View((float(x), float(y)), side, angle, self._size)
        window = _within(view.window_xyxy, (height, width))
        mask = self._source.mask(image_id, window)
        core = cores_in(self._source.table.ships_of(image_id), (height, width), window)
        offset = window[:2]
        return Canvas(
            view.cut_rgb(rgb).copy(),
            view.cut_mask(mask, offset).copy(),
            view.cut_mask(core, offset).copy(),
        )

    def _paste_onto(self, canvas: Canvas, rng: np.random.Generator) -> None:
        for _ in range(int(rng.integers(1, 4))):
            index, ship, _ = self._ships[int(rng.integers(len(self._ships)))]
            image_id, rgb = self._salvage.read(index)
            # A tile that stands in for a broken one may hold fewer ships.
            cutting = cut_out(self._source, image_id, rgb, ship, rng)
            if cutting is not None:
                paste(canvas, cutting, rng, raft=int(rng.choice(_BERTHS)))


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
        height, width = shape_hw = self._source.table.shape_hw
        ships = self._source.table.ships_of(image_id)
        core = cores_in(ships, shape_hw, (0, 0, width, height))
        return _sample(rgb, self._source.mask(image_id), core)


def _within(
    window_xyxy: tuple[int, int, int, int], shape_hw: tuple[int, int]
) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = window_xyxy
    return max(x0, 0), max(y0, 0), min(x1, shape_hw[1]), min(y1, shape_hw[0])


def _sample(
    rgb: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], core: npt.NDArray[np.bool_]
) -> CropSample:
    planes = (torch.from_numpy(plane.astype(np.float32)) for plane in (mask, core))
    return CropSample(torch.from_numpy(rgb.copy()), *planes)
