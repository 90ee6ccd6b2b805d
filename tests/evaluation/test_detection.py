from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.errors import BadInputError
from shipseg.evaluation.detection import (
    SIZE_BINS,
    f2_score,
    mean_f2,
    recall_by_size,
    score_of_nothing,
)
from shipseg.evaluation.matching import IOU_TWENTIETHS, match_objects
from shipseg.rle import parse_rle

from . import reference
from .reference import (
    THRESHOLDS,
    disjoint_masks,
    greedy_hits,
    overlapping_masks,
    quick,
    tiles,
    to_tile,
)


@quick
@given(tiles())
def test_f2_is_the_slow_f2(tile):
    predicted, truth = tile
    ours = f2_score(to_tile(predicted), to_tile(truth))
    assert ours == pytest.approx(float(reference.f2(predicted, truth)), abs=1e-12)


@quick
@given(st.lists(tiles(), max_size=4))
def test_mean_f2_is_the_slow_mean(many):
    scores = [reference.f2(predicted, truth) for predicted, truth in many]
    on_ships = [s for s, (_, truth) in zip(scores, many, strict=True) if truth]
    predicted = [to_tile(p) for p, _ in many]
    truth = [to_tile(t) for _, t in many]
    for expected, ships_only in ((scores, False), (on_ships, True)):
        ours = mean_f2(predicted, truth, ship_tiles_only=ships_only)
        mean = float(sum(expected) / len(expected)) if expected else None
        assert ours == (None if mean is None else pytest.approx(mean, abs=1e-12))
    nothing = mean_f2([()] * len(many), truth)
    assert score_of_nothing(truth) == nothing


@quick
@given(disjoint_masks)
def test_the_truth_itself_scores_one(truth):
    assert f2_score(to_tile(truth), to_tile(truth)) == 1.0


@quick
@given(overlapping_masks.filter(bool))
def test_empty_tiles_score_one_or_nothing(masks):
    assert f2_score((), ()) == 1.0
    assert f2_score(to_tile(masks), ()) == 0.0
    assert f2_score((), to_tile(masks)) == 0.0


@quick
@given(st.tuples(overlapping_masks, overlapping_masks), st.randoms())
def test_order_does_not_matter_even_with_overlaps(tile, random):
    predicted, truth = tile
    shuffled = [random.sample(masks, len(masks)) for masks in tile]
    score = f2_score(to_tile(predicted), to_tile(truth))
    assert f2_score(*map(to_tile, shuffled)) == score
    assert 0.0 <= score <= 1.0


@quick
@given(tiles(), st.data())
def test_removing_a_hit_never_raises_f2_at_its_threshold(tile, data):
    # Of the mean over thresholds it is not true: a ship at IoU 0.52 is a hit once and a false
    # alarm nine times.
    predicted, truth = tile
    matching = match_objects(to_tile(predicted), to_tile(truth))
    if not len(matching.pairs):
        return
    k = data.draw(st.integers(0, len(matching.pairs) - 1))
    without = list(predicted)
    del without[int(matching.pairs[k, 0])]
    lesser = match_objects(to_tile(without), to_tile(truth))
    for twentieths in IOU_TWENTIETHS:
        if matching.hits(twentieths)[k]:
            assert lesser.counts(twentieths).f2 <= matching.counts(twentieths).f2


@quick
@given(disjoint_masks.filter(bool), st.data())
def test_removing_an_exact_ship_lowers_the_score(truth, data):
    predicted = data.draw(reference.near(truth[1:]))
    predicted = [mask - truth[0] for mask in predicted if mask - truth[0]]
    with_exact = f2_score(to_tile([truth[0], *predicted]), to_tile(truth))
    assert f2_score(to_tile(predicted), to_tile(truth)) < with_exact


@pytest.mark.parametrize("twentieths", IOU_TWENTIETHS)
def test_an_iou_on_the_threshold_is_no_hit(twentieths):
    truth, exactly = parse_rle("1 20"), parse_rle(f"1 {twentieths}")
    passed = THRESHOLDS.index(Fraction(twentieths, 20))
    assert f2_score([exactly], [truth]) == pytest.approx(passed / 10)
    above = parse_rle(f"1 {20 * twentieths + 1}")
    assert f2_score([above], [parse_rle("1 400")]) == pytest.approx((passed + 1) / 10)


def test_figures_worked_by_hand():
    first, second, false = parse_rle("1 100"), parse_rle("1000 100"), parse_rle("5000 9")
    # One exact, one missed, one false at every threshold: 5 / (5 + 4 + 1).
    assert f2_score([first, false], [first, second]) == pytest.approx(0.5)
    # IoU 0.72 is above 0.50 to 0.70, five thresholds: 5/5 there, else 5 / (5 + 4 + 1).
    near = parse_rle("1000 72")
    assert f2_score([first, near], [first, second]) == pytest.approx((5 * 1.0 + 5 * 0.5) / 10)


def test_tiles_have_to_pair_up():
    with pytest.raises(BadInputError, match="1 tiles predicted and 2 with truth"):
        mean_f2([()], [(), ()])


@quick
@given(st.lists(tiles(), max_size=3))
def test_recall_by_size_counts_each_ship_once(many):
    rows = recall_by_size(match_objects(to_tile(p), to_tile(t)) for p, t in many)
    for row in rows:
        size = row.size
        most = size.most_px or 10**9
        inside = [
            [j for j, mask in enumerate(t) if size.least_px <= len(mask) <= most] for _, t in many
        ]
        found = [
            len(set(js) & greedy_hits(p, t, Fraction(1, 2)))
            for (p, t), js in zip(many, inside, strict=True)
        ]
        assert (row.ships, row.found) == (sum(map(len, inside)), sum(found))
        assert row.recall == (row.found / row.ships if row.ships else None)


@pytest.mark.parametrize(
    ("area", "name"),
    [(1, "small"), (99, "small"), (100, "medium"), (1000, "medium"), (1001, "large")],
)
def test_edges_of_the_sizes(area, name):
    ship = parse_rle(f"1 {area}")
    rows = recall_by_size([match_objects([ship], [ship])])
    assert [row.size for row in rows] == list(SIZE_BINS)
    assert {row.size.name: row.found for row in rows if row.ships} == {name: 1}
