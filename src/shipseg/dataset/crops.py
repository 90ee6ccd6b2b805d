"""Crops for the segmenter: full resolution, around ships, with a share of empty ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch.utils.data import Dataset

from shipseg.dataset.augment import against_sun, degrade, dihedral, distort_colour
from shipseg.dataset.cores import cores_in
from shipseg.dataset.donors import Donors
from shipseg.dataset.paste import Canvas
from shipseg.dataset.salvage import Salvage
from shipseg.dataset.source import TileSource
from shipseg.dataset.stream import SampleName, generator_of
from shipseg.dataset.views import View, half_extent
from shipseg.errors import ConfigError

# Crops as the tile shows them, pixel for pixel, and quarter turns only: outlines at their sharpest
# (where the labels are not shifted; half a pixel mixes neighbours).
_PLAIN_SHARE = 0.4
# Ships of one class come in all lengths; a mild zoom adds more. In powers of e.
_ZOOM = 0.35
# Pixels of a ship that counts as it is; a smaller one may weigh more, by the root of its area.
_PLAIN_AREA_PX = 500


Point = tuple[float, float]


class CropSample(NamedTuple):
    """One crop as the segmenter learns it.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        mask: (S, S) float32, 1 on ships.
        core: (S, S) float32, 1 in the middle of each ship.
        weight: (S, S) float32, 1 or more: what each pixel counts in the loss.
    """

    image: torch.Tensor
    mask: torch.Tensor
    core: torch.Tensor
    weight: torch.Tensor


class ShipCrops(Dataset[CropSample]):
    """Random crops: most hold a ship somewhere, the rest are drawn from empty tiles.

    Ships are drawn one by one, not by tile, so that crowded harbours count for what they hold.

    Args:
        source: Tiles and truth.
        size: Side of a crop, in pixels.
        empty_share: Share of crops from tiles without ships: sea, land and cloud, so that the
            network learns what not to mark. Where there are none, every crop is around a ship.
        paste_share: Share of crops that ships of other tiles are pasted onto.
        boat_share: Share of pasted ships that are shrunk to boats.
        boat_weight: What a pixel of the smallest ships weighs, 1 or more.
        glint_share: Share of crops that are shown against the sun.
        around_share: Share of crops from anywhere on tiles with ships, of those that no empty tile
            gives: the quays and shores that ships are near to, which crops around ships leave out.
        false_share: Share of crops around places where no ship is but a segmenter saw one.
        false_places: Those: tile and point (x, y) in pixels.
        truth_shift_px: The labels lie by so much too far right and down.
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
        boat_share: float,
        boat_weight: float,
        glint_share: float,
        around_share: float,
        false_share: float,
        false_places: Sequence[tuple[int, Point]],
        truth_shift_px: float,
        seed: int,
        augment: float,
    ) -> None:
        self._source, self._size = source, size
        self._empty_share, self._paste_share = empty_share, paste_share
        self._seed, self._augment = seed, augment
        self._boat_weight, self._shift_px = boat_weight, truth_shift_px
        self._glint_share = glint_share
        self._around_share = around_share
        self._false_share, self._false = false_share, false_places
        self._salvage = Salvage(source)
        self._donors = Donors(
            source, self._salvage, boat_share=boat_share, truth_shift_px=truth_shift_px
        )
        names = enumerate(source.image_ids)
        self._empty: list[int] = []
        self._sailed: list[int] = []
        for index, name in names:
            (self._sailed if source.table.has_ships(name) else self._empty).append(index)
        if not self._donors.ships:
            raise ConfigError("no training tile holds a ship; the segmenter has nothing to learn")

    def __getitem__(self, name: SampleName) -> CropSample:
        """Draw the crop of that name."""
        rng = generator_of(self._seed, name)
        canvas = self._cut(rng)
        if rng.random() < self._paste_share:
            self._donors.paste_onto(canvas, rng)
        turn = int(rng.integers(8))
        view = dihedral(canvas.rgb, turn)
        if self._glint_share and rng.random() < self._glint_share:
            view = against_sun(view, rng)
        view = distort_colour(view, rng, self._augment)
        view = degrade(view, rng, self._augment)
        mask = dihedral(canvas.mask, turn)
        return _sample(view, mask, dihedral(canvas.core, turn), weight_of(mask, self._boat_weight))

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
        elif self._around_share and rng.random() < self._around_share:
            index = self._sailed[int(rng.integers(len(self._sailed)))]
            centre = rng.uniform(0, (width, height))
        elif self._false and rng.random() < self._false_share:
            index, point = self._false[int(rng.integers(len(self._false)))]
            centre = np.array(point) + rng.uniform(-0.4, 0.4, size=2) * side
        else:
            index, _, (x0, y0, x1, y1) = self._donors.draw(rng)
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
        # The masks stay as they are, whole pixels; the picture moves under them.
        return Canvas(
            view.shifted(-self._shift_px).cut_rgb(rgb).copy(),
            view.cut_mask(mask, offset).copy(),
            view.cut_mask(core, offset).copy(),
        )


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
        mask = self._source.mask(image_id)
        return _sample(rgb, mask, core, np.ones(mask.shape, np.float32))


def weight_of(mask: npt.NDArray[np.bool_], most: float) -> npt.NDArray[np.float32]:
    """Weigh the pixels of small ships: a boat of 30 pixels is as much a ship as one of 3,000.

    The weight is the root of 500 pixels over the ship's area, from 1 to `most`; ships that touch
    count as one.

    Args:
        mask: (S, S) bool.
        most: What a pixel of the smallest ships weighs, 1 or more.

    Returns:
        (S, S) float32, 1 where no ship is.
    """
    if most <= 1:
        return np.ones(mask.shape, np.float32)
    blobs, _count = ndimage.label(mask, structure=np.ones((3, 3)))
    areas = np.bincount(blobs.ravel()).astype(np.float32)
    weights = np.clip(np.sqrt(_PLAIN_AREA_PX / np.maximum(areas, 1)), 1, most)
    weights[0] = 1
    out: npt.NDArray[np.float32] = weights[blobs].astype(np.float32)
    return out


def _within(
    window_xyxy: tuple[int, int, int, int], shape_hw: tuple[int, int]
) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = window_xyxy
    return max(x0, 0), max(y0, 0), min(x1, shape_hw[1]), min(y1, shape_hw[0])


def _sample(
    rgb: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.bool_],
    core: npt.NDArray[np.bool_],
    weight: npt.NDArray[np.float32],
) -> CropSample:
    planes = (torch.from_numpy(plane.astype(np.float32)) for plane in (mask, core, weight))
    return CropSample(torch.from_numpy(rgb.copy()), *planes)
