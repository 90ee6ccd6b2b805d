"""Calibrate a bundle's scores on what its detector found on validation tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from shipseg.evaluation.calibration import (
    cross_fitted,
    expected_calibration_error,
    fit_calibration,
)
from shipseg.evaluation.matching import match_objects
from shipseg.evaluation.results import TileResult
from shipseg.rle import area
from shipseg.scores import Calibration


def calibrate(
    results: Sequence[TileResult],
    drawn: Sequence[TileResult] | None = None,
    fits: Sequence[TileResult] | None = None,
) -> tuple[Calibration | None, list[TileResult], float | None]:
    """Fit a calibration, and score each tile's ships by one that did not see the tile.

    So the figures that go with the bundle do not flatter the fit.

    Args:
        results: Of tiles; their scores are the masks' mean probabilities.
        drawn: The same with the masks as the segmenter drew them, where they were straightened: a
            detector calibrates by their areas. None takes `results`.
        fits: The same with scores that are the IoU that the refiner expects; None without one.

    Returns:
        The calibration of all tiles, None where there are too few ships; the results with
        cross-fitted scores; and the calibration error of the scores as they were.
    """
    found = [match_objects(tile.predicted, tile.truth).predicted_hits() for tile in results]
    hits = np.concatenate([*found, np.zeros(0, np.bool_)])
    means = np.array([score for tile in results for score in tile.scores or ()])
    masks = [runs for tile in drawn or results for runs in tile.predicted]
    areas = np.array([area(runs) for runs in masks], np.float64)
    tiles = np.repeat(np.arange(len(results)), [len(tile.predicted) for tile in results])
    before = expected_calibration_error(means, hits)
    expected = None if fits is None else [fit for tile in fits for fit in tile.scores or ()]
    calibration = fit_calibration(means, areas, hits, expected)
    if calibration is None:
        return None, list(results), before
    scores = cross_fitted(means, areas, hits, tiles, expected)
    scored = [
        replace(tile, scores=tuple(scores[tiles == index].tolist()))
        for index, tile in enumerate(results)
    ]
    return calibration, scored, before
