"""The figures of ships' scores among those of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.evaluation.calibration import (
    average_precision,
    expected_calibration_error,
    precision_recall,
    reliability,
)
from shipseg.evaluation.classification import IntArray
from shipseg.evaluation.estimates import Estimate
from shipseg.evaluation.matching import Matching
from shipseg.evaluation.resampled import Statistic
from shipseg.evaluation.results import ScoreReport, TileResult


def score_statistics(
    results: tuple[TileResult, ...], matchings: tuple[Matching, ...]
) -> dict[str, Statistic]:
    """Give the figures that are no ratio of sums, as functions of tiles."""
    if results[0].scores is None:
        return {}
    scores = [np.asarray(tile.scores, dtype=np.float64) for tile in results]
    hits = [matching.predicted_hits() for matching in matchings]
    truths = np.array([matching.truth_count for matching in matchings])

    def ece(tiles: IntArray) -> float | None:
        return expected_calibration_error(_joined(scores, tiles), _joined(hits, tiles))

    def precision(tiles: IntArray) -> float | None:
        total = int(truths[tiles].sum())
        return average_precision(_joined(scores, tiles), _joined(hits, tiles), total)

    return {"scores.ece": ece, "scores.average_precision": precision}


def _joined(columns: Sequence[npt.NDArray[Any]], tiles: IntArray) -> npt.NDArray[Any]:
    return np.concatenate([columns[tile] for tile in tiles])


def score_report(
    results: tuple[TileResult, ...],
    matchings: tuple[Matching, ...],
    estimates: Mapping[str, Estimate],
) -> ScoreReport | None:
    """Put the report together; None where the ships have no scores."""
    if results[0].scores is None:
        return None
    scores = np.concatenate([np.asarray(tile.scores, dtype=np.float64) for tile in results])
    hits = np.concatenate([matching.predicted_hits() for matching in matchings])
    truths = sum(matching.truth_count for matching in matchings)
    recall, precision = precision_recall(scores, hits, truths)
    return ScoreReport(
        average_precision=estimates["scores.average_precision"],
        ece=estimates["scores.ece"],
        reliability=reliability(scores, hits),
        recall=tuple(recall.tolist()),
        precision=tuple(precision.tolist()),
    )
