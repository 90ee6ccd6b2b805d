"""Metrics of ships as objects: the challenge's F2, recall by size.

The challenge's score of a tile is the mean, over the IoU thresholds t = 0.50, 0.55, …, 0.95, of

    F2(t) = 5 TP / (5 TP + 4 FN + FP)

where a predicted ship is a true positive when its IoU with a true ship is greater than t. A tile
without ships scores 1 if nothing is predicted on it, else 0. The score of a set is the mean over
its tiles.

Source: the evaluation page of Kaggle's Airbus Ship Detection Challenge (2018).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from shipseg.errors import BadInputError
from shipseg.evaluation.estimates import ratio
from shipseg.evaluation.matching import IOU_TWENTIETHS, IntArray, Matching, match_objects
from shipseg.rle import Runs


@dataclass(frozen=True, slots=True)
class SizeBin:
    """True ships by the area of their mask: least_px ≤ area ≤ most_px, without end where None."""

    name: str
    least_px: int
    most_px: int | None


# At 1.5 m a pixel, 100 px are a boat of some 30 m and 1,000 px a ship of some 100 m.
SIZE_BINS = (SizeBin("small", 1, 99), SizeBin("medium", 100, 1000), SizeBin("large", 1001, None))
_BIN_STARTS = np.array([size.least_px for size in SIZE_BINS[1:]])


@dataclass(frozen=True, slots=True)
class SizeRecall:
    """How many of the true ships of a size were found at IoU above 0.5."""

    size: SizeBin
    ships: int
    found: int

    @property
    def recall(self) -> float | None:
        """Found / ships; None where there are no ships of the size."""
        return ratio(self.found, self.ships)


def f2_score(predicted: Sequence[Runs], truth: Sequence[Runs]) -> float:
    """Give the challenge's score of one tile: the mean F2 over IoU 0.50, 0.55, …, 0.95.

    F2 = 5 TP / (5 TP + 4 FN + FP), a hit being an IoU greater than the threshold. A tile without
    ships scores 1 if nothing is predicted, else 0.

    Args:
        predicted: The predicted ships of one tile, as runs.
        truth: The true ships of the same tile, as runs.

    Returns:
        The score in [0, 1].

    Raises:
        BadInputError: If a mask is not (n, 2) sorted, disjoint runs with n ≥ 1.

    Example:
        >>> from shipseg.rle import parse_rle
        >>> ship = parse_rle("1 100")
        >>> f2_score([ship], [ship]), f2_score([], []), f2_score([ship], []), f2_score([], [ship])
        (1.0, 1.0, 0.0, 0.0)
        >>> f2_score([parse_rle("1 60")], [ship])  # IoU 3/5 is above 0.50 and 0.55, not above 0.60
        0.2
    """
    return f2_of(match_objects(predicted, truth))


def mean_f2(
    predicted: Sequence[Sequence[Runs]],
    truth: Sequence[Sequence[Runs]],
    *,
    ship_tiles_only: bool = False,
) -> float | None:
    """Average the challenge's score over tiles: the challenge's score of a submission.

    Args:
        predicted: For each tile, its predicted ships as runs.
        truth: For each tile in the same order, its true ships as runs.
        ship_tiles_only: Leave out the tiles without ships, which hide how good the masks are.

    Returns:
        The mean in [0, 1]; None where there is no tile to average over.

    Raises:
        BadInputError: If the two have not the same number of tiles, or a mask is no runs.

    Example:
        >>> from shipseg.rle import parse_rle
        >>> ship = parse_rle("1 100")
        >>> mean_f2([[ship], [], []], [[ship], [ship], []])
        0.6666666666666666
        >>> mean_f2([[ship], [], []], [[ship], [ship], []], ship_tiles_only=True)
        0.5
    """
    if len(predicted) != len(truth):
        raise BadInputError(
            f"{len(predicted)} tiles predicted and {len(truth)} with truth, expected the same tiles"
        )
    scores = [
        f2_score(p, t)
        for p, t in zip(predicted, truth, strict=True)
        if len(t) or not ship_tiles_only
    ]
    return ratio(sum(scores), len(scores))


def score_of_nothing(truth: Sequence[Sequence[Runs]]) -> float | None:
    """Give the challenge's score of predicting nothing at all: the share of tiles without ships.

    Args:
        truth: For each tile, its true ships as runs.

    Returns:
        The score in [0, 1]; None where there are no tiles.

    Example:
        >>> from shipseg.rle import parse_rle
        >>> score_of_nothing([[], [], [], [parse_rle("1 100")]])
        0.75
    """
    return ratio(sum(not len(ships) for ships in truth), len(truth))


def recall_by_size(matchings: Iterable[Matching]) -> tuple[SizeRecall, ...]:
    """Count the true ships of each size and those found at IoU above 0.5.

    Args:
        matchings: One per tile, from `match_objects`.

    Returns:
        One entry for each of `SIZE_BINS`, in their order.

    Example:
        >>> from shipseg.evaluation.matching import match_objects
        >>> from shipseg.rle import parse_rle
        >>> small, big = parse_rle("1 50"), parse_rle("100 2000")
        >>> [row.recall for row in recall_by_size([match_objects([big], [small, big])])]
        [0.0, None, 1.0]
    """
    ships, found = np.zeros((2, len(SIZE_BINS)), dtype=np.int64)
    for matching in matchings:
        of_tile, found_of_tile = count_by_size(matching)
        ships += of_tile
        found += found_of_tile
    return tuple(
        SizeRecall(size, int(n), int(k)) for size, n, k in zip(SIZE_BINS, ships, found, strict=True)
    )


def f2_of(matching: Matching) -> float:
    """Give the challenge's score of a tile whose ships are matched, in [0, 1]; see `f2_score`.

    Args:
        matching: From `match_objects`.
    """
    if not matching.truth_count:
        return 0.0 if matching.predicted_count else 1.0
    scores = [matching.counts(twentieths).f2 or 0.0 for twentieths in IOU_TWENTIETHS]
    return sum(scores) / len(scores)


def count_by_size(matching: Matching) -> tuple[IntArray, IntArray]:
    """Count the true ships of a tile, and those found at IoU above 0.5, in each of `SIZE_BINS`.

    Args:
        matching: From `match_objects`.

    Returns:
        (sizes,) ships and (sizes,) found.
    """
    bins = np.searchsorted(_BIN_STARTS, matching.truth_area_px, side="right")
    found = bins[matching.pairs[matching.hits(), 1]]
    n = len(SIZE_BINS)
    return np.bincount(bins, minlength=n), np.bincount(found, minlength=n)
