from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from shipseg.bundle import thresholds
from shipseg.bundle.thresholds import (
    THRESHOLDS,
    choose_cell_threshold,
    choose_gate_threshold,
    choose_pixel_threshold,
)
from shipseg.errors import BadInputError


def test_examples() -> None:
    assert doctest.testmod(thresholds).failed == 0


# The gate


def test_gate_threshold_by_f1_and_by_recall() -> None:
    scores, ships = [0.1, 0.3, 0.5, 0.7, 0.9], [0, 1, 0, 1, 1]
    best = choose_gate_threshold(scores, ships)
    assert (best.counts.recall, best.counts.precision) == (1.0, 0.75)
    assert choose_gate_threshold(scores, ships, recall=0.6).threshold == pytest.approx(0.6)
    assert choose_gate_threshold(scores, ships, recall=1.0).threshold == pytest.approx(0.2)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_saturated_probabilities_give_a_threshold_inside(value: float) -> None:
    point = choose_gate_threshold([value, value], [1, 0])
    assert 0 < point.threshold < 1
    if value == 1.0:
        assert value >= point.threshold


def test_without_ships_there_is_nothing_to_choose_by() -> None:
    with pytest.raises(BadInputError, match="none of the 2 tiles to choose on") as caught:
        choose_gate_threshold([0.1, 0.9], [0, 0])
    assert "--gate-threshold" in (caught.value.hint or "")


# The cells


def reached(cells: list[np.ndarray], pixels: list[np.ndarray], threshold: float) -> float:
    """Say which share of ship pixels the hot cells and their neighbours reach, the slow way."""
    inside = total = 0
    for part, ships in zip(cells, pixels, strict=True):
        near = ndimage.binary_dilation(part >= threshold, np.ones((3, 3), bool))
        inside += int(ships[near].sum())
        total += int(ships.sum())
    return inside / total


maps = hnp.arrays(np.int64, (3, 4, 5), elements=st.integers(0, 20))
counts = hnp.arrays(np.int64, (3, 4, 5), elements=st.integers(0, 40))


@given(maps, counts, st.sampled_from([0.5, 0.9, 0.995, 1.0]))
def test_cell_threshold_is_the_highest_that_reaches_enough(
    twentieths: np.ndarray, pixels: np.ndarray, kept: float
) -> None:
    cells, ships = list(np.float32(twentieths / 20)), list(pixels)
    threshold = choose_cell_threshold(cells, ships, kept=kept)
    if not pixels.any():
        assert threshold is None
        return
    enough = [t for t in np.unique(cells) if t > 0 and reached(cells, ships, t) >= kept]
    assert threshold is not None
    if enough:
        assert 0 < threshold < max(enough) <= 1
        assert reached(cells, ships, threshold) == reached(cells, ships, max(enough))
    else:
        assert threshold == 1e-6


def test_cell_threshold_counts_pixels_not_cells() -> None:
    cells = np.zeros((1, 9), np.float32)
    cells[0, [0, 4, 8]] = 0.9, 0.6, 0.2
    pixels = np.zeros((1, 9), np.int64)
    pixels[0, [0, 4, 8]] = 500, 495, 5
    assert choose_cell_threshold([cells], [pixels]) == pytest.approx(0.4)
    assert choose_cell_threshold([cells], [pixels], kept=1.0) == pytest.approx(0.1)


def test_no_passing_tile_gives_no_cell_threshold() -> None:
    assert choose_cell_threshold([], []) is None


# The segmenter


def test_the_best_pixel_threshold_is_taken() -> None:
    scores = dict.fromkeys(THRESHOLDS, 0.4)
    assert choose_pixel_threshold(scores) == 0.5
    assert choose_pixel_threshold(scores | {0.7: 0.45}) == 0.7
    assert choose_pixel_threshold(scores | {0.4: 0.45, 0.65: 0.4501}) == 0.4


def test_chance_does_not_move_it() -> None:
    assert choose_pixel_threshold({0.5: 0.4, 0.55: 0.4019, 0.6: 0.3}) == 0.5
    assert choose_pixel_threshold({0.5: 0.4, 0.55: 0.4021, 0.6: 0.3}) == 0.55
    # As far from the middle as each other: the lower one, which sees more.
    assert choose_pixel_threshold({0.45: 0.4, 0.5: 0.3, 0.55: 0.401}) == 0.45
