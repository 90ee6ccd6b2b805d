from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from shipseg.evaluation.matching import match_objects
from shipseg.evaluation.mistakes import Mistakes, mistakes_of, sentence_of
from shipseg.evaluation.results import TileResult
from shipseg.rle import Runs, mask_to_runs

from .reference import quick, tiles, to_tile


def box(x0: int, y0: int, x1: int, y1: int) -> Runs:
    mask = np.zeros((64, 64), np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask_to_runs(mask)


SHIP, BESIDE = box(10, 10, 30, 18), box(10, 18, 30, 26)
FAR = box(40, 40, 50, 44)


def wrong(truth: list[Runs], predicted: list[Runs], *, passed: bool = True) -> Mistakes:
    tile = TileResult("a.jpg", tuple(truth), tuple(predicted), shape_hw=(64, 64))
    return mistakes_of(tile, passed=passed)


@pytest.mark.parametrize(
    ("truth", "predicted", "expected"),
    [
        ([SHIP], [SHIP], Mistakes()),
        ([SHIP], [], Mistakes(unseen=1)),
        ([], [FAR], Mistakes(false=1)),
        ([SHIP], [FAR], Mistakes(unseen=1, false=1)),
        ([SHIP], [box(10, 10, 16, 18)], Mistakes(loose=1)),
        ([SHIP], [box(10, 10, 20, 18), box(20, 10, 30, 18)], Mistakes(split=1)),
        ([SHIP, BESIDE], [box(10, 10, 30, 26)], Mistakes(merged=2)),
        # One of the pair is found, with most of the other; the other is missed.
        ([SHIP, BESIDE], [box(10, 10, 30, 23)], Mistakes(merged=1)),
        # Its outline only brushes the neighbour, which has no prediction of its own.
        ([SHIP, BESIDE], [box(10, 10, 30, 19)], Mistakes(loose=1)),
        ([SHIP, box(10, 18, 12, 26)], [box(10, 10, 30, 19)], Mistakes(loose=1)),
        ([SHIP, BESIDE], [SHIP], Mistakes(unseen=1)),
        ([SHIP], [SHIP, FAR], Mistakes(false=1)),
        # A crumb at the rim of a ship that is found is no false ship and no mistake.
        ([SHIP], [box(10, 10, 27, 18), box(27, 10, 30, 18)], Mistakes()),
    ],
)
def test_each_way_to_go_wrong(truth, predicted, expected) -> None:
    assert wrong(truth, predicted) == expected


def test_a_dropped_tile_loses_its_ships_and_nothing_else() -> None:
    assert wrong([SHIP, FAR], [], passed=False) == Mistakes(dropped=2)


@quick
@given(tiles())
def test_every_missed_ship_has_one_cause(pair) -> None:
    predicted, truth = to_tile(pair[0]), to_tile(pair[1])
    found = mistakes_of(TileResult("a", truth, predicted, shape_hw=(16, 16)), passed=True)
    counts = match_objects(predicted, truth).counts()
    assert found.missed == counts.false_negatives
    assert found.false <= counts.false_positives


def test_sums_and_sentences() -> None:
    total = Mistakes(unseen=1, false=2) + Mistakes(dropped=1, merged=3, split=1, loose=1)
    assert total.missed == 7
    assert sentence_of(total, 0.25) == (
        "1 ship lost: the gate dropped the tile (0.25); 1 ship not seen; "
        "3 ships merged with a neighbour; 1 ship in parts; 1 ship with an outline that is off; "
        "2 false ships"
    )
    assert sentence_of(Mistakes()).startswith("all ships found")
