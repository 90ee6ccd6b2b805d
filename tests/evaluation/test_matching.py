from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.errors import BadInputError
from shipseg.evaluation.matching import (
    IOU_TWENTIETHS,
    ObjectCounts,
    iou_matrix,
    match_objects,
    overlap_matrix,
)
from shipseg.rle import parse_rle

from .reference import (
    THRESHOLDS,
    disjoint_masks,
    greedy_hits,
    iou,
    overlapping_masks,
    quick,
    tiles,
    to_tile,
)


@quick
@given(overlapping_masks, overlapping_masks)
def test_overlaps_and_ious_are_those_of_pixel_sets(first, second):
    shape = (len(first), len(second))
    overlaps = overlap_matrix(to_tile(first), to_tile(second))
    assert overlaps.shape == shape
    assert overlaps.tolist() == [[len(a & b) for b in second] for a in first]
    ious = iou_matrix(to_tile(first), to_tile(second))
    assert ious.shape == shape
    assert ious.tolist() == [[float(iou(a, b)) for b in second] for a in first]


def test_overlaps_of_ragged_masks_on_a_larger_tile():
    rng = np.random.default_rng(3)
    grids = rng.random((7, 200 * 200)) < 0.3
    runs = []
    for grid in grids:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], grid.astype(np.int8), [0]])))
        runs.append(np.stack([edges[::2], edges[1::2] - edges[::2]], axis=1))
    counts = grids.astype(np.float64)
    assert (overlap_matrix(runs[:3], runs[3:]) == counts[:3] @ counts[3:].T).all()


@quick
@given(st.one_of(tiles(), st.tuples(overlapping_masks, overlapping_masks)))
def test_one_matching_serves_every_threshold(tile):
    predicted, truth = tile
    matching = match_objects(to_tile(predicted), to_tile(truth))
    assert matching.truth_area_px.tolist() == [len(mask) for mask in truth]
    for twentieths, threshold in zip(IOU_TWENTIETHS, THRESHOLDS, strict=True):
        counts = matching.counts(twentieths)
        ties = len({iou(a, b) for a in predicted for b in truth}) < len(predicted) * len(truth)
        if not ties:  # among ties the reference may choose another pair
            hits = greedy_hits(predicted, truth, threshold)
            assert set(matching.pairs[matching.hits(twentieths), 1].tolist()) == hits
        assert counts.true_positives + counts.false_negatives == len(truth)
        assert counts.true_positives + counts.false_positives == len(predicted)


@quick
@given(st.tuples(overlapping_masks, overlapping_masks))
def test_a_ship_is_matched_at_most_once(tile):
    predicted, truth = tile
    matching = match_objects(to_tile(predicted), to_tile(truth))
    for side in matching.pairs.T.tolist():
        assert len(set(side)) == len(side)
    ious = (matching.overlap_px / matching.union_px).tolist()
    assert ious == sorted(ious, reverse=True)


@quick
@given(disjoint_masks, disjoint_masks)
def test_disjoint_masks_leave_no_choice(predicted, truth):
    above = [
        [i, j] for i, a in enumerate(predicted) for j, b in enumerate(truth) if iou(a, b) > 1 / 2
    ]
    matching = match_objects(to_tile(predicted), to_tile(truth))
    assert sorted(matching.pairs.tolist()) == above


def test_a_ship_predicted_twice_counts_once():
    ship = parse_rle("1 100")
    assert match_objects([ship, ship], [ship]).counts() == ObjectCounts(1, 1, 0)


def test_the_larger_iou_wins_over_the_order():
    truth = parse_rle("1 100")
    worse, better = parse_rle("1 80"), parse_rle("1 90")
    for predicted in ([worse, better], [better, worse]):
        matching = match_objects(predicted, [truth])
        assert matching.overlap_px.tolist() == [90]


def test_pairs_of_equal_iou_are_taken_in_the_order_of_their_runs():
    # All three IoUs above 1/2 are 2/3; taking `middle` with `left` first would leave one pair only.
    before, middle = parse_rle("6 10"), parse_rle("10 10")
    left, right = parse_rle("8 10"), parse_rle("12 10")
    for predicted in ([before, middle], [middle, before]):
        for truth in ([left, right], [right, left]):
            assert match_objects(predicted, truth).counts() == ObjectCounts(2, 0, 0)


def test_counts_over_nothing_are_undefined_not_zero():
    nothing = ObjectCounts(0, 0, 0)
    assert (nothing.precision, nothing.recall, nothing.f2) == (None, None, None)
    assert ObjectCounts(1, 0, 0) + ObjectCounts(2, 3, 4) == ObjectCounts(3, 3, 4)
    assert ObjectCounts(1, 2, 3).f2 == 5 / (5 + 12 + 2)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros((0, 2), np.int64), "n ≥ 1"),
        (np.zeros(4, np.int64), r"\(4,\)"),
        (np.array([[9, 2], [1, 2]]), "unsorted"),
        (np.array([[1, 5], [3, 4]]), "overlapping"),
        (np.array([[1, 0]]), "empty"),
    ],
)
def test_what_is_no_mask_is_refused_by_name(mask, said):
    with pytest.raises(BadInputError, match=r"second\[1\].*" + said):
        match_objects([parse_rle("1 4")], [parse_rle("1 4"), mask])
