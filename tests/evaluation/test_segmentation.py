from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.errors import BadInputError
from shipseg.evaluation.segmentation import (
    PixelCounts,
    dice_score,
    iou_score,
    mean_dice_on_ship_tiles,
    pixel_counts,
)
from shipseg.rle import parse_rle

from . import reference
from .reference import disjoint_masks, overlapping_masks, quick, tiles, to_tile


@quick
@given(st.one_of(tiles(), st.tuples(overlapping_masks, overlapping_masks)))
def test_dice_and_iou_are_those_of_painted_grids(tile):
    predicted, truth = tile
    ours, theirs = frozenset().union(*predicted), frozenset().union(*truth)
    runs = to_tile(predicted), to_tile(truth)
    assert pixel_counts(*runs) == PixelCounts(len(ours & theirs), len(ours), len(theirs))
    assert dice_score(*runs) == reference.dice(predicted, truth)
    jaccard = len(ours & theirs) / len(ours | theirs) if ours | theirs else 1.0
    assert iou_score(*runs) == jaccard
    assert dice_score(*runs) == pytest.approx(2 * jaccard / (1 + jaccard))
    assert 0.0 <= iou_score(*runs) <= dice_score(*runs) <= 1.0
    assert dice_score(*reversed(runs)) == dice_score(*runs)


@quick
@given(disjoint_masks)
def test_the_truth_itself_scores_one(truth):
    assert dice_score(to_tile(truth), to_tile(truth)) == 1.0
    assert iou_score(to_tile(truth), to_tile(truth)) == 1.0


def test_both_empty_agree_and_one_empty_does_not():
    ship = (parse_rle("1 4"),)
    assert (dice_score((), ()), iou_score((), ())) == (1.0, 1.0)
    assert (dice_score(ship, ()), iou_score((), ship)) == (0.0, 0.0)


@quick
@given(st.lists(tiles(), max_size=4))
def test_mean_dice_leaves_empty_tiles_out(many):
    ours = mean_dice_on_ship_tiles([to_tile(p) for p, _ in many], [to_tile(t) for _, t in many])
    scores = [reference.dice(p, t) for p, t in many if t]
    assert ours == (pytest.approx(sum(scores) / len(scores)) if scores else None)


def test_counts_add_up_to_pixel_dice():
    total = PixelCounts(2, 4, 4) + PixelCounts(0, 0, 8) + PixelCounts(0, 0, 0)
    assert (total.union_px, total.dice, total.iou) == (14, 4 / 16, 2 / 14)


def test_tiles_have_to_pair_up():
    with pytest.raises(BadInputError, match="1 tiles predicted and 0 with truth"):
        mean_dice_on_ship_tiles([()], [])
