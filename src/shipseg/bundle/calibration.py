"""Fit a bundle's scores, and what it reports at all, on what it found on validation tiles.

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

LEAST_OBJECTNESS = 0.3
"""Ships below are not reported. On the validation tiles F2 is the same from 0.2 to 0.5; above 0.3
Dice falls, for a ship that is outlined badly is worth more than none."""

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was fitted, and what comes of it.

    Attributes:
        scoring: For detectors; its parts are None where there are too few ships.
        results: Less what is not reported, with scores.
        ece_before: Calibration error of the masks' mean probabilities as scores; None without
            ships.
    """

    scoring: Scoring
    results: list[TileResult]
    ece_before: float | None


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
    calibration, scored, before = _calibrate(results, left)
    return Fitted(Scoring(calibration, objectness), scored, before)


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
) -> tuple[Calibration | None, list[TileResult], float | None]:
    """Fit on whether ships match true ones at IoU above 0.5, and score them."""
    hits = [match_objects(tile.predicted, tile.truth).predicted_hits() for tile in results]
    together = Evidence.of_all([one for ships in evidence for one in ships])
    before = expected_calibration_error(together.mean_probability, _joined(hits))
    calibration, scores = _fit(hits, evidence, gate_counts=False)
    scored = [
        replace(tile, scores=tuple(those.tolist()))
        for tile, those in zip(results, scores, strict=True)
    ]
    return calibration, scored, before


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
