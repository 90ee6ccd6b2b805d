"""Mine what a segmenter takes for ships on the training tiles: hulls, parts of them, rafts, quays.

It has learnt from these very tiles, so it is shown them in other light, where it errs about as it
does on new ones; and what it is unsure of counts as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.bundle.format import load_bundle
from shipseg.dataset.augment import degrade, distort_colour
from shipseg.dataset.salvage import Salvage
from shipseg.dataset.source import TileSource
from shipseg.inference.instances import split_touching
from shipseg.inference.runtime import SegmenterSession
from shipseg.rectangle import Rectangle, rectangle_at, rectangle_of
from shipseg.training.config import TrainConfig

Mask = npt.NDArray[np.bool_]

# Pixels are ship from these probabilities on.
_THRESHOLDS = (0.05, 0.15, 0.4, 0.7)
_LEAST_AREA_PX = 30
# Longer than any ship of a tile: a coast.
_LONGEST_PX = 300
_EIGHT = np.ones((3, 3), dtype=np.bool_)


def mine(source: TileSource, bundle: Path, config: TrainConfig) -> list[tuple[int, Rectangle]]:
    """Draw rectangles around all that a segmenter takes for ships.

    Args:
        source: The training tiles.
        bundle: The segmenter's bundle.
        config: Says how strong the light differs, by which seed, and on how many threads.

    Returns:
        Tiles by index, and rectangles on them; the same each time. Tiles with ships are shown
        twice.

    Raises:
        UsageError: There is no such bundle.
        BundleError: The bundle is incomplete, altered or of another shape than it says.
    """
    session = SegmenterSession(load_bundle(bundle), threads=config.threads or 1)
    salvage = Salvage(source)
    found = []
    for tile, image_id in enumerate(source.image_ids):
        read, rgb = salvage.read(tile)
        if read != image_id:
            # Another tile stands in, and is shown by itself.
            continue
        for time in range(2 if source.table.has_ships(image_id) else 1):
            rng = np.random.default_rng([config.seed, tile, time])
            other = degrade(distort_colour(rgb, rng, config.augment), rng, config.augment)
            found += [(tile, rectangle) for rectangle in _rectangles(session(other))]
    return found


def mine_false(
    source: TileSource, bundle: Path, config: TrainConfig
) -> list[tuple[int, tuple[float, float]]]:
    """Find where a segmenter sees ships and none is.

    Args:
        source: The training tiles.
        bundle: The segmenter's bundle.
        config: As `mine` takes it.

    Returns:
        Tiles by index, and points (x, y) in pixels; the same each time.

    Raises:
        UsageError: There is no such bundle.
        BundleError: The bundle is incomplete, altered or of another shape than it says.
    """
    shape_hw = source.table.shape_hw
    false = []
    for tile, those in groupby(mine(source, bundle, config), key=itemgetter(0)):
        truth = source.mask(source.image_ids[tile])
        for _, rectangle in those:
            if not truth[rectangle.drawn(shape_hw)].any():
                x, y = rectangle.centre_xy.tolist()
                false.append((tile, (x, y)))
    return false


def _rectangles(maps: npt.NDArray[np.float32]) -> Iterator[Rectangle]:
    """Give the rectangles of all blobs of (2, h, w) maps, and of the ships in each."""
    probability, core = maps
    for threshold in _THRESHOLDS:
        labels, _ = ndimage.label(probability >= threshold, structure=_EIGHT)
        for index, place in enumerate(ndimage.find_objects(labels), start=1):
            blob = labels[place] == index
            if np.count_nonzero(blob) < _LEAST_AREA_PX or max(blob.shape) > _LONGEST_PX:
                continue
            ships = list(split_touching(blob, core[place], min_area_px=_LEAST_AREA_PX))
            for mask in [*ships, blob] if len(ships) > 1 else ships:
                yield _placed(mask, (place[1].start, place[0].start))


def _placed(mask: Mask, at_xy: tuple[int, int]) -> Rectangle:
    rectangle = rectangle_of(mask)
    centre = rectangle.centre_xy + np.array(at_xy)
    return rectangle_at(centre, rectangle.heading_rad, rectangle.length, rectangle.width)
