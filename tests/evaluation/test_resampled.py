"""Intervals of figures that are no ratio of sums, against those that are one, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shipseg.evaluation.classification import roc_auc
from shipseg.evaluation.estimates import Estimate, bootstrap_interval
from shipseg.evaluation.resampled import estimate_statistics


def test_a_mean_gets_the_interval_of_the_ratio() -> None:
    values = np.random.default_rng(3).random(60)
    found = estimate_statistics({"mean": lambda i: float(values[i].mean())}, 60, seed=1)["mean"]
    low, high = bootstrap_interval(values, seed=2)
    assert found.value == values.mean()
    # Other draws: the ends agree to a few hundredths of the interval's width.
    assert found.low == pytest.approx(low, abs=0.1 * (high - low))
    assert found.high == pytest.approx(high, abs=0.1 * (high - low))


def test_an_auc_s_interval_covers_as_often_as_it_says() -> None:
    """Ship tiles score N(1, 1), empty ones N(0, 1): the AUC is Phi(1 / sqrt 2) = 0.760."""
    rng, covered = np.random.default_rng(0), 0
    ships = np.arange(80) < 30
    for seed in range(60):
        scores = rng.normal(size=80) + ships
        found = estimate_statistics(
            {"auc": lambda i, s=scores: roc_auc(s[i], ships[i])}, 80, resamples=200, seed=seed
        )["auc"]
        covered += found.low <= 0.7602 <= found.high
    assert 50 <= covered < 60


def test_undefined_draws_are_left_out() -> None:
    def first(tiles):
        return 5.0 if 0 in tiles else None

    assert estimate_statistics({"a": first}, 3, resamples=50) == {"a": Estimate(5.0, 5.0, 5.0)}
    assert estimate_statistics({"a": lambda _: None}, 3) == {"a": Estimate(None)}


def test_the_same_seed_gives_the_same_and_no_draws_no_interval() -> None:
    values = np.arange(20.0)
    statistics = {"median": lambda i: float(np.median(values[i]))}
    one = estimate_statistics(statistics, 20, resamples=100, seed=5)
    assert one == estimate_statistics(statistics, 20, resamples=100, seed=5)
    assert one != estimate_statistics(statistics, 20, resamples=100, seed=6)
    assert estimate_statistics(statistics, 20, resamples=0) == {"median": Estimate(9.5)}


def test_a_figure_that_chance_makes_larger_keeps_its_place() -> None:
    """|mean| of noise around 0: every draw's is larger, by about the factor of root two."""
    values = np.random.default_rng(4).normal(size=50)
    values -= values.mean() - 0.01
    statistics = {"gap": lambda i: abs(float(values[i].mean()))}
    plain = estimate_statistics(statistics, 50)["gap"]
    moved = estimate_statistics(statistics, 50, centred=["gap"])["gap"]
    assert moved.value == plain.value == pytest.approx(0.01)
    assert moved.low == 0.0 < moved.value < moved.high < plain.high
