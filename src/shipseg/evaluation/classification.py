"""Metrics of the gate: a score for each tile against whether the tile holds a ship.

A tile passes the gate when its score is at least the threshold. Ratios over nothing are None.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.errors import BadInputError, UsageError
from shipseg.evaluation.estimates import FloatArray, ratio

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ConfusionCounts:
    """Counts of a two-class decision.

    Attributes:
        true_positives: Tiles with ships that pass.
        false_positives: Empty tiles that pass: the false alarms.
        false_negatives: Tiles with ships that are dropped.
        true_negatives: Empty tiles that are dropped.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def precision(self) -> float | None:
        """TP / (TP + FP); None where nothing passes."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float | None:
        """TP / (TP + FN); None where there is nothing to find."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def false_alarm_rate(self) -> float | None:
        """FP / (FP + TN), the share of empty tiles that pass; None where there are none."""
        return ratio(self.false_positives, self.false_positives + self.true_negatives)

    @property
    def f1(self) -> float | None:
        """2 TP / (2 TP + FP + FN); None where nothing passes and nothing should."""
        hits = 2 * self.true_positives
        return ratio(hits, hits + self.false_positives + self.false_negatives)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold and what it does to the tiles that it was chosen on."""

    threshold: float
    counts: ConfusionCounts


@dataclass(frozen=True, slots=True)
class RocCurve:
    """A receiver operating characteristic, from "nothing passes" to "all pass".

    Attributes:
        thresholds: (m,) falling: infinity, then each distinct score.
        false_alarm_rate: (m,) share of empty tiles with a score ≥ the threshold.
        recall: (m,) share of tiles with ships with a score ≥ the threshold.
    """

    thresholds: FloatArray
    false_alarm_rate: FloatArray
    recall: FloatArray


def confusion_counts(predicted: npt.ArrayLike, truth: npt.ArrayLike) -> ConfusionCounts:
    """Count the four outcomes of a two-class decision.

    Args:
        predicted: (n,) bool or 0/1, whether the tile passes.
        truth: (n,) bool or 0/1, whether the tile holds a ship.

    Raises:
        BadInputError: If the arrays are not 1-D, of one length, and bool or 0/1.

    Example:
        >>> counts = confusion_counts([1, 1, 0, 0], [1, 0, 1, 0])
        >>> counts
        ConfusionCounts(true_positives=1, false_positives=1, false_negatives=1, true_negatives=1)
        >>> counts.f1, counts.precision, counts.recall, counts.false_alarm_rate
        (0.5, 0.5, 0.5, 0.5)
    """
    passed, ships = _as_bool(predicted, "predicted"), _as_bool(truth, "truth")
    _check_lengths(len(passed), len(ships), "predicted")
    hits = int(np.count_nonzero(passed & ships))
    passes, positives = int(np.count_nonzero(passed)), int(np.count_nonzero(ships))
    return ConfusionCounts(
        true_positives=hits,
        false_positives=passes - hits,
        false_negatives=positives - hits,
        true_negatives=len(ships) - passes - positives + hits,
    )


def confusion_at(scores: npt.ArrayLike, truth: npt.ArrayLike, threshold: float) -> ConfusionCounts:
    """Count the four outcomes where a tile passes when its score ≥ threshold.

    Args:
        scores: (n,) finite numbers.
        truth: (n,) bool or 0/1.
        threshold: The least score that passes.

    Raises:
        BadInputError: If the arrays are not 1-D, of one length, finite, and bool or 0/1.

    Example:
        >>> confusion_at([0.2, 0.5, 0.9], [0, 1, 1], threshold=0.5).recall
        1.0
    """
    values, ships = _validate(scores, truth)
    return confusion_counts(values >= threshold, ships)


def roc_curve(scores: npt.ArrayLike, truth: npt.ArrayLike) -> RocCurve:
    """Trace recall against the false-alarm rate over every distinct threshold.

    Args:
        scores: (n,) finite numbers, larger for a ship.
        truth: (n,) bool or 0/1.

    Raises:
        BadInputError: If the arrays do not fit, or `truth` holds one class only.

    Example:
        >>> curve = roc_curve([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
        >>> curve.false_alarm_rate.tolist()
        [0.0, 0.0, 0.5, 0.5, 1.0]
        >>> curve.recall.tolist()
        [0.0, 0.5, 0.5, 1.0, 1.0]
    """
    values, ships = _validate(scores, truth)
    positives = int(np.count_nonzero(ships))
    if not 0 < positives < len(ships):
        raise BadInputError(
            f"a ROC curve needs both classes, got {positives} tiles with ships of {len(ships)}"
        )
    thresholds, hits, passes = _sweep(values, ships)
    return RocCurve(
        thresholds=np.concatenate([[np.inf], thresholds]),
        false_alarm_rate=np.concatenate([[0.0], (passes - hits) / (len(ships) - positives)]),
        recall=np.concatenate([[0.0], hits / positives]),
    )


def roc_auc(scores: npt.ArrayLike, truth: npt.ArrayLike) -> float | None:
    """Give the probability that a tile with ships scores above an empty one, ties counting half.

    AUC = (R − P(P+1)/2) / (P·N) with R the sum of the midranks of the P tiles with ships among all
    P + N (Mann and Whitney 1947; Hanley and McNeil 1982): the area under the ROC curve.

    Args:
        scores: (n,) finite numbers, larger for a ship.
        truth: (n,) bool or 0/1.

    Returns:
        The AUC in [0, 1]; None where `truth` holds one class only.

    Raises:
        BadInputError: If the arrays are not 1-D, of one length, finite, and bool or 0/1.

    Example:
        >>> roc_auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
        0.75
        >>> roc_auc([0.5, 0.5], [0, 1])
        0.5
    """
    values, ships = _validate(scores, truth)
    positives = int(np.count_nonzero(ships))
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    # Twice the midrank of each distinct score is a whole number, so the sum is exact.
    doubled_midranks = 2 * np.cumsum(counts) - counts + 1
    doubled_sum = int(doubled_midranks[which[ships]].sum())
    return ratio(
        doubled_sum - positives * (positives + 1), 2 * positives * (len(ships) - positives)
    )


def best_f1(scores: npt.ArrayLike, truth: npt.ArrayLike) -> OperatingPoint | None:
    """Find the threshold with the largest F1; among equals, the one with the largest recall.

    The threshold lies midway between the lowest score that passes and the highest that does not,
    so that a last-bit difference on another machine moves no tile of this set across it.

    Args:
        scores: (n,) finite numbers, larger for a ship.
        truth: (n,) bool or 0/1.

    Returns:
        The threshold and its counts; None where no tile holds a ship.

    Raises:
        BadInputError: If the arrays are not 1-D, of one length, finite, and bool or 0/1.

    Example:
        >>> point = best_f1([0.1, 0.3, 0.7, 0.9], [0, 0, 1, 1])
        >>> point.threshold, point.counts.f1
        (0.5, 1.0)
    """
    values, ships = _validate(scores, truth)
    positives = int(np.count_nonzero(ships))
    if not positives:
        return None
    thresholds, hits, passes = _sweep(values, ships)
    f1 = 2 * hits / (passes + positives)
    last_best = len(f1) - 1 - int(np.argmax(f1[::-1]))
    return _point(values, ships, thresholds, last_best)


def threshold_for_recall(
    scores: npt.ArrayLike, truth: npt.ArrayLike, recall: float
) -> OperatingPoint:
    """Find the highest threshold that keeps at least a share `recall` of the tiles with ships.

    It has the fewest false alarms of all thresholds that reach the target;
    `counts.false_alarm_rate` of the result says how many. The threshold lies midway between the
    lowest score that passes and the highest that does not (see `best_f1`).

    Args:
        scores: (n,) finite numbers, larger for a ship.
        truth: (n,) bool or 0/1, with at least one ship.
        recall: The share to keep, in (0, 1].

    Raises:
        BadInputError: If the arrays do not fit, or no tile holds a ship.
        UsageError: If `recall` is out of range.

    Example:
        >>> point = threshold_for_recall([0.2, 0.4, 0.6, 0.8], [0, 1, 0, 1], recall=1.0)
        >>> round(point.threshold, 6), point.counts.recall, point.counts.false_alarm_rate
        (0.3, 1.0, 0.5)
    """
    if not 0.0 < recall <= 1.0:
        raise UsageError(f"recall target is {recall}, expected a share in (0, 1]")
    values, ships = _validate(scores, truth)
    positives = int(np.count_nonzero(ships))
    if not positives:
        raise BadInputError(
            f"no tile of {len(ships)} holds a ship, so no threshold has a recall",
            hint="choose the threshold on tiles of which some hold ships",
        )
    thresholds, hits, _ = _sweep(values, ships)
    # Divide and compare; `hits >= recall * positives` would miss: 0.07 * 100 is above 7.
    first_enough = int(np.argmax(hits / positives >= recall))
    return _point(values, ships, thresholds, first_enough)


def _sweep(values: FloatArray, ships: BoolArray) -> tuple[FloatArray, IntArray, IntArray]:
    """Give the distinct scores, falling, and for each the ship tiles and all tiles that pass."""
    order = np.argsort(-values, kind="stable")
    ranked = values[order]
    hits = np.cumsum(ships[order], dtype=np.int64)
    # The last of each run of equal scores: equal scores pass together.
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else order
    return ranked[last], hits[last], last + 1


def _point(
    values: FloatArray, ships: BoolArray, thresholds: FloatArray, index: int
) -> OperatingPoint:
    lowest_pass = float(thresholds[index])
    highest_fail = float(thresholds[index + 1]) if index + 1 < len(thresholds) else lowest_pass
    midway = lowest_pass + (highest_fail - lowest_pass) / 2
    # Between neighbouring floats, halfway may round to the one that must not pass.
    threshold = midway if midway > highest_fail else lowest_pass
    return OperatingPoint(threshold, confusion_counts(values >= threshold, ships))


def _validate(scores: npt.ArrayLike, truth: npt.ArrayLike) -> tuple[FloatArray, BoolArray]:
    values, ships = np.asarray(scores, dtype=np.float64), _as_bool(truth, "truth")
    if values.ndim != 1:
        raise BadInputError(f"scores has shape {values.shape}, expected one dimension")
    _check_lengths(len(values), len(ships), "scores")
    if not np.isfinite(values).all():
        where = int(np.flatnonzero(~np.isfinite(values))[0])
        raise BadInputError(f"scores[{where}] is {values[where]}, expected a finite number")
    return values, ships


def _as_bool(values: npt.ArrayLike, name: str) -> BoolArray:
    array = np.asarray(values)
    if array.ndim != 1:
        raise BadInputError(f"{name} has shape {array.shape}, expected one dimension")
    if array.dtype == np.bool_:
        return array
    as_bool: BoolArray = array.astype(np.bool_)
    if not (array == as_bool).all():
        where = int(np.flatnonzero(array != as_bool)[0])
        raise BadInputError(f"{name}[{where}] is {array[where]}, expected a bool, 0 or 1")
    return as_bool


def _check_lengths(scored: int, known: int, name: str) -> None:
    if scored != known:
        raise BadInputError(
            f"{name} has {scored} entries and truth has {known}, expected one of each per tile"
        )
