from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shipseg.bundle.calibration import calibrate
from shipseg.evaluation.evaluate import evaluate
from shipseg.evaluation.results import TileResult


def square(x: int, y: int, side: int) -> np.ndarray:
    columns = np.arange(x, x + side)
    return np.stack([columns * 768 + y, np.full(side, side)], axis=1)


def tile(index: int, *, hit: bool, score: float) -> TileResult:
    """A tile with one ship, found where it is or somewhere else."""
    truth, elsewhere = square(10, 10, 12), square(100, 200, 12)
    return TileResult(
        f"{index}.jpg", (truth,), (truth if hit else elsewhere,), gate_probability=0.9,
        scores=(score,),
    )  # fmt: skip


def test_overconfident_scores_are_brought_down() -> None:
    results = [tile(i, hit=i % 2 == 0, score=0.95) for i in range(60)]
    calibration, scored, before = calibrate(results)
    assert before == pytest.approx(0.45)
    assert calibration is not None
    assert float(calibration(0.95, 144)) == pytest.approx(0.5, abs=0.05)
    report = evaluate(scored, gate_threshold=0.5, resamples=0)
    assert report.scores is not None
    assert report.scores.ece.value is not None
    assert report.scores.ece.value < 0.1
    # Only the scores are others.
    assert [t.predicted for t in scored] == [t.predicted for t in results]


def test_few_ships_are_left_as_they_are() -> None:
    results = [tile(i, hit=True, score=0.8) for i in range(5)]
    calibration, scored, before = calibrate(results)
    assert calibration is None
    assert scored == results
    assert before == pytest.approx(0.2)


def test_areas_are_those_of_the_masks_as_they_were_drawn() -> None:
    drawn = [tile(i, hit=i % 2 == 0, score=0.95) for i in range(60)]
    larger = [
        replace(t, predicted=(np.concatenate([t.predicted[0], [[767 * 768, 600]]]),)) for t in drawn
    ]
    by_drawn, _, _ = calibrate(larger, drawn)
    by_larger, _, _ = calibrate(larger)
    assert by_drawn is not None
    assert by_larger is not None
    assert by_drawn != by_larger


def test_tiles_without_reported_ships() -> None:
    empty = TileResult("a.jpg", (), (), gate_probability=0.1, scores=())
    assert calibrate([empty]) == (None, [empty], None)


def test_what_a_refiner_expects_tells_hits_from_misses() -> None:
    results = [tile(i, hit=i % 2 == 0, score=0.95) for i in range(60)]
    fits = [replace(t, scores=(0.8 if i % 2 == 0 else 0.2,)) for i, t in enumerate(results)]
    calibration, scored, before = calibrate(results, None, fits)
    assert before == pytest.approx(0.45)
    assert calibration is not None
    assert calibration.fit_slope > 1
    assert float(calibration(0.95, 144, 0.8)) > 0.8 > 0.2 > float(calibration(0.95, 144, 0.2))
    # By fits that did not see the tile.
    report = evaluate(scored, gate_threshold=0.5, resamples=0)
    assert report.scores is not None
    # All hits before all misses; half of the ships were not found.
    assert report.scores.average_precision.value == pytest.approx(0.5)
    plain, scored, _ = calibrate(results)
    by_area = evaluate(scored, gate_threshold=0.5, resamples=0)
    assert by_area.scores is not None
    assert by_area.scores.average_precision.value < 0.35
    assert plain is not None
    assert plain.fit_slope == 0
