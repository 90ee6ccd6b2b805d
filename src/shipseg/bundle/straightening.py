"""Measure by how much the segmenter's masks are too short and too wide to be their own truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from shipseg.evaluation.detection import f2_score
from shipseg.evaluation.results import TileResult
from shipseg.inference.apart import keep_apart
from shipseg.inference.ships import Ship
from shipseg.inference.straighten import Straightening, straightened

LONGER_PX = (0.0, 1.0, 2.0, 3.0, 4.0)
NARROWER_PX = (0.0, 0.5, 1.0, 1.5)
"""What is tried. Coarse on purpose: a hundred ships say no more."""

RECTANGULARITY = 0.8
"""Less like a rectangle are parts of quays, ships that one mask joins, and hulls with a wake."""

REFINED_RECTANGULARITY = 0.65
"""With a refiner, which looks at the pixels: the form alone need not speak for a hull."""

# Of F2: less gain than this is chance, and a mask as it was drawn says more of the ship.
_LEAST_GAIN = 0.005


def choose_straightening(results: Sequence[TileResult]) -> Straightening | None:
    """Choose how hulls are straightened, by the mean F2 of tiles with ships.

    Args:
        results: Of tiles, with the masks as they were drawn.

    Returns:
        The best of the grid, among equals the one that changes masks least; None where masks as
        they were drawn are as good.
    """
    tiles = [tile for tile in results if tile.truth]
    if not tiles:
        return None
    drawn = _mean_f2(tiles)
    tried = [Straightening(RECTANGULARITY, *by) for by in product(LONGER_PX, NARROWER_PX)]
    score, best = max(
        ((_mean_f2(straighten_results(tiles, how)), how) for how in tried),
        # Rounded, because sums in another order differ in the last bit.
        key=lambda pair: (round(pair[0], 9), -pair[1].longer_px, -pair[1].narrower_px),
    )
    return best if score >= drawn + _LEAST_GAIN else None


def for_refiner(how: Straightening | None) -> Straightening:
    """Return what a refiner begins with: more masks, and rectangles where others keep them.

    Args:
        how: What is best without one.
    """
    if how is None:
        return Straightening(REFINED_RECTANGULARITY, 0.0, 0.0)
    return replace(how, rectangularity=REFINED_RECTANGULARITY)


def straighten_results(results: Sequence[TileResult], how: Straightening) -> list[TileResult]:
    """Straighten what was found on tiles, as the detector does it.

    Args:
        results: With the masks as they were drawn.
        how: When and how.
    """
    return [_straightened(tile, how) for tile in results]


def _straightened(tile: TileResult, how: Straightening) -> TileResult:
    # Scores stay beside their ships.
    ships = [Ship(runs, tile.shape_hw, 0.0) for runs in tile.predicted]
    ships = keep_apart(ships, [straightened(ship, how) for ship in ships])
    return replace(tile, predicted=tuple(ship.runs for ship in ships))


def _mean_f2(tiles: Sequence[TileResult]) -> float:
    return float(np.mean([f2_score(tile.predicted, tile.truth) for tile in tiles]))
