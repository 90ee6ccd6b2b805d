from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shipseg.errors import BadInputError, UsageError
from shipseg.evaluation.classification import (
    ConfusionCounts,
    best_f1,
    confusion_at,
    confusion_counts,
    roc_auc,
    roc_curve,
    threshold_for_recall,
)

from .reference import quick

sklearn_metrics = pytest.importorskip("sklearn.metrics")

# Few distinct scores, so that ties are common, and some at the ends.
scores_and_truth = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([0.0, 0.1, 0.3, 0.30000000000000004, 0.5, 1.0]), st.floats(0, 1)),
        st.booleans(),
    ),
    min_size=1,
    max_size=30,
).map(lambda pairs: tuple(np.array(column) for column in zip(*pairs, strict=True)))


@quick
@given(scores_and_truth, st.floats(0, 1))
def test_counts_and_ratios_are_those_of_sklearn(tiles, threshold):
    scores, truth = tiles
    counts = confusion_at(scores, truth, threshold)
    passed = scores >= threshold
    assert counts == confusion_counts(passed, truth)
    (tn, fp), (fn, tp) = sklearn_metrics.confusion_matrix(truth, passed, labels=[False, True])
    assert counts == ConfusionCounts(tp, fp, fn, tn)
    for name in ("precision", "recall", "f1"):
        ours = getattr(counts, name)
        theirs = getattr(sklearn_metrics, f"{name}_score")(truth, passed, zero_division=np.nan)
        assert (np.nan if ours is None else ours) == pytest.approx(theirs, nan_ok=True)
    assert counts.false_alarm_rate == (fp / (fp + tn) if fp + tn else None)


@quick
@given(scores_and_truth)
def test_roc_curve_and_auc_are_those_of_sklearn(tiles):
    scores, truth = tiles
    assume(0 < truth.sum() < len(truth))
    curve = roc_curve(scores, truth)
    fpr, tpr, thresholds = sklearn_metrics.roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_alarm_rate, fpr)
    np.testing.assert_allclose(curve.recall, tpr)
    np.testing.assert_array_equal(curve.thresholds, thresholds)
    assert roc_auc(scores, truth) == pytest.approx(sklearn_metrics.roc_auc_score(truth, scores))
    area = np.trapezoid(curve.recall, curve.false_alarm_rate)
    assert roc_auc(scores, truth) == pytest.approx(area)


@quick
@given(scores_and_truth)
def test_auc_counts_pairs(tiles):
    scores, truth = tiles
    duels = [(p > n) + (p == n) / 2 for p in scores[truth] for n in scores[~truth]]
    assert roc_auc(scores, truth) == (pytest.approx(np.mean(duels)) if duels else None)


@quick
@given(scores_and_truth)
def test_no_threshold_has_a_better_f1(tiles):
    scores, truth = tiles
    point = best_f1(scores, truth)
    if not truth.any():
        assert point is None
        return
    every = [confusion_at(scores, truth, t) for t in {*scores.tolist(), np.inf}]
    best = max(counts.f1 for counts in every)
    assert point.counts == confusion_at(scores, truth, point.threshold)
    assert point.counts.f1 == best
    assert point.counts.recall == max(counts.recall for counts in every if counts.f1 == best)


@quick
@given(scores_and_truth, st.one_of(st.floats(0.01, 1), st.sampled_from([0.5, 2 / 3, 0.9, 1.0])))
def test_no_threshold_reaches_the_recall_with_fewer_false_alarms(tiles, target):
    scores, truth = tiles
    assume(truth.any())
    point = threshold_for_recall(scores, truth, target)
    assert point.counts == confusion_at(scores, truth, point.threshold)
    assert point.counts.recall >= target
    enough = [
        counts
        for counts in (confusion_at(scores, truth, t) for t in set(scores.tolist()))
        if counts.recall >= target
    ]
    assert point.counts.false_positives == min(counts.false_positives for counts in enough)


def test_a_recall_target_met_exactly_is_met():
    # 0.07 * 100 is 7.000000000000001: seven hits of a hundred have to be enough.
    point = threshold_for_recall(np.arange(100) / 100, np.ones(100), 0.07)
    assert point.counts.true_positives == 7


def test_thresholds_keep_a_distance_from_the_scores():
    truth = [0, 0, 1, 1]
    scores = np.array([0.1, 0.2, 0.4, 0.9])
    for point in (best_f1(scores, truth), threshold_for_recall(scores, truth, 1.0)):
        assert point.threshold == pytest.approx(0.3)


def test_between_neighbouring_floats_the_threshold_is_the_upper_one():
    # Halfway between them rounds to the even one: the upper of one pair, the lower of the other.
    first = 0.3
    second = np.nextafter(first, 1)
    third = np.nextafter(second, 1)
    for lower, upper in ((first, second), (second, third)):
        point = best_f1([lower, upper], [0, 1])
        assert (point.threshold, point.counts) == (upper, ConfusionCounts(1, 0, 0, 1))


def test_undefined_is_none_not_zero():
    assert confusion_counts([], []) == ConfusionCounts(0, 0, 0, 0)
    assert roc_auc([0.5, 0.6], [1, 1]) is None
    assert roc_auc([], []) is None
    assert best_f1([], []) is None
    nothing_passes = confusion_counts([0, 0], [0, 1])
    assert (nothing_passes.precision, nothing_passes.recall, nothing_passes.f1) == (None, 0.0, 0.0)


@pytest.mark.parametrize(
    ("scores", "truth", "said"),
    [
        ([0.1, 0.2], [1], "2 entries and truth has 1"),
        ([[0.1]], [1], r"scores has shape \(1, 1\)"),
        ([0.1], [[1]], r"truth has shape \(1, 1\)"),
        ([0.1, np.nan], [0, 1], r"scores\[1\] is nan"),
        ([0.1, 0.2], [0, 2], r"truth\[1\] is 2"),
        ([0.1, 0.2], [0, 0], "0 tiles with ships of 2"),
    ],
)
def test_bad_arrays_are_refused(scores, truth, said):
    with pytest.raises(BadInputError, match=said):
        roc_curve(scores, truth)


def test_bad_recall_targets_are_refused():
    with pytest.raises(UsageError, match="recall target is 0"):
        threshold_for_recall([0.1], [1], 0.0)
    with pytest.raises(BadInputError, match="no tile of 2 holds a ship"):
        threshold_for_recall([0.1, 0.2], [0, 0], 0.9)
