"""Choose a bundle's thresholds on tiles with truth: pure functions, without torch.

What is chosen here, and on what, is told in the manifest and on the card. Figures measured on the
same tiles flatter the choice a little; a part of the data that nothing was chosen on does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.bundle.manifest import DoubtSpec
from shipseg.errors import BadInputError
from shipseg.evaluation.classification import OperatingPoint, best_f1, threshold_for_recall

THRESHOLDS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
"""Pixel thresholds that are tried. Outside, outlines shrink or swell by whole pixels."""

LEAST_AREA_PX = 20
"""Least area of a ship, to drop specks: a boat of 3 by 15 m at 1.5 m per pixel. With 40 px the
bundled model scores no better once what is doubted is refused, and of the 185 ships below 100 px on
the training tiles it finds a tenth less."""

KEPT_SHIP_PIXELS = 0.99
"""Share of ship pixels that the hot cells of passing tiles have to reach."""

DOUBT = DoubtSpec(above=0.05, below=0.95)
"""First answers of the gate between which it looks again. On the validation tiles of the bundled
model that is a fifth of all, and as good as two looks at every tile."""

# Probabilities of 0 and 1 occur, and no threshold may be either.
_CLOSEST = 1e-6
# Of F2: a smaller difference between neighbouring thresholds is none.
_CHANCE = 0.002


@dataclass(frozen=True, slots=True)
class SegmenterPoint:
    """What the segmenter's map is cut at, and the score that was reached so.

    Attributes:
        threshold: Least probability of a ship pixel.
        min_area_px: Least area of a ship.
        f2: Mean of the challenge's score over the tiles that it was chosen on; None without tiles.
    """

    threshold: float
    min_area_px: int
    f2: float | None


def choose_gate_threshold(
    probabilities: npt.ArrayLike, has_ships: npt.ArrayLike, *, recall: float | None = None
) -> OperatingPoint:
    """Choose what a tile needs to pass the gate.

    Args:
        probabilities: (n,) of the tiles.
        has_ships: (n,) bool.
        recall: Share of the tiles with ships to keep, at the fewest false alarms; None takes the
            threshold with the best F1.

    Raises:
        BadInputError: No tile holds a ship.
        UsageError: `recall` is out of range.

    Example:
        >>> choose_gate_threshold([0.2, 0.4, 0.6, 0.8], [0, 1, 0, 1], recall=0.5).threshold
        0.7
    """
    if recall is not None:
        point = threshold_for_recall(probabilities, has_ships, recall)
    else:
        best = best_f1(probabilities, has_ships)
        if best is None:
            raise BadInputError(
                f"none of the {np.size(has_ships)} tiles to choose on holds a ship, "
                "so no threshold can be chosen on them",
                hint="choose on more tiles (--tile-limit), or give --gate-threshold",
            )
        point = best
    return OperatingPoint(_inside(point.threshold), point.counts)


def choose_cell_threshold(
    cells: Sequence[npt.NDArray[np.float32]],
    ship_pixels: Sequence[npt.NDArray[np.int64]],
    *,
    kept: float = KEPT_SHIP_PIXELS,
) -> float | None:
    """Choose the highest threshold whose hot cells, and those next to them, reach the ships.

    A pixel is reached when its cell or one of its eight neighbours is hot, which is what the
    detector's margin of one cell makes of it. So each cell counts with the highest probability
    around it, and the threshold is a quantile of these, weighted by ship pixels.

    Args:
        cells: For each passing tile, (h, w) probabilities.
        ship_pixels: For each of them, (h, w) numbers of ship pixels in the cell.
        kept: Share of all ship pixels to reach, in (0, 1].

    Returns:
        The threshold in (0, 1); None where there are no ship pixels.

    Example:
        >>> cells, pixels = np.zeros((2, 5), np.float32), np.zeros((2, 5), np.int64)
        >>> cells[0, 0], cells[0, 4], pixels[0, 1], pixels[0, 4] = 0.5, 0.25, 90, 10
        >>> choose_cell_threshold([cells], [pixels], kept=0.9)
        0.375
    """
    around = [ndimage.maximum_filter(part, size=3, mode="constant") for part in cells]
    if not around:
        return None
    values = np.concatenate([part.ravel() for part in around]).astype(np.float64)
    weights = np.concatenate([part.ravel() for part in ship_pixels])
    values, weights = values[weights > 0], weights[weights > 0]
    if not len(values):
        return None
    order = np.argsort(-values, kind="stable")
    reached = np.cumsum(weights[order])
    last = int(np.argmax(reached >= kept * reached[-1]))
    lowest_hot = float(values[order[last]])
    colder = values[values < lowest_hot]
    # Midway to the next one, so that a last bit on another machine does not decide.
    return _inside((lowest_hot + (float(colder.max()) if len(colder) else 0.0)) / 2)


def choose_pixel_threshold(scores: Mapping[float, float]) -> float:
    """Choose the threshold with the best score.

    Args:
        scores: Mean F2 by threshold, of what would be reported.

    Returns:
        The best; of those that are as good but for chance, the one nearest to 0.5, then the lower.

    Raises:
        ValueError: There is none.

    Example:
        >>> choose_pixel_threshold({0.5: 0.4700, 0.6: 0.4715, 0.7: 0.4500})
        0.5
    """
    enough = max(scores.values()) - _CHANCE
    return min((one for one in scores if scores[one] >= enough), key=lambda t: (abs(t - 0.5), t))


def _inside(threshold: float) -> float:
    return float(min(max(threshold, _CLOSEST), 1 - _CLOSEST))
