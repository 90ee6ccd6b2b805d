from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.errors import BadInputError, UsageError
from shipseg.evaluation import estimates
from shipseg.evaluation.estimates import Estimate, bootstrap_interval, estimate_ratios

from .reference import quick


def slow_interval(values, denominators, *, confidence, resamples, seed):
    """One resample at a time, by index instead of by count."""
    rng = np.random.default_rng(seed)
    ratios = []
    for _ in range(resamples):
        drawn = [int(i) for i in rng.integers(len(values), size=len(values))]
        bottom = sum(denominators[i] for i in drawn)
        if bottom > 0:
            ratios.append(sum(values[i] for i in drawn) / bottom)
    if not ratios:
        return None
    tail = (1 - confidence) / 2
    return tuple(np.quantile(ratios, [tail, 1 - tail]))


@quick
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3)), min_size=1, max_size=20),
    st.sampled_from([0.5, 0.9, 0.95]),
    st.integers(0, 5),
)
def test_interval_is_the_slow_interval(pairs, confidence, seed):
    values = [value * n for value, n in pairs]
    counts = [n for _, n in pairs]
    options = {"confidence": confidence, "resamples": 40, "seed": seed}
    ours = bootstrap_interval(values, counts, **options)
    theirs = slow_interval(values, counts, **options)
    assert ours == (None if theirs is None else pytest.approx(theirs, abs=1e-12))


def test_blocks_do_not_change_the_draws(monkeypatch):
    values = np.random.default_rng(0).random(101)
    whole = bootstrap_interval(values)
    assert bootstrap_interval(values) == whole
    assert bootstrap_interval(values, seed=1) != whole
    monkeypatch.setattr(estimates, "_BLOCK_NUMBERS", 7 * 101)
    assert bootstrap_interval(values) == whole


def test_interval_of_a_mean_has_the_width_of_theory():
    values = np.random.default_rng(1).normal(0.5, 0.2, size=400)
    low, high = bootstrap_interval(values)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.003)
    assert (high - low) / 2 == pytest.approx(half, rel=0.08)


def test_undefined_figures_have_no_interval():
    found = estimate_ratios({"a": ([0, 0], [0, 0]), "b": ([1, 0], [1, 1])}, resamples=50)
    assert found["a"] == Estimate(None)
    assert found["b"].value == 0.5
    assert bootstrap_interval([]) is None
    assert estimate_ratios({}) == {}
    assert estimate_ratios({"a": ([1], [2])}, resamples=0) == {"a": Estimate(0.5)}


@pytest.mark.parametrize(
    ("values", "options", "error", "said"),
    [
        ([0.1, np.inf], {}, BadInputError, r"values\[1\] is inf"),
        ([[0.1]], {}, BadInputError, r"shape \(1, 1\)"),
        ([0.1, 0.2], {"denominators": [1]}, BadInputError, r"\[1, 2\] entries"),
        ([0.1], {"confidence": 95}, UsageError, "confidence is 95"),
        ([0.1], {"resamples": -1}, UsageError, "resamples is -1"),
    ],
)
def test_bad_input_is_refused(values, options, error, said):
    with pytest.raises(error, match=said):
        bootstrap_interval(values, **options)
