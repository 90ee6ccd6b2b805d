"""Which predicted ship is which true ship: overlaps from runs, and a one-to-one matching.

A predicted ship is a hit at the IoU threshold t when its IoU with a true ship is greater than t.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.errors import BadInputError
from shipseg.evaluation.estimates import ratio
from shipseg.rle import Runs

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# IoU thresholds in twentieths, 0.50 to 0.95. Whole numbers because the floats are no fractions:
# 0.5 + 0.05 * 7 is above 17/20, np.arange(0.5, 1, 0.05) is off in eight of ten, and then rounding
# decides about an IoU that lies on the threshold. `20 * overlap > twentieths * union` is the rule.
IOU_TWENTIETHS = tuple(range(10, 20))
IOU_HALF = 10


@dataclass(frozen=True, slots=True)
class ObjectCounts:
    """Counts of ships at one IoU threshold; add them up to count over many tiles."""

    true_positives: int
    false_positives: int
    false_negatives: int

    def __add__(self, other: ObjectCounts) -> ObjectCounts:
        """Count over the ships of both."""
        return ObjectCounts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )

    @property
    def precision(self) -> float | None:
        """TP / (TP + FP); None where nothing is predicted."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float | None:
        """TP / (TP + FN); None where there is nothing to find."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f2(self) -> float | None:
        """5 TP / (5 TP + 4 FN + FP); None where there is neither a prediction nor a truth."""
        hits = 5 * self.true_positives
        return ratio(hits, hits + 4 * self.false_negatives + self.false_positives)


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """Which predicted ship of a tile is which true ship: each at most once, IoU above 1/2.

    Attributes:
        predicted_count: How many ships were predicted.
        truth_area_px: (truths,) area of each true ship.
        pairs: (m, 2) indices of the matched predicted and true ships, falling IoU.
        overlap_px: (m,) |A ∩ B| of each pair.
        union_px: (m,) |A ∪ B| of each pair.
    """

    predicted_count: int
    truth_area_px: IntArray
    pairs: IntArray
    overlap_px: IntArray
    union_px: IntArray

    @property
    def truth_count(self) -> int:
        """How many true ships there are."""
        return len(self.truth_area_px)

    def hits(self, twentieths: int = IOU_HALF) -> BoolArray:
        """Say of each pair whether its IoU is greater than `twentieths` / 20 (10 or more)."""
        return 20 * self.overlap_px > twentieths * self.union_px

    def predicted_hits(self, twentieths: int = IOU_HALF) -> BoolArray:
        """Say of each predicted ship, (predicted_count,), whether it is a hit at that IoU."""
        hits = np.zeros(self.predicted_count, dtype=np.bool_)
        hits[self.pairs[self.hits(twentieths), 0]] = True
        return hits

    def counts(self, twentieths: int = IOU_HALF) -> ObjectCounts:
        """Count hits, false ships and missed ships at the IoU threshold `twentieths` / 20."""
        hits = int(np.count_nonzero(self.hits(twentieths)))
        return ObjectCounts(hits, self.predicted_count - hits, self.truth_count - hits)


def overlap_matrix(first: Sequence[Runs], second: Sequence[Runs]) -> IntArray:
    """Count the pixels that each mask of `first` shares with each mask of `second`.

    For a mask B let C(x) be its pixels before position x; the overlap of a run [s, e) with B is
    C(e) − C(s). All the C are looked up in one binary search, each mask of `second` in a stretch of
    the number line of its own: no masks, no bounding boxes, no loop over pairs.

    Args:
        first: Masks as runs.
        second: Masks as runs of the same tile.

    Returns:
        (len(first), len(second)) pixel counts.

    Raises:
        BadInputError: If a mask is not (n, 2) sorted, disjoint runs with n ≥ 1.

    Example:
        >>> from shipseg.rle import parse_rle
        >>> overlap_matrix([parse_rle("1 4 9 2")], [parse_rle("3 7"), parse_rle("20 5")]).tolist()
        [[3, 0]]
    """
    _check_masks(first, "first")
    _check_masks(second, "second")
    if not first or not second:
        return np.zeros((len(first), len(second)), dtype=np.int64)
    queries, runs = np.concatenate(list(first)), np.concatenate(list(second))
    span = int(max(queries.sum(axis=1).max(), runs.sum(axis=1).max())) + 1

    shifts = np.arange(len(second), dtype=np.int64) * span
    starts = runs[:, 0] + np.repeat(shifts, [len(mask) for mask in second])
    lengths = runs[:, 1]
    covered = np.concatenate([[0], np.cumsum(lengths)])

    def covered_before(positions: IntArray) -> IntArray:
        begun = np.searchsorted(starts, positions, side="right")
        last = np.maximum(begun - 1, 0)
        # The last run begun may reach past the position; what lies beyond does not count yet.
        beyond = np.maximum(starts[last] + lengths[last] - positions, 0)
        counted: IntArray = covered[begun] - np.where(begun > 0, beyond, 0)
        return counted

    begins = queries[:, :1] + shifts
    shared = covered_before(begins + queries[:, 1:]) - covered_before(begins)
    firsts = np.cumsum([0] + [len(mask) for mask in first[:-1]])
    overlaps: IntArray = np.add.reduceat(shared, firsts, axis=0)
    return overlaps


def iou_matrix(first: Sequence[Runs], second: Sequence[Runs]) -> FloatArray:
    """Give the intersection over union of each mask of `first` with each mask of `second`.

    Args:
        first: Masks as runs.
        second: Masks as runs of the same tile.

    Returns:
        (len(first), len(second)) in [0, 1].

    Raises:
        BadInputError: If a mask is not (n, 2) sorted, disjoint runs with n ≥ 1.

    Example:
        >>> from shipseg.rle import parse_rle
        >>> iou_matrix([parse_rle("1 4")], [parse_rle("1 4"), parse_rle("3 4")]).round(3).tolist()
        [[1.0, 0.333]]
    """
    overlap = overlap_matrix(first, second)
    ious: FloatArray = overlap / (_areas(first)[:, None] + _areas(second) - overlap)
    return ious


def match_objects(predicted: Sequence[Runs], truth: Sequence[Runs]) -> Matching:
    """Match predicted ships to true ships one to one, by IoU above 1/2.

    Masks of one tile do not overlap in the challenge, and then no choice is left: were a predicted
    ship A above 1/2 with two disjoint truths B and C, then |A ∩ B| > |A ∪ B| / 2 ≥ |A| / 2, the
    same for C, and A would share more than |A| pixels with them. The same with the roles changed.

    Overlapping masks, which the challenge refuses, are matched greedily: the pair with the largest
    IoU first, then the largest among the ships left. So a ship predicted twice counts once. Pairs
    of equal IoU are taken in the order of their runs: the order of the arguments never matters.

    One matching serves every threshold: greedy matching above t is the part above t of the one
    above 1/2.

    Args:
        predicted: The predicted ships of one tile, as runs.
        truth: The true ships of the same tile, as runs.

    Raises:
        BadInputError: If a mask is not (n, 2) sorted, disjoint runs with n ≥ 1.

    Example:
        >>> from shipseg.rle import parse_rle
        >>> matching = match_objects([parse_rle("50 9"), parse_rle("1 4")], [parse_rle("1 5")])
        >>> matching.pairs.tolist(), matching.counts()
        ([[1, 0]], ObjectCounts(true_positives=1, false_positives=1, false_negatives=0))
    """
    overlap = overlap_matrix(predicted, truth)
    truth_area = _areas(truth)
    union = _areas(predicted)[:, None] + truth_area - overlap
    pairs = np.argwhere(20 * overlap > IOU_HALF * union)
    ious = (overlap / union)[pairs[:, 0], pairs[:, 1]]
    if any(len(np.unique(side)) < len(side) for side in pairs.T):
        pairs = pairs[_greedy(pairs, ious, predicted, truth)]
    else:
        pairs = pairs[np.argsort(-ious, kind="stable")]
    rows, columns = pairs.T
    return Matching(
        predicted_count=len(predicted),
        truth_area_px=truth_area,
        pairs=pairs,
        overlap_px=overlap[rows, columns],
        union_px=union[rows, columns],
    )


def _greedy(
    pairs: IntArray, ious: FloatArray, predicted: Sequence[Runs], truth: Sequence[Runs]
) -> list[int]:
    """Choose pairs one to one, the largest IoU first, ties by the bytes of the runs."""
    # Comparing float IoUs is safe: different fractions with denominators up to 2**26 (a scene of
    # 8,000 x 8,000) differ by more than a float's last bit, and equal ones divide to equal floats.
    order = sorted(
        range(len(pairs)),
        key=lambda k: (
            -ious[k],
            predicted[pairs[k, 0]].tobytes(),
            truth[pairs[k, 1]].tobytes(),
        ),
    )
    chosen: list[int] = []
    used_predicted: set[int] = set()
    used_truth: set[int] = set()
    for k in order:
        i, j = int(pairs[k, 0]), int(pairs[k, 1])
        if i not in used_predicted and j not in used_truth:
            used_predicted.add(i)
            used_truth.add(j)
            chosen.append(k)
    return chosen


def _areas(masks: Sequence[Runs]) -> IntArray:
    return np.array([int(mask[:, 1].sum()) for mask in masks], dtype=np.int64)


def _check_masks(masks: Sequence[Runs], name: str) -> None:
    for i, mask in enumerate(masks):
        if mask.ndim != 2 or mask.shape[1] != 2 or not len(mask):
            raise BadInputError(
                f"{name}[{i}] has shape {mask.shape}, expected (n, 2) runs of start and length "
                "with n ≥ 1",
                hint="leave out ships without a pixel",
            )
        # The binary search gives a wrong count, not an error, on runs out of order.
        if (mask[:, 1] < 1).any() or (mask[1:, 0] < mask[:-1].sum(axis=1)).any():
            raise BadInputError(
                f"{name}[{i}] has empty, overlapping or unsorted runs, "
                "expected them sorted and disjoint, with lengths of 1 or more"
            )
