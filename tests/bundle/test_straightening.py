"""Whether a bundle straightens hulls is decided by what the truth of the tiles looks like."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from shipseg.bundle.straightening import choose_straightening, for_refiner, straighten_results
from shipseg.evaluation.results import TileResult
from shipseg.inference.straighten import Straightening
from shipseg.rle import iou, mask_to_runs

SHAPE = (200, 200)
BALL = np.hypot(*np.mgrid[-5:6, -5:6]) <= 5.2


def hull(index: int, length: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    angle = index * 0.7
    dx, dy = columns - 100 - index % 7, rows - 100
    along = dx * np.cos(angle) + dy * np.sin(angle)
    across = dy * np.cos(angle) - dx * np.sin(angle)
    return (np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)


def results_of(*, rectangles: bool) -> list[TileResult]:
    """Tiles whose ships are found with round ends and 4 px too short; the truth is one or other."""
    found = []
    for index in range(20):
        drawn = ndimage.binary_opening(hull(index, 44, 11), BALL)
        truth = hull(index, 48, 11) if rectangles else drawn
        found.append(
            TileResult(
                f"{index}.jpg", (mask_to_runs(truth),), (mask_to_runs(drawn),),
                gate_probability=0.9, scores=(0.7,), shape_hw=SHAPE,
            )
        )  # fmt: skip
    return found


def test_where_truth_is_rectangles_masks_become_rectangles() -> None:
    drawn = results_of(rectangles=True)
    how = choose_straightening(drawn)
    assert how is not None
    assert how.longer_px >= 2
    for before, after in zip(drawn, straighten_results(drawn, how), strict=True):
        assert iou(after.predicted[0], after.truth[0]) > iou(before.predicted[0], before.truth[0])
        assert (after.scores, after.truth) == (before.scores, before.truth)


def test_where_truth_has_round_ends_masks_stay() -> None:
    assert choose_straightening(results_of(rectangles=False)) is None


def test_a_refiner_begins_with_more_masks_and_always_with_some() -> None:
    assert for_refiner(Straightening(0.8, 3.0, 0.5)) == Straightening(0.65, 3.0, 0.5)
    assert for_refiner(None) == Straightening(0.65, 0.0, 0.0)


def test_tiles_without_ships_decide_nothing() -> None:
    empty = TileResult("a.jpg", (), (), gate_probability=0.1, scores=(), shape_hw=SHAPE)
    assert choose_straightening([empty]) is None
    (after,) = straighten_results([empty], Straightening(0.8, 3.0, 0.5))
    assert (after.image_id, after.predicted) == ("a.jpg", ())
