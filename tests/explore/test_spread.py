from __future__ import annotations

import doctest
import json
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.explore import axes, charts, faults, spread
from shipseg.explore.spread import (
    linear_histogram,
    log_histogram,
    plain,
    round_step,
    summarise,
    tailed_histogram,
)

POSITIVE = st.lists(st.floats(1e-3, 1e6), max_size=40).map(np.array)
KINDS = [linear_histogram, log_histogram, tailed_histogram]


@pytest.mark.parametrize("module", [axes, charts, faults, spread])
def test_doctests(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize("kind", KINDS)
@given(values=POSITIVE)
def test_every_value_is_in_one_bin(kind, values: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    histogram = kind(values)
    assert sum(histogram.counts) == len(values)
    assert len(histogram.edges) == len(histogram.counts) + 1
    assert np.all(np.diff(histogram.edges) > 0)
    assert np.isfinite(histogram.edges).all()


def test_values_just_below_a_power_of_ten_have_a_bin() -> None:
    just_below = np.nextafter([0.01, 1.0, 1000.0], 0)
    assert log_histogram(just_below).counts[0] == 1
    assert all(sum(log_histogram(just_below[i : i + 1]).counts) == 1 for i in range(3))


@given(st.floats(1e-9, 1e9))
def test_round_steps_are_near_and_never_below(least: float) -> None:
    step = round_step(least)
    assert least * (1 - 1e-8) <= step <= 2.5 * least
    assert f"{step:.1e}"[:3] in ("1.0", "2.0", "2.5", "5.0")


def test_the_tail_is_one_wide_bin() -> None:
    histogram = tailed_histogram(np.append(np.linspace(1, 100, 500), [900.0, 5000.0]))
    assert histogram.tail
    assert histogram.edges[-1] == 5000
    assert histogram.edges[-2] <= 105
    # The two, and a value of the hundred that is over the last edge.
    assert histogram.counts[-1] in (2, 3)
    assert sum(histogram.counts[:-1]) >= 499
    assert not tailed_histogram(np.linspace(1, 100, 500)).tail


def test_a_summary_of_nothing_has_no_numbers() -> None:
    assert summarise(np.zeros(0)).median is None
    assert summarise(np.array([1, 2, 6])).mean == 3
    assert summarise(np.array([1, 2, 6])).median == 2


def test_plain_values_go_into_json() -> None:
    text = json.dumps(plain({"a": summarise(np.array([1 / 3])), "b": (1, None)}))
    assert json.loads(text)["a"]["mean"] == 0.333333
    assert json.loads(text)["b"] == [1, None]
