"""Ships on scenes against true ones: figures worked out by hand, and a slow reference."""

from __future__ import annotations

import doctest
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, box
from shapely.affinity import rotate

from shipseg.errors import BadInputError
from shipseg.evaluation import intervals, scene_matching, tables
from shipseg.evaluation.intervals import poisson_rate, wilson
from shipseg.evaluation.scene_matching import match_by_iou, match_by_place
from shipseg.evaluation.scenes import evaluate_scene

SIDE = 24
Rectangle = tuple[int, int, int, int]


def pixels(rectangle: Rectangle) -> set[tuple[int, int]]:
    x0, y0, x1, y1 = rectangle
    return set(itertools.product(range(x0, x1), range(y0, y1)))


def slow_by_iou(found: list[Rectangle], truth: list[Rectangle]) -> list[tuple[int, int]]:
    """Count pixels of every pair; take the best one that is left until there is none."""
    ious = {}
    for i, j in itertools.product(range(len(found)), range(len(truth))):
        ours, theirs = pixels(found[i]), pixels(truth[j])
        ious[i, j] = len(ours & theirs) / len(ours | theirs)
    chosen = []
    while ious and max(ious.values()) > 0.5:
        best = min(ious, key=lambda pair: (-ious[pair], pair))
        chosen.append(best)
        ious = {p: v for p, v in ious.items() if p[0] != best[0] and p[1] != best[1]}
    return chosen


def slow_by_place(found: list[Rectangle], truth: list[Rectangle]) -> list[tuple[int, int]]:
    def centre(r: Rectangle) -> tuple[float, float]:
        return (r[0] + r[2]) / 2, (r[1] + r[3]) / 2

    near = {}
    for i, j in itertools.product(range(len(found)), range(len(truth))):
        x0, y0, x1, y1 = truth[j]
        distance = math.dist(centre(found[i]), centre(truth[j]))
        if distance <= max(x1 - x0, y1 - y0) / 2:
            near[i, j] = distance
    chosen = []
    while near:
        best = min(near, key=lambda pair: (near[pair], pair))
        chosen.append(best)
        near = {p: v for p, v in near.items() if p[0] != best[0] and p[1] != best[1]}
    return chosen


corners = st.integers(0, SIDE - 8)
rectangles = st.lists(
    st.tuples(corners, corners, st.integers(1, 8), st.integers(1, 8)).map(
        lambda r: (r[0], r[1], r[0] + r[2], r[1] + r[3])
    ),
    max_size=7,
)


@settings(max_examples=60, deadline=None)
@given(rectangles, rectangles)
def test_both_ways_agree_with_the_slow_reference(
    found: list[Rectangle], truth: list[Rectangle]
) -> None:
    ours, theirs = [box(*r) for r in found], [box(*r) for r in truth]
    assert [p[:2] for p in match_by_iou(ours, theirs)] == slow_by_iou(found, truth)
    assert [p[:2] for p in match_by_place(ours, theirs)] == slow_by_place(found, truth)


def test_figures_by_hand() -> None:
    truth = [box(0, 0, 120, 20), box(300, 0, 340, 10), box(0, 300, 250, 340)]
    found = [
        box(0, 0, 120, 20),  # the same ship
        box(310, 5, 350, 15),  # beside its truth: IoU 1/4.33, centre 11 m away
        box(900, 900, 950, 910),  # nothing there
    ]
    report = evaluate_scene(found, truth, looked_at_km2=50.0)
    by_iou, by_place = report.by_iou, report.by_place
    assert (by_iou.counts.true_positives, by_iou.counts.false_positives) == (1, 2)
    assert by_iou.counts.false_negatives == 2
    assert (by_iou.precision.value, by_iou.recall.value) == pytest.approx((1 / 3, 1 / 3))
    assert by_iou.f1 == pytest.approx(1 / 3)
    assert by_iou.f2 == pytest.approx(5 / (5 + 8 + 2))
    assert by_iou.false_alarms_per_1000_km2.value == pytest.approx(2 / 50 * 1000)
    assert by_place.counts.true_positives == 2
    assert by_place.f2 == pytest.approx(10 / (10 + 4 + 1))
    ships = [(row.least, row.ships, row.found) for row in by_place.recall_by_length]
    assert ships == [(0.0, 1, 1), (50.0, 0, 0), (100.0, 1, 1), (200.0, 1, 0)]
    assert report.median_offset == pytest.approx(math.hypot(10, 5) / 2)
    assert report.median_iou == pytest.approx((1 + 150 / 650) / 2)


def test_loose_outlines_are_found_by_place() -> None:
    truth = rotate(box(0, 0, 180, 30), 30)
    report = evaluate_scene([truth.buffer(25)], [truth])
    assert report.by_iou.counts.true_positives == 0
    assert report.by_place.counts.true_positives == 1


def test_a_ship_found_twice_counts_once() -> None:
    hull = box(0, 0, 100, 20)
    report = evaluate_scene([hull, hull.buffer(1)], [hull])
    for way in (report.by_iou, report.by_place):
        assert (way.counts.true_positives, way.counts.false_positives) == (1, 1)


def test_neighbours_at_a_pier_are_told_apart() -> None:
    truth = [box(0, 40 * k, 200, 40 * k + 30) for k in range(6)]
    found = [box(4, 40 * k + 2, 204, 40 * k + 32) for k in reversed(range(6))]
    assert [p[:2] for p in match_by_place(found, truth)] == [(5 - k, k) for k in (5, 4, 3, 2, 1, 0)]


@pytest.mark.parametrize(("found", "truth"), [(0, 0), (0, 2), (2, 0)])
def test_nothing_found_and_nothing_to_find(found: int, truth: int) -> None:
    hulls = [box(0, 0, 10, 5), box(50, 50, 60, 55)]
    report = evaluate_scene(hulls[:found], hulls[:truth], looked_at_km2=1000.0)
    assert report.by_iou.recall.value == (0.0 if truth else None)
    assert report.by_iou.precision.value == (0.0 if found else None)
    assert report.by_iou.false_alarms_per_1000_km2.value == found
    assert report.median_iou is None
    json.dumps(report.to_dict(), allow_nan=False)


def test_pixels_have_classes_of_their_own() -> None:
    hull = box(0, 0, 30, 5)
    report = evaluate_scene([hull], [hull], unit="px")
    assert [row.least for row in report.by_iou.recall_by_length] == [0.0, 20.0, 60.0, 120.0]
    assert [row.found for row in report.by_iou.recall_by_length] == [0, 1, 0, 0]
    assert report.by_iou.false_alarms_per_1000_km2 is None


@pytest.mark.parametrize(
    "outline", [Polygon(), Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])], ids=["empty", "bow tie"]
)
def test_outlines_that_cannot_be_compared_are_named(outline: Polygon) -> None:
    with pytest.raises(BadInputError, match=r"truth\[1\]"):
        evaluate_scene([], [box(0, 0, 1, 1), outline])


@pytest.mark.parametrize("area", [0.0, -1.0, math.nan])
def test_an_area_of_nothing_is_refused(area: float) -> None:
    with pytest.raises(BadInputError, match="looked at"):
        evaluate_scene([], [], looked_at_km2=area)


def test_intervals_cover_what_they_say() -> None:
    """Counts drawn many times: the interval holds the true value in about 95 of 100."""
    rng = np.random.default_rng(0)
    shares = [wilson(int(k), 40) for k in rng.binomial(40, 0.7, 400)]
    assert 0.92 < np.mean([s.low <= 0.7 <= s.high for s in shares]) < 0.99
    rates = [poisson_rate(int(k), 2.0) for k in rng.poisson(5.0, 400)]
    assert 0.93 < np.mean([r.low <= 2.5 <= r.high for r in rates]) <= 1.0


@pytest.mark.parametrize("module", [intervals, scene_matching, tables])
def test_examples_in_docstrings_hold(module: object) -> None:
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
