"""Metrics of masks: Dice and IoU of the union of the ships, from runs, without making a mask.

Both empty counts as perfect agreement, 1.0, on a tile and over many: it is what the challenge does
with its own metric, and it keeps "predict nothing on empty sea" from being punished. Most tiles are
empty, so a mean over all tiles says little; report the mean over the tiles with ships, where the
convention never applies, and the figure over all pixels beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shipseg.errors import BadInputError
from shipseg.rle import Runs, area, overlap_area, union


@dataclass(frozen=True, slots=True)
class PixelCounts:
    """Pixels of a predicted mask A and a true mask B; add them up to count over many tiles.

    Attributes:
        intersection_px: |A ∩ B|.
        predicted_px: |A|.
        truth_px: |B|.
    """

    intersection_px: int
    predicted_px: int
    truth_px: int

    def __add__(self, other: PixelCounts) -> PixelCounts:
        """Count over the pixels of both."""
        return PixelCounts(
            self.intersection_px + other.intersection_px,
            self.predicted_px + other.predicted_px,
            self.truth_px + other.truth_px,
        )

    @property
    def union_px(self) -> int:
        """|A ∪ B|."""
        return self.predicted_px + self.truth_px - self.intersection_px

    @property
    def dice(self) -> float:
        """2 |A ∩ B| / (|A| + |B|), which is the F1 of pixels; 1.0 where both are empty."""
        total = self.predicted_px + self.truth_px
        return 2 * self.intersection_px / total if total else 1.0

    @property
    def iou(self) -> float:
        """|A ∩ B| / |A ∪ B|, the Jaccard index; 1.0 where both are empty."""
        return self.intersection_px / self.union_px if self.union_px else 1.0


def pixel_counts(predicted: Sequence[Runs], truth: Sequence[Runs]) -> PixelCounts:
    """Count the pixels of the union of the predicted ships against the union of the true ones.

    Args:
        predicted: The predicted ships of one tile, as runs.
        truth: The true ships of the same tile, as runs.

    Example:
        >>> from shipseg.rle import parse_rle
        >>> pixel_counts([parse_rle("1 4"), parse_rle("9 2")], [parse_rle("3 4")])
        PixelCounts(intersection_px=2, predicted_px=6, truth_px=4)
    """
    ours, theirs = union(list(predicted)), union(list(truth))
    return PixelCounts(overlap_area(ours, theirs), area(ours), area(theirs))


def dice_score(predicted: Sequence[Runs], truth: Sequence[Runs]) -> float:
    """Give the Dice coefficient of one tile: 2 |A ∩ B| / (|A| + |B|) of the unions of its ships.

    Source: Dice (1945). 1.0 where both are empty, 0.0 where one is.

    Args:
        predicted: The predicted ships of one tile, as runs.
        truth: The true ships of the same tile, as runs.

    Example:
        >>> from shipseg.rle import parse_rle
        >>> dice_score([parse_rle("1 4")], [parse_rle("3 4")])
        0.5
    """
    return pixel_counts(predicted, truth).dice


def iou_score(predicted: Sequence[Runs], truth: Sequence[Runs]) -> float:
    """Give the intersection over union of one tile: |A ∩ B| / |A ∪ B| of the unions of its ships.

    Source: Jaccard (1912). 1.0 where both are empty, 0.0 where one is.

    Args:
        predicted: The predicted ships of one tile, as runs.
        truth: The true ships of the same tile, as runs.

    Example:
        >>> from shipseg.rle import parse_rle
        >>> iou_score([parse_rle("1 4")], [parse_rle("2 3")])
        0.75
    """
    return pixel_counts(predicted, truth).iou


def mean_dice_on_ship_tiles(
    predicted: Sequence[Sequence[Runs]], truth: Sequence[Sequence[Runs]]
) -> float | None:
    """Average the Dice coefficient over the tiles that hold ships.

    Args:
        predicted: For each tile, its predicted ships as runs.
        truth: For each tile in the same order, its true ships as runs.

    Returns:
        The mean in [0, 1]; None where no tile holds a ship.

    Raises:
        BadInputError: If the two have not the same number of tiles.

    Example:
        >>> from shipseg.rle import parse_rle
        >>> mean_dice_on_ship_tiles([[parse_rle("1 4")], []], [[parse_rle("3 4")], []])
        0.5
    """
    if len(predicted) != len(truth):
        raise BadInputError(
            f"{len(predicted)} tiles predicted and {len(truth)} with truth, expected the same tiles"
        )
    scores = [dice_score(p, t) for p, t in zip(predicted, truth, strict=True) if len(t)]
    return sum(scores) / len(scores) if scores else None
