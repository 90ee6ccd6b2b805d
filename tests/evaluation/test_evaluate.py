from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.errors import BadInputError, RleError, UsageError
from shipseg.evaluation.classification import ConfusionCounts, best_f1, roc_auc
from shipseg.evaluation.detection import mean_f2, score_of_nothing
from shipseg.evaluation.estimates import Estimate, bootstrap_interval
from shipseg.evaluation.evaluate import evaluate
from shipseg.evaluation.matching import ObjectCounts
from shipseg.evaluation.results import TileResult
from shipseg.evaluation.segmentation import (
    PixelCounts,
    iou_score,
    mean_dice_on_ship_tiles,
    pixel_counts,
)
from shipseg.rle import parse_rle

from .reference import SIDE, quick, tiles, to_tile

SMALL, MEDIUM, LARGE = parse_rle("1 50"), parse_rle("1000 500"), parse_rle("9000 3000")
NEAR_MEDIUM = parse_rle("1000 400")  # IoU 0.8
FALSE = parse_rle("99000 70")


@pytest.fixture
def four_tiles() -> list[TileResult]:
    """A good tile, a ship tile the gate drops, an empty tile it passes, an empty one it drops."""
    return [
        TileResult("a.jpg", (SMALL, MEDIUM), (NEAR_MEDIUM,), (NEAR_MEDIUM,), 0.9),
        TileResult("b.jpg", (LARGE,), (), (LARGE,), 0.3),
        TileResult("c.jpg", (), (FALSE,), (FALSE,), 0.6),
        TileResult("d.jpg", (), (), (FALSE,), 0.1),
    ]


def test_figures_worked_by_hand(four_tiles):
    report = evaluate(four_tiles, gate_threshold=0.5, resamples=0)
    assert (report.tile_count, report.ship_tile_count, report.ship_count) == (4, 2, 3)
    assert report.pixel_count == 4 * 768 * 768

    gate = report.gate
    assert gate.counts == ConfusionCounts(1, 1, 1, 1)
    figures = (gate.f1, gate.precision, gate.recall, gate.false_alarm_rate)
    assert [figure.value for figure in figures] == [0.5] * 4
    assert gate.auc.value == 0.75
    # Both ships' tiles are kept from 0.3 down, and of the empties one lies below.
    assert gate.empties_dropped.value == 0.5
    # From 0.3 down to 0.1 all but the last pass: 2 hits, 1 false alarm.
    assert (gate.best_f1, gate.best_f1_threshold) == (0.8, pytest.approx(0.2))

    # Tile a: hit above 0.50 to 0.75, six thresholds: 5 / (5 + 4); then 0 of 10.
    f2_a = 0.6 * 5 / 9
    gated, ungated = report.two_stage, report.ungated
    assert gated.f2_on_ship_tiles.value == pytest.approx(f2_a / 2)
    assert gated.f2_all.value == pytest.approx((f2_a + 1) / 4)
    assert gated.f2_of_nothing == ungated.f2_of_nothing == 0.5
    assert gated.gain_over_nothing.value == pytest.approx((f2_a + 1) / 4 - 0.5)
    assert ungated.f2_all.value == pytest.approx((f2_a + 1) / 4)
    assert gated.empty_tiles_with_ships.value == 0.5
    assert ungated.empty_tiles_with_ships.value == 1.0
    assert gated.mean_dice_on_ship_tiles.value == pytest.approx(800 / 950 / 2)
    assert gated.mean_iou_on_ship_tiles.value == pytest.approx(400 / 550 / 2)
    assert ungated.mean_dice_on_ship_tiles.value == pytest.approx((800 / 950 + 1) / 2)
    assert gated.pixel_dice.value == pytest.approx(800 / (470 + 3550))
    assert gated.pixel_iou.value == pytest.approx(400 / (470 + 3550 - 400))
    assert gated.object_counts == ObjectCounts(1, 1, 2)
    assert ungated.object_counts == ObjectCounts(2, 2, 1)
    assert gated.object_precision.value == 1 / 2
    assert gated.object_recall.value == 1 / 3
    assert gated.object_f2.value == 5 / (5 + 8 + 1)
    sizes = [(row.name, row.ships, row.found, row.recall.value) for row in ungated.recall_by_size]
    assert sizes == [("small", 1, 0, 0.0), ("medium", 1, 1, 1.0), ("large", 1, 1, 1.0)]


def test_scores_of_each_tile(four_tiles):
    rows = evaluate(four_tiles, gate_threshold=0.5, resamples=0).tiles
    assert [row.image_id for row in rows] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert [row.gate_passed for row in rows] == [True, False, True, False]
    assert [row.truth_ships for row in rows] == [2, 1, 0, 0]
    assert [row.predicted_ships for row in rows] == [1, 0, 1, 0]
    assert [row.predicted_ships_ungated for row in rows] == [1, 1, 1, 1]
    assert [row.f2 for row in rows[1:]] == [0.0, 0.0, 1.0]
    assert [row.f2_ungated for row in rows[1:]] == [1.0, 0.0, 0.0]
    assert [row.dice for row in rows[1:]] == [0.0, 0.0, 1.0]
    assert [row.iou_ungated for row in rows[1:]] == [1.0, 0.0, 0.0]


@quick
@given(
    st.lists(st.tuples(tiles(), st.sampled_from([0.1, 0.4, 0.5, 0.8])), min_size=1, max_size=6),
    st.integers(0, 3),
)
def test_report_agrees_with_the_functions(many, seed):
    results = []
    for i, ((predicted, truth), probability) in enumerate(many):
        found = to_tile(predicted)
        gated = found if probability >= 0.5 else ()
        results.append(
            TileResult(f"{i}", to_tile(truth), gated, found, probability, shape_hw=(SIDE, SIDE))
        )
    report = evaluate(results, gate_threshold=0.5, resamples=60, seed=seed)
    truth = [tile.truth for tile in results]
    probabilities = [tile.gate_probability for tile in results]
    has_ships = np.array([len(ships) > 0 for ships in truth])
    best = best_f1(probabilities, has_ships)
    assert report.gate.auc.value == roc_auc(probabilities, has_ships)
    assert report.gate.best_f1 == (best.counts.f1 if best else None)
    for name in ("f1", "precision", "recall", "false_alarm_rate"):
        assert getattr(report.gate, name).value == getattr(report.gate.counts, name)

    for section, predicted in (
        (report.two_stage, [tile.predicted for tile in results]),
        (report.ungated, [tile.predicted_ungated for tile in results]),
    ):
        total = sum(map(pixel_counts, predicted, truth), start=PixelCounts(0, 0, 0))
        ious = [iou_score(p, t) for p, t in zip(predicted, truth, strict=True) if t]
        expected = {
            "mean_dice_on_ship_tiles": mean_dice_on_ship_tiles(predicted, truth),
            "mean_iou_on_ship_tiles": sum(ious) / len(ious) if ious else None,
            "pixel_dice": total.dice,
            "pixel_iou": total.iou,
            "f2_on_ship_tiles": mean_f2(predicted, truth, ship_tiles_only=True),
            "f2_all": mean_f2(predicted, truth),
            "gain_over_nothing": mean_f2(predicted, truth) - score_of_nothing(truth),
            "object_precision": section.object_counts.precision,
            "object_recall": section.object_counts.recall,
            "object_f2": section.object_counts.f2,
        }
        for name, value in expected.items():
            estimate = getattr(section, name)
            assert estimate.value == (None if value is None else pytest.approx(value, abs=1e-12))
            if estimate.low is not None:
                assert estimate.low <= estimate.high
        f2 = [row.f2 if section is report.two_stage else row.f2_ungated for row in report.tiles]
        assert (section.f2_all.low, section.f2_all.high) == pytest.approx(
            bootstrap_interval(f2, resamples=60, seed=seed)
        )


def test_a_perfect_detector_scores_one_everywhere(four_tiles):
    perfect = [replace(tile, predicted=tile.truth, gate_probability=None) for tile in four_tiles]
    report = evaluate([replace(tile, predicted_ungated=None) for tile in perfect])
    assert report.gate is None
    assert report.ungated is None
    section = report.two_stage
    for name in ("mean_dice_on_ship_tiles", "pixel_iou", "f2_all", "object_f2"):
        assert getattr(section, name) == Estimate(1.0, 1.0, 1.0)
    assert section.empty_tiles_with_ships == Estimate(0.0, 0.0, 0.0)
    assert all(row.recall.value == 1.0 for row in section.recall_by_size)


def test_a_set_without_ships_has_undefined_figures_and_no_failure():
    report = evaluate([TileResult("a.jpg", (), (), (), 0.2)], gate_threshold=0.5)
    assert report.gate.recall == report.gate.f1 == Estimate(None)
    assert report.gate.auc.value is report.gate.empties_dropped.value is report.gate.best_f1 is None
    assert report.two_stage.f2_on_ship_tiles == Estimate(None)
    assert report.two_stage.f2_all.value == report.two_stage.pixel_dice.value == 1.0


def test_the_same_tiles_give_the_same_report(four_tiles):
    report = evaluate(iter(four_tiles), gate_threshold=0.5)
    assert evaluate(four_tiles, gate_threshold=0.5) == report
    assert report.two_stage.f2_all.low < report.two_stage.f2_all.value


def test_the_document_survives_json(four_tiles):
    as_numpy = [
        replace(tile, gate_probability=np.float32(tile.gate_probability)) for tile in four_tiles
    ]
    report = evaluate(as_numpy, gate_threshold=0.5, resamples=20)
    for with_tiles in (False, True):
        document = report.to_dict(with_tiles=with_tiles)
        assert json.loads(json.dumps(document, allow_nan=False)) == document
        assert ("tiles" in document) is with_tiles
    assert document["two_stage"]["f2_all"]["value"] == report.two_stage.f2_all.value
    assert document["tiles"][1]["gate_passed"] is False


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"image_id": "a.jpg"}, BadInputError, r"a\.jpg comes twice"),
        (
            {"gate_probability": None},
            BadInputError,
            r"1 of 4 tiles, b\.jpg first, have no gate_pro",
        ),
        ({"predicted_ungated": None}, BadInputError, "b.jpg first, have no predicted_ungated"),
        ({"gate_probability": 30.0}, BadInputError, r"b\.jpg has gate probability 30\.0"),
        ({"gate_probability": float("nan")}, BadInputError, r"b\.jpg has gate probability nan"),
        ({"predicted": (LARGE,)}, BadInputError, r"b\.jpg has 1 ships predicted though"),
        ({"shape_hw": (20, 30)}, RleError, r"b\.jpg: truth\[0\]: run 1 .* of a 20 × 30 mask"),
        ({"truth": (SMALL, SMALL[:0])}, RleError, r"b\.jpg: truth\[1\] has no pixel"),
    ],
)
def test_tiles_that_do_not_fit_are_refused_by_name(four_tiles, change, error, said):
    four_tiles[1] = replace(four_tiles[1], **change)
    with pytest.raises(error, match=said):
        evaluate(four_tiles, gate_threshold=0.5)


def test_calls_that_do_not_fit_are_refused(four_tiles):
    with pytest.raises(BadInputError, match="no tiles to score"):
        evaluate([])
    with pytest.raises(UsageError, match="no gate_threshold"):
        evaluate(four_tiles)
    with pytest.raises(UsageError, match="gate_threshold is 50"):
        evaluate(four_tiles, gate_threshold=50)


def test_scores_are_reported_and_checked() -> None:
    tiles = [
        TileResult("a.jpg", (SMALL, MEDIUM), (NEAR_MEDIUM,), None, 0.9, (0.8,)),
        TileResult("c.jpg", (), (FALSE,), None, 0.6, (0.3,)),
    ]
    scores = evaluate(tiles, gate_threshold=0.5).scores
    assert scores is not None
    assert (scores.recall, scores.precision) == ((0.5, 0.5), (1.0, 0.5))
    assert scores.average_precision.value == 0.5
    assert scores.ece.value == pytest.approx((0.2 + 0.3) / 2)
    for wrong in ((), (1.5,), (float("nan"),)):
        with pytest.raises(BadInputError, match=r"a\.jpg has"):
            evaluate([replace(tiles[0], scores=wrong), tiles[1]], gate_threshold=0.5)
    assert evaluate([TileResult("a.jpg", (), ())]).scores is None
