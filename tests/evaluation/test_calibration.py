from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from shipseg.errors import BadInputError
from shipseg.evaluation.calibration import (
    average_precision,
    cross_fitted,
    expected_calibration_error,
    fit_calibration,
    precision_recall,
    reliability,
)
from shipseg.scores import Calibration, Evidence

from .reference import quick

SHIPS = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40)


def columns(ships: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([s / 20 for s, _ in ships]), np.array([hit for _, hit in ships])


def drawn(count: int, seed: int, truth: Calibration) -> tuple[Evidence, np.ndarray]:
    """What speaks for ships, and hits as a known calibration has them."""
    rng = np.random.default_rng(seed)
    evidence = Evidence(
        rng.uniform(0.5, 0.999, count), np.exp(rng.uniform(3, 9, count)),
        rng.uniform(0.05, 0.95, count), rng.uniform(0.001, 0.9, count),
    )  # fmt: skip
    return evidence, rng.random(count) < truth(evidence)


@quick
@given(SHIPS)
def test_average_precision_is_scikit_learn_s_where_all_truths_are_reported(ships) -> None:
    scores, hits = columns(ships)
    if hits.any():
        expected = average_precision_score(hits, scores)
        assert average_precision(scores, hits, int(hits.sum())) == pytest.approx(expected)


@quick
@given(SHIPS, st.integers(0, 9))
def test_recall_and_precision_by_counting(ships, missed: int) -> None:
    scores, hits = columns(ships)
    truths = int(hits.sum()) + missed
    recall, precision = precision_recall(scores, hits, truths)
    for level, r, p in zip(sorted(set(scores), reverse=True), recall, precision, strict=True):
        reported = scores >= level
        assert p == pytest.approx(hits[reported].mean())
        assert r == pytest.approx(hits[reported].sum() / max(truths, 1))


@quick
@given(SHIPS)
def test_the_calibration_error_by_loops(ships) -> None:
    scores, hits = columns(ships)
    error = 0.0
    for place in range(10):
        inside = [
            (s, h)
            for s, h in zip(scores, hits, strict=True)
            if place <= s * 10 < place + 1 or (place == 9 and s == 1)
        ]
        if inside:
            gap = np.mean([s for s, _ in inside]) - np.mean([h for _, h in inside])
            error += len(inside) / len(scores) * abs(gap)
    assert expected_calibration_error(scores, hits) == pytest.approx(error)
    assert sum(row.ships for row in reliability(scores, hits)) == len(scores)


def test_a_known_calibration_is_found() -> None:
    truth = Calibration(-0.5, 0.7, 0.4, 0.8, 0.3)
    fitted = fit_calibration(*drawn(20_000, 0, truth))
    assert fitted is not None
    for name in ("intercept", "slope", "area_slope", "fit_slope", "cell_slope"):
        assert getattr(fitted, name) == pytest.approx(getattr(truth, name), abs=0.08)


def test_calibrated_scores_are_probabilities_on_other_ships() -> None:
    truth = Calibration(-1.0, 0.5, 0.3)
    fitted = fit_calibration(*drawn(400, 1, truth))
    assert fitted is not None
    evidence, hits = drawn(20_000, 2, truth)
    before = expected_calibration_error(evidence.mean_probability, hits)
    after = expected_calibration_error(fitted(evidence), hits)
    assert before is not None
    assert after is not None
    assert after < 0.06 < 0.2 < before


def test_cross_fitted_scores_do_not_know_their_own_group() -> None:
    evidence, hits = drawn(60, 3, Calibration(-1.0, 0.5, 0.3))
    groups = np.repeat(np.arange(20), 3)
    scores = cross_fitted(evidence, hits, groups)
    # Another truth of one fold's groups changes the others' scores, and not their own.
    flipped = np.where(groups % 5 == 2, ~hits, hits)
    again = cross_fitted(evidence, flipped, groups)
    np.testing.assert_array_equal(scores[groups % 5 == 2], again[groups % 5 == 2])
    assert (scores[groups % 5 != 2] != again[groups % 5 != 2]).all()


@pytest.mark.parametrize("hit", [True, False])
def test_where_all_agree_the_fit_stays_finite(hit: bool) -> None:
    evidence, _ = drawn(30, 4, Calibration(0, 1, 0))
    fitted = fit_calibration(evidence, np.full(30, hit))
    assert fitted is not None
    scores = fitted(evidence)
    assert np.isfinite(scores).all()
    assert (scores.mean() > 0.8) == hit


def test_few_ships_are_not_fitted() -> None:
    assert fit_calibration(*drawn(9, 5, Calibration(0, 1, 0))) is None
    assert expected_calibration_error([], []) is None
    assert average_precision([], [], 0) is None


@pytest.mark.parametrize(
    ("scores", "hits"), [([0.5], [1, 0]), ([1.5], [1]), ([float("nan")], [0]), ([[0.5]], [[1]])]
)
def test_what_is_no_score_is_refused(scores, hits) -> None:
    with pytest.raises(BadInputError):
        expected_calibration_error(scores, hits)


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence([0.5], [0.0]), Evidence([0.5], [9.0, 9.0]), Evidence([1.5], [9.0]),
        Evidence([0.5], [9.0], fit=[1.5]), Evidence([0.5], [9.0], cell=[float("nan")]),
    ],
)  # fmt: skip
def test_what_is_no_evidence_is_refused(evidence: Evidence) -> None:
    with pytest.raises(BadInputError):
        fit_calibration(evidence, [1])
