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
    MIN_AREAS_PX,
    THRESHOLDS,
    choose_cell_threshold,
    choose_gate_threshold,
    choose_segmenter_point,
    f2_table,
)
from shipseg.errors import BadInputError
from shipseg.evaluation.detection import f2_score
from shipseg.inference.instances import ships_of_maps
from shipseg.rle import Runs, mask_to_runs


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
    with pytest.raises(BadInputError, match="none of the 2 validation tiles") as caught:
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


def drawn() -> tuple[np.ndarray, list[Runs]]:
    """A faint ship, a bright one, and a bright speck that is none."""
    probability = np.full((96, 128), 0.02, np.float32)
    truth = []
    for rows, columns, value in (
        (slice(10, 20), slice(10, 40), 0.42),
        (slice(50, 62), slice(30, 80), 0.9),
    ):
        probability[rows, columns] = value
        mask = np.zeros(probability.shape, bool)
        mask[rows, columns] = True
        truth.append(mask_to_runs(mask))
    probability[80:83, 100:105] = 0.95
    return np.stack([probability, probability]), truth


def test_f2_table_is_what_the_detector_s_ships_score() -> None:
    maps, truth = drawn()
    table = f2_table(maps, truth)
    for row, threshold in enumerate(THRESHOLDS):
        for column, area in enumerate(MIN_AREAS_PX):
            ships = ships_of_maps(maps, threshold=threshold, min_area_px=area)
            assert table[row, column] == f2_score([ship.runs for ship in ships], truth)
    # The speck has 15 px, the faint ship is lost above 0.42.
    point = choose_segmenter_point([table])
    assert (point.threshold, point.min_area_px, point.f2) == (0.4, 20, 1.0)


@pytest.mark.parametrize(("truth", "score"), [([], 1.0), (drawn()[1], 0.0)])
def test_an_empty_map_scores_the_same_everywhere(truth: list[Runs], score: float) -> None:
    table = f2_table(np.zeros((2, 96, 128), np.float32), truth)
    assert (table == score).all()


def test_the_mean_over_tiles_decides() -> None:
    low, high = np.zeros((2, len(THRESHOLDS), len(MIN_AREAS_PX)))
    low[0, 0], high[-1, -1] = 1.0, 0.6
    point = choose_segmenter_point([low, high, high])
    assert (point.threshold, point.min_area_px) == (THRESHOLDS[-1], MIN_AREAS_PX[-1])
    assert point.f2 == pytest.approx(0.4)


def test_without_tiles_the_middle_is_taken() -> None:
    point = choose_segmenter_point([])
    assert (point.threshold, point.f2) == (0.5, None)
