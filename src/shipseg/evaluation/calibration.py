"""Does a score of 0.8 mean that eight of ten such ships are real? Measure it, and make it so.

A reported ship is a hit when it matches a true ship at IoU above 0.5; its score ought to be the
probability of that. Pure functions of arrays, without torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from shipseg.errors import BadInputError
from shipseg.scores import Calibration, Evidence

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

BINS = 10
FOLDS = 5

# Strength of the pull of the slopes towards no change, in ships: a few dozen cannot do much, and
# where all are hits, or none, the fit stays finite.
_PRIOR = 2.0


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


def fit_calibration(evidence: Evidence, truth: npt.ArrayLike) -> Calibration | None:
    """Fit the probability that something is true of a ship by logistic regression on the evidence.

    Platt, 1999, with size and other witnesses beside the confidence: at equal confidence a small
    ship's outline is less often right. The slopes are drawn towards 1 and 0, so that few ships
    change little.

    Args:
        evidence: Of n ships, in arrays of (n,).
        truth: (n,) bool: of each whether it is a hit, or whatever is to be told.

    Returns:
        The calibration, rounded to six digits; None where there are fewer than ten ships.

    Raises:
        BadInputError: The arrays are not of one length, or a value is out of range.
    """
    known = _checked_evidence(evidence, truth)
    if len(known) < 10:
        return None
    columns = np.column_stack([np.ones(len(known)), evidence.features()])
    # What nobody said of any ship is a column of 0, and so stays its slope.
    prior, pull = np.array([0.0, 1.0, 0.0, 0.0, 0.0]), np.array([1e-3, *[_PRIOR] * 4])

    def loss(weights: FloatArray) -> float:
        odds, off = columns @ weights, weights - prior
        return float((np.logaddexp(0, odds) - known * odds).sum() + pull @ off**2 / 2)

    def slope(weights: FloatArray) -> FloatArray:
        off = columns.T @ (expit(columns @ weights) - known)
        gradient: FloatArray = off + pull * (weights - prior)
        return gradient

    def curvature(weights: FloatArray) -> FloatArray:
        expected = expit(columns @ weights)
        spread = expected * (1 - expected)
        bent: FloatArray = (columns * spread[:, None]).T @ columns + np.diag(pull)
        return bent

    # The loss is convex, and a trust region does not leave its bottom again where the log-odds
    # saturate, as plain Newton steps do.
    weights = minimize(loss, prior, method="trust-exact", jac=slope, hess=curvature).x
    # No -0.0.
    return Calibration(*(round(float(weight), 6) + 0.0 for weight in weights))


def cross_fitted(
    evidence: Evidence, truth: npt.ArrayLike, groups: npt.ArrayLike, *, folds: int = FOLDS
) -> FloatArray:
    """Score each ship by a calibration that did not see its group.

    Args:
        evidence: Of n ships, in arrays of (n,).
        truth: (n,) bool, as `fit_calibration` takes it.
        groups: (n,) whole numbers; ships of one tile, or one acquisition, share theirs.
        folds: Into how many parts the groups are dealt.

    Returns:
        (n,) probabilities; the mean probability where a fold leaves too few ships to fit.

    Raises:
        BadInputError: As `fit_calibration`.
    """
    known = _checked_evidence(evidence, truth)
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    fold_of, scores = numbers % folds, np.array(evidence.mean_probability, np.float64)
    for fold in range(folds):
        inside = fold_of == fold
        fitted = fit_calibration(_part_of(evidence, ~inside), known[~inside])
        if fitted is not None and inside.any():
            scores[inside] = fitted(_part_of(evidence, inside))
    return scores


def _part_of(evidence: Evidence, chosen: BoolArray) -> Evidence:
    def of(values: npt.ArrayLike) -> FloatArray:
        return np.asarray(values, np.float64)[chosen]

    fit, cell = (None if one is None else of(one) for one in (evidence.fit, evidence.cell))
    return Evidence(of(evidence.mean_probability), of(evidence.area_px), fit, cell)


def _checked_evidence(evidence: Evidence, truth: npt.ArrayLike) -> BoolArray:
    _, known = _checked(evidence.mean_probability, truth)
    for share in (evidence.fit, evidence.cell):
        if share is not None:
            _checked(share, truth)
    sizes = np.asarray(evidence.area_px, dtype=np.float64)
    if sizes.shape != known.shape or not (sizes > 0).all():
        raise BadInputError(
            f"area_px has shape {sizes.shape}, expected {known.shape} numbers above 0"
        )
    return known


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
