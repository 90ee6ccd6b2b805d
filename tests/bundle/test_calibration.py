from __future__ import annotations

import numpy as np
import pytest

from shipseg.bundle.calibration import LEAST_OBJECTNESS, ece_of_means, fit_scoring
from shipseg.evaluation.evaluate import evaluate
from shipseg.evaluation.results import TileResult
from shipseg.scores import Evidence


def square(x: int, y: int, side: int) -> np.ndarray:
    columns = np.arange(x, x + side)
    return np.stack([columns * 768 + y, np.full(side, side)], axis=1)


def tile(index: int, *, hit: bool) -> TileResult:
    """A tile with one ship, outlined well or badly."""
    truth, loose = square(10, 10, 12), square(14, 14, 12)
    predicted = truth if hit else loose
    return TileResult(f"{index}.jpg", (truth,), (predicted,), gate_probability=0.9)


def of_each(count: int, **evidence: float) -> list[tuple[Evidence, ...]]:
    return [
        (Evidence(**{"mean_probability": 0.95, "area_px": 144, "cell": 0.5} | evidence),)
    ] * count


def test_overconfident_scores_are_brought_down() -> None:
    results = [tile(i, hit=i % 2 == 0) for i in range(60)]
    fitted = fit_scoring(results, of_each(60))
    assert ece_of_means(fitted.results, fitted.evidence) == pytest.approx(0.45)
    assert fitted.scoring(Evidence(0.95, 144, None, 0.5)) == pytest.approx(0.5, abs=0.05)
    report = evaluate(fitted.results, gate_threshold=0.5, resamples=0)
    assert report.scores is not None
    assert report.scores.ece.value is not None
    assert report.scores.ece.value < 0.1
    # Only the scores are others: all of them lie on ships.
    assert [t.predicted for t in fitted.results] == [t.predicted for t in results]


def test_few_ships_are_left_as_they_are() -> None:
    results = [tile(i, hit=True) for i in range(5)]
    fitted = fit_scoring(results, of_each(5, mean_probability=0.8))
    assert fitted.scoring.calibration is None
    assert fitted.scoring.objectness is None
    assert [t.scores for t in fitted.results] == [(0.8,)] * 5
    assert ece_of_means(fitted.results, fitted.evidence) == pytest.approx(0.2)


def test_tiles_without_reported_ships() -> None:
    empty = TileResult("a.jpg", (), (), gate_probability=0.1)
    fitted = fit_scoring([empty], [()])
    assert fitted.scoring.calibration is None
    assert [t.scores for t in fitted.results] == [()]
    assert ece_of_means(fitted.results, fitted.evidence) is None


def test_what_a_refiner_expects_tells_hits_from_misses() -> None:
    results = [tile(i, hit=i % 2 == 0) for i in range(60)]
    evidence = [of_each(1, fit=0.8 if i % 2 == 0 else 0.2)[0] for i in range(60)]
    fitted = fit_scoring(results, evidence)
    assert ece_of_means(fitted.results, fitted.evidence) == pytest.approx(0.45)
    assert fitted.scoring.calibration is not None
    assert fitted.scoring.calibration.fit_slope > 1
    # The gate tells where ships are, and not how well they are outlined.
    assert fitted.scoring.calibration.cell_slope == 0
    good, bad = (fitted.scoring(Evidence(0.95, 144, fit, 0.5)) for fit in (0.8, 0.2))
    assert good is not None
    assert bad is not None
    assert good > 0.8 > 0.2 > bad
    # By fits that did not see the tile.
    report = evaluate(fitted.results, gate_threshold=0.5, resamples=0)
    assert report.scores is not None
    # All hits before all misses; half of the ships were not found.
    assert report.scores.average_precision.value == pytest.approx(0.5)
    plain = fit_scoring(results, of_each(60))
    by_area = evaluate(plain.results, gate_threshold=0.5, resamples=0)
    assert by_area.scores is not None
    assert by_area.scores.average_precision.value < 0.35
    assert plain.scoring.calibration is not None
    assert plain.scoring.calibration.fit_slope == 0


def test_what_the_gate_doubts_is_not_reported() -> None:
    # Every third tile has a ship reported far off, where the gate is cold.
    results, evidence = [], []
    for i in range(60):
        found = tile(i, hit=i % 2 == 0)
        false = () if i % 3 else (square(300, 400, 12),)
        results.append(
            TileResult(found.image_id, found.truth, found.predicted + false, gate_probability=0.9)
        )
        cold = [Evidence(0.95, 144, None, 0.001)] * len(false)
        evidence.append((*of_each(1)[0], *cold))
    fitted = fit_scoring(results, evidence)
    objectness = fitted.scoring.objectness
    assert objectness is not None
    assert objectness.least == LEAST_OBJECTNESS
    assert objectness.calibration.cell_slope > 0.2
    # What is outlined badly is still a ship.
    assert [len(t.predicted) for t in fitted.results] == [1] * 60
    assert [len(ships) for ships in fitted.evidence] == [1] * 60
    assert fitted.scoring(Evidence(0.95, 144, None, 0.001)) is None
    assert fitted.scoring(Evidence(0.95, 144, None, 0.5)) is not None
    # Where the gate was not to be asked, it has no say.
    assert fitted.scoring(Evidence(0.95, 144)) is not None
