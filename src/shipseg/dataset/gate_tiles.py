"""Tiles for the gate: half-resolution pictures with a target for the tile and for each cell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from shipseg.dataset.augment import against_sun, degrade, dihedral, distort_colour, resize_rgb
from shipseg.dataset.donors import Donors
from shipseg.dataset.paste import Canvas
from shipseg.dataset.salvage import Salvage
from shipseg.dataset.source import TileSource
from shipseg.dataset.stream import SampleName, generator_of


class GateSample(NamedTuple):
    """One tile as the gate learns it.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        tile: () float32, 1 where what is seen of the tile holds a ship.
        cells: (S/16, S/16) float32, 1 where the cell holds a ship pixel.
    """

    image: torch.Tensor
    tile: torch.Tensor
    cells: torch.Tensor


class GateTiles(Dataset[GateSample]):
    """Random views of tiles for training: each tile about once an epoch.

    Args:
        source: Tiles and truth.
        input_size: Side of the gate's input, in pixels; 384 is half an Airbus tile.
        stride: Gate input pixels per cell.
        paste_share: Share of tiles that ships of other tiles are pasted onto.
        boat_share: Share of pasted ships that are shrunk to boats.
        glint_share: Share of tiles that are shown against the sun.
        seed: The run's seed.
        augment: Strength of the augmentation, 0..1.
    """

    def __init__(
        self,
        source: TileSource,
        *,
        input_size: int,
        stride: int,
        paste_share: float,
        boat_share: float,
        glint_share: float,
        seed: int,
        augment: float,
    ) -> None:
        self._source, self._size, self._stride = source, input_size, stride
        self._glint_share = glint_share
        self._seed, self._augment = seed, augment
        self._salvage = Salvage(source)
        self._paste_share = paste_share
        self._donors = Donors(source, self._salvage, boat_share=boat_share)
        self._order: tuple[int, npt.NDArray[np.int64]] | None = None

    def _order_of(self, epoch: int) -> npt.NDArray[np.int64]:
        """Return the epoch's order of tiles, the same for every worker."""
        if self._order is None or self._order[0] != epoch:
            # Kept for the epoch: shuffling 192,556 tiles takes as long as decoding one.
            order = np.random.default_rng((self._seed, epoch)).permutation(len(self._source))
            self._order = epoch, order
        return self._order[1]

    def __getitem__(self, name: SampleName) -> GateSample:
        """Draw the sample of that name."""
        epoch, position = name
        rng = generator_of(self._seed, name)
        order = self._order_of(epoch)
        image_id, rgb = self._salvage.read(int(order[position % len(order)]))
        side = min(rgb.shape[:2])
        if rng.random() < 0.7:
            side = int(side * rng.uniform(0.67, 1.0))
        y0 = int(rng.integers(rgb.shape[0] - side + 1))
        x0 = int(rng.integers(rgb.shape[1] - side + 1))
        mask = self._source.mask(image_id, (x0, y0, x0 + side, y0 + side))
        view = rgb[y0 : y0 + side, x0 : x0 + side]
        if self._paste_share > 0 and rng.random() < self._paste_share:
            canvas = Canvas(view.copy(), mask.copy(), np.zeros_like(mask))
            self._donors.paste_onto(canvas, rng)
            view, mask = canvas.rgb, canvas.mask
        turn = int(rng.integers(8))
        view = dihedral(resize_rgb(view, self._size), turn)
        if self._glint_share and rng.random() < self._glint_share:
            view = against_sun(view, rng)
        view = degrade(distort_colour(view, rng, self._augment), rng, self._augment)
        return _sample(view, dihedral(mask, turn), self._stride)


class GateTilesPlain(Dataset[GateSample]):
    """Every tile once, whole and unchanged, for validation.

    Args:
        source: Tiles and truth.
        input_size: Side of the gate's input, in pixels.
        stride: Gate input pixels per cell.
    """

    def __init__(self, source: TileSource, *, input_size: int, stride: int) -> None:
        self._source, self._size, self._stride = source, input_size, stride
        self._salvage = Salvage(source)

    def __len__(self) -> int:
        """Return the number of tiles."""
        return len(self._source)

    def __getitem__(self, index: int) -> GateSample:
        """Return one tile."""
        image_id, rgb = self._salvage.read(index)
        mask = self._source.mask(image_id)
        return _sample(resize_rgb(rgb, self._size), mask, self._stride)


def _sample(view: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], stride: int) -> GateSample:
    cells = cell_targets(mask, view.shape[0] // stride)
    return GateSample(
        torch.from_numpy(view.copy()),
        torch.tensor(float(cells.any())),
        torch.from_numpy(cells.astype(np.float32)),
    )


def cell_targets(mask: npt.NDArray[np.bool_], cells: int) -> npt.NDArray[np.bool_]:
    """Say which cells of a square mask hold at least one ship pixel.

    Args:
        mask: (S, S) bool, any S.
        cells: Cells per side; they need not divide S.

    Returns:
        (cells, cells) bool.
    """
    ys, xs = np.nonzero(mask)
    out = np.zeros((cells, cells), dtype=np.bool_)
    out[ys * cells // mask.shape[0], xs * cells // mask.shape[1]] = True
    return out
