"""Fit a bundle's scores, and what it reports at all, on what it found on tiles with truth.

Every figure that goes with the bundle comes from fits that did not see the tile, so that they do
not flatter themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shipseg.evaluation.calibration import (
    cross_fitted,
    expected_calibration_error,
    fit_calibration,
)
from shipseg.evaluation.matching import match_objects
from shipseg.evaluation.mistakes import touching
from shipseg.evaluation.results import TileResult
from shipseg.scores import Calibration, Evidence, Objectness, Scoring

LEAST_OBJECTNESS = 0.5
"""Ships below are not reported: there is rather none. On the 404 tiles with ships that the bundled
model is fitted on, F2, Dice and the gain over predicting nothing are higher than at 0.3 and 0.4;
one ship in a hundred less is found."""

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was fitted, and what comes of it.

    Attributes:
        scoring: For detectors; its parts are None where there are too few ships.
        results: Less what is not reported, with scores.
        evidence: Of each tile, of each of the ships that are left.
    """

    scoring: Scoring
    results: list[TileResult]
    evidence: list[list[Evidence]]


def fit_scoring(results: Sequence[TileResult], evidence: Sequence[Sequence[Evidence]]) -> Fitted:
    """Fit what tells ships from others, and then the scores of those that are left.

    Args:
        results: Of tiles, of all that was found.
        evidence: Of each tile, of each of its ships in the same order; of all the gate was asked.
    """
    objectness, kept = _fit_objectness(results, evidence)
    results = [_kept(tile, those) for tile, those in zip(results, kept, strict=True)]
    left = [
        [one for one, keep in zip(ships, those, strict=True) if keep]
        for ships, those in zip(evidence, kept, strict=True)
    ]
    calibration, scored = _calibrate(results, left)
    return Fitted(Scoring(calibration, objectness), scored, left)


def ece_of_means(
    results: Sequence[TileResult], evidence: Sequence[Sequence[Evidence]]
) -> float | None:
    """Return the calibration error of the masks' mean probabilities as scores.

    Args:
        results: Of tiles.
        evidence: Of each tile, of each of its ships in the same order.

    Returns:
        0..1; None without ships.
    """
    together = Evidence.of_all([one for ships in evidence for one in ships])
    return expected_calibration_error(together.mean_probability, _joined(_hits(results)))


def _fit_objectness(
    results: Sequence[TileResult], evidence: Sequence[Sequence[Evidence]]
) -> tuple[Objectness | None, list[BoolArray]]:
    """Fit on whether ships lie on true ones, and tell which are reported."""
    known = [touching(tile.predicted, tile.truth) for tile in results]
    calibration, probabilities = _fit(known, evidence, gate_counts=True)
    if calibration is None:
        return None, [np.ones(len(tile.predicted), np.bool_) for tile in results]
    kept = [those >= LEAST_OBJECTNESS for those in probabilities]
    return Objectness(calibration, LEAST_OBJECTNESS), kept


def _calibrate(
    results: Sequence[TileResult], evidence: Sequence[Sequence[Evidence]]
) -> tuple[Calibration | None, list[TileResult]]:
    """Fit on whether ships match true ones at IoU above 0.5, and score them."""
    calibration, scores = _fit(_hits(results), evidence, gate_counts=False)
    scored = [
        replace(tile, scores=tuple(those.tolist()))
        for tile, those in zip(results, scores, strict=True)
    ]
    return calibration, scored


def _hits(results: Sequence[TileResult]) -> list[BoolArray]:
    return [match_objects(tile.predicted, tile.truth).predicted_hits() for tile in results]


def _fit(
    known: Sequence[BoolArray], evidence: Sequence[Sequence[Evidence]], *, gate_counts: bool
) -> tuple[Calibration | None, list[npt.NDArray[np.float64]]]:
    """Fit on all tiles; the probabilities of each tile's ships are of a fit without it."""
    together = Evidence.of_all([one for ships in evidence for one in ships])
    if not gate_counts:
        together = replace(together, cell=None)
    counts = [len(ships) for ships in evidence]
    truth, tiles = _joined(known), np.repeat(np.arange(len(counts)), counts)
    calibration = fit_calibration(together, truth)
    scores = cross_fitted(together, truth, tiles)
    return calibration, np.split(scores, np.cumsum(counts)[:-1])


def _joined(known: Sequence[BoolArray]) -> BoolArray:
    return np.concatenate([*known, np.zeros(0, np.bool_)])


def _kept(tile: TileResult, those: BoolArray) -> TileResult:
    kept = tuple(runs for runs, keep in zip(tile.predicted, those, strict=True) if keep)
    return replace(tile, predicted=kept, scores=None)
