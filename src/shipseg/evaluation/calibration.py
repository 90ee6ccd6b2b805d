"""Does a score of 0.8 mean that eight of ten such ships are real? Measure it, and make it so.

A reported ship is a hit when it matches a true ship at IoU above 0.5; its score ought to be the
probability of that. Pure functions of arrays, without torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.errors import BadInputError
from shipseg.scores import Calibration, features

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

BINS = 10
FOLDS = 5

# Strength of the pull of the slopes towards no change, in ships: a few dozen cannot do much, and
# where all are hits, or none, the fit stays finite.
_PRIOR = 2.0
_MOST_STEPS = 50
_SMALL_STEP = 1e-9


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Ships whose scores lie in one stretch of 0..1.

    Attributes:
        low: The stretch's lower end.
        high: Its upper end.
        ships: How many there are.
        mean_score: Of them; None where there are none.
        hit_share: Share of them that are hits; None where there are none.
    """

    low: float
    high: float
    ships: int
    mean_score: float | None
    hit_share: float | None


def reliability(
    scores: npt.ArrayLike, hits: npt.ArrayLike, *, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Sort ships by score into equal stretches, and compare scores with hits in each.

    Args:
        scores: (n,) in 0..1.
        hits: (n,) bool.
        bins: Number of stretches.

    Raises:
        BadInputError: The arrays are not of one length, or a score is out of range.

    Example:
        >>> [b.hit_share for b in reliability([0.2, 0.9, 0.8], [0, 1, 0], bins=2)]
        [0.0, 0.5]
    """
    values, truth = _checked(scores, hits)
    places = np.minimum((values * bins).astype(np.int64), bins - 1)
    found = []
    for place in range(bins):
        inside = places == place
        count = int(np.count_nonzero(inside))
        found.append(
            ReliabilityBin(
                place / bins,
                (place + 1) / bins,
                count,
                float(values[inside].mean()) if count else None,
                float(truth[inside].mean()) if count else None,
            )
        )
    return tuple(found)


def expected_calibration_error(
    scores: npt.ArrayLike, hits: npt.ArrayLike, *, bins: int = BINS
) -> float | None:
    """Return the mean gap between score and share of hits, over bins weighted by their ships.

    ECE = Σ_b n_b / n |mean score_b − hit share_b| (Naeini et al., 2015), with equal stretches.

    Args:
        scores: (n,) in 0..1.
        hits: (n,) bool.
        bins: Number of stretches.

    Returns:
        0..1; None without ships.

    Raises:
        BadInputError: The arrays are not of one length, or a score is out of range.

    Example:
        >>> expected_calibration_error([0.75, 0.75, 0.75, 0.75], [1, 1, 1, 0])
        0.0
    """
    rows = reliability(scores, hits, bins=bins)
    total = sum(row.ships for row in rows)
    if not total:
        return None
    return sum(
        row.ships * abs(row.mean_score - row.hit_share)
        for row in rows
        if row.mean_score is not None and row.hit_share is not None
    ) / total  # fmt: skip


def fit_calibration(
    mean_probabilities: npt.ArrayLike,
    areas_px: npt.ArrayLike,
    hits: npt.ArrayLike,
    fits: npt.ArrayLike | None = None,
) -> Calibration | None:
    """Fit the probability of a hit by logistic regression on confidence and size.

    Platt, 1999, with the area beside the confidence: at equal confidence a small ship's outline is
    less often right. The slopes are drawn towards 1 and 0, so that few ships change little.

    Args:
        mean_probabilities: (n,) in 0..1, of the mask's pixels.
        areas_px: (n,) above 0.
        hits: (n,) bool.
        fits: (n,) in 0..1, the IoU that a refiner expects of each; None without a refiner.

    Returns:
        The calibration; None where there are fewer than ten ships.

    Raises:
        BadInputError: The arrays are not of one length, or a value is out of range.
    """
    values, truth = _checked(mean_probabilities, hits)
    sizes = np.asarray(areas_px, dtype=np.float64)
    if sizes.shape != values.shape or not (sizes > 0).all():
        raise BadInputError(
            f"areas_px has shape {sizes.shape}, expected {values.shape} numbers above 0"
        )
    expected_iou = None if fits is None else _checked(fits, hits)[0]
    if len(values) < 10:
        return None
    columns = np.column_stack([np.ones(len(values)), features(values, sizes, expected_iou)])
    # Without fits their column is 0, and so stays its slope.
    prior, pull = np.array([0.0, 1.0, 0.0, 0.0]), np.array([1e-3, _PRIOR, _PRIOR, _PRIOR])
    weights = prior.copy()
    for _ in range(_MOST_STEPS):
        expected = 1 / (1 + np.exp(-np.clip(columns @ weights, -50, 50)))
        gradient = columns.T @ (truth - expected) - pull * (weights - prior)
        curvature = (columns * (expected * (1 - expected))[:, None]).T @ columns + np.diag(pull)
        step = np.linalg.solve(curvature, gradient)
        # Damped: far from the top a full Newton step may leave it again.
        weights += step * min(1.0, 2.0 / max(1e-12, float(np.abs(step).max())))
        if float(np.abs(step).max()) < _SMALL_STEP:
            break
    return Calibration(*(round(float(weight), 6) for weight in weights))


def cross_fitted(
    mean_probabilities: npt.ArrayLike,
    areas_px: npt.ArrayLike,
    hits: npt.ArrayLike,
    groups: npt.ArrayLike,
    fits: npt.ArrayLike | None = None,
    *,
    folds: int = FOLDS,
) -> FloatArray:
    """Score each ship by a calibration that did not see its group.

    Args:
        mean_probabilities: (n,) in 0..1.
        areas_px: (n,) above 0.
        hits: (n,) bool.
        groups: (n,) whole numbers; ships of one tile, or one acquisition, share theirs.
        fits: (n,) in 0..1, the IoU that a refiner expects of each; None without a refiner.
        folds: Into how many parts the groups are dealt.

    Returns:
        (n,) scores; the mean probability where a fold leaves too few ships to fit.
    """
    values, truth = _checked(mean_probabilities, hits)
    sizes = np.asarray(areas_px, dtype=np.float64)
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    fold_of, scores = numbers % folds, values.copy()
    expected_iou = np.full(len(values), 0.5) if fits is None else _checked(fits, hits)[0]
    for fold in range(folds):
        inside = fold_of == fold
        fitted = fit_calibration(
            values[~inside], sizes[~inside], truth[~inside], expected_iou[~inside]
        )
        if fitted is not None and inside.any():
            scores[inside] = fitted(values[inside], sizes[inside], expected_iou[inside])
    return scores


def average_precision(scores: npt.ArrayLike, hits: npt.ArrayLike, truths: int) -> float | None:
    """Return the area under the precision-recall curve of reported ships, by falling score.

    AP = Σ_k (R_k − R_{k−1}) P_k over the ships in falling order of score; ships of equal score
    count together.

    Args:
        scores: (n,) in 0..1.
        hits: (n,) bool: matches a true ship, each true ship matched once.
        truths: Number of true ships.

    Returns:
        0..1; None without true ships.

    Example:
        >>> average_precision([0.9, 0.8, 0.7], [1, 0, 1], truths=2)
        0.8333333333333333
    """
    recall, precision = precision_recall(scores, hits, truths)
    if not truths:
        return None
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def precision_recall(
    scores: npt.ArrayLike, hits: npt.ArrayLike, truths: int
) -> tuple[FloatArray, FloatArray]:
    """Return recall and precision when ships are reported down to each score that occurs.

    Args:
        scores: (n,) in 0..1.
        hits: (n,) bool.
        truths: Number of true ships.

    Returns:
        (k,) recalls, rising, and (k,) precisions; k is the number of different scores.
    """
    values, truth = _checked(scores, hits)
    order = np.argsort(-values, kind="stable")
    last = np.flatnonzero(np.diff(values[order], append=-1.0))
    found = np.cumsum(truth[order])[last]
    return found / max(truths, 1), found / (last + 1.0)


def _checked(scores: npt.ArrayLike, hits: npt.ArrayLike) -> tuple[FloatArray, BoolArray]:
    values = np.asarray(scores, dtype=np.float64)
    truth = np.asarray(hits, dtype=np.bool_)
    if values.ndim != 1 or values.shape != truth.shape:
        raise BadInputError(
            f"scores have shape {values.shape} and hits {truth.shape}, expected one hit per score"
        )
    # Written so that NaN fails as well.
    if not ((values >= 0) & (values <= 1)).all():
        raise BadInputError("a score is out of range, expected numbers in 0..1")
    return values, truth
