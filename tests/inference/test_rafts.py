"""Ships side by side in one mask are ships of their own where a refiner finds each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shipseg.inference.detector import Detector
from shipseg.inference.rafts import Judge, part_raft
from shipseg.rectangle import Rectangle, rectangle_at, rectangles_iou

from .hull_masks import checked_parts, iou
from .pixels import draw, refiner_graph, sea, sides_of, write_pixel_bundle

HW = (160, 220)


def rectangle(x: float, y: float, length: float, width: float, heading: float = 0.3) -> Rectangle:
    return rectangle_at(np.array([x, y], np.float64), heading, length, width)


def side_by_side(count: int, length: float = 80, width: float = 16) -> list[Rectangle]:
    middle = rectangle(110, 80, length, width)
    aside = [(number - (count - 1) / 2) * width for number in range(count)]
    return [replace(middle, centre_xy=middle.centre_xy + by * middle.across) for by in aside]


def drawn(ships: Sequence[Rectangle]) -> np.ndarray:
    return np.any([ship.drawn(HW) for ship in ships], axis=0)


def knows(ships: Sequence[Rectangle], asked: list[int] | None = None) -> Judge:
    """Moves what is near a ship there, and says how well it then fits."""

    def judge(rectangles: Sequence[Rectangle]) -> list[tuple[Rectangle, float]]:
        if asked is not None:
            asked.append(len(rectangles))
        judged = []
        for one in rectangles:
            best = max(ships, key=lambda ship: rectangles_iou(one, ship))
            found = best if rectangles_iou(one, best) > 0.6 else one
            judged.append((found, rectangles_iou(found, best)))
        return judged

    return judge


def parted(mask: np.ndarray, judge: Judge, least: int = 20) -> list[np.ndarray]:
    return checked_parts(part_raft(mask, judge, min_area_px=least), mask)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_barges_side_by_side_are_parted(count: int) -> None:
    ships = side_by_side(count, length=90)
    found = parted(drawn(ships), knows(ships))
    assert len(found) == count
    for ship in ships:
        assert max(iou(part, ship.drawn(HW)) for part in found) > 0.95


def test_barges_across_the_mask_are_parted() -> None:
    # Four of them, so that the raft is longer than each of its ships.
    ships = side_by_side(4, length=40, width=16)
    assert len(parted(drawn(ships), knows(ships))) == 4


def test_barges_of_unlike_length_are_parted() -> None:
    long, short = side_by_side(2)
    short = replace(short, centre_xy=short.centre_xy - 9 * short.along, length=62)
    found = parted(drawn([long, short]), knows([long, short]))
    assert len(found) == 2
    for ship in (long, short):
        assert max(iou(part, ship.drawn(HW)) for part in found) > 0.9


def test_a_stout_ship_stays_whole_and_is_asked_about_once() -> None:
    ship, asked = rectangle(110, 80, 80, 32), []
    (found,) = parted(mask := drawn([ship]), knows([ship], asked))
    assert found is mask
    assert asked == [1]


def test_a_slender_one_is_not_asked_about() -> None:
    ship, asked = rectangle(110, 80, 120, 20), []
    (found,) = parted(mask := drawn([ship]), knows([ship], asked))
    assert found is mask
    assert asked == []


def test_a_speck_is_not_asked_about() -> None:
    speck, asked = rectangle(110, 80, 9, 6), []
    (found,) = parted(mask := drawn([speck]), knows([speck], asked))
    assert found is mask
    assert asked == []


def always(fit: Callable[[Rectangle], float]) -> Judge:
    return lambda rectangles: [(one, fit(one)) for one in rectangles]


@pytest.mark.parametrize(
    "fit",
    [
        lambda one: 0.4,  # neither the whole nor its parts
        lambda one: 0.6,  # all alike
        lambda one: 0.7 if one.area_px > 2000 else 0.5,  # the whole better
        lambda one: 0.1 if one.area_px > 2000 else 0.9,  # nothing that could be ships
    ],
    ids=["none", "alike", "whole", "nothing"],
)
def test_parts_that_fit_no_better_are_none(fit: Callable[[Rectangle], float]) -> None:
    mask = drawn(side_by_side(2))
    (found,) = parted(mask, always(fit))
    assert found is mask


def test_parts_that_leave_much_of_the_mask_are_none() -> None:
    ships = side_by_side(4)
    # The two in the middle are half of it.
    (found,) = parted(mask := drawn(ships), knows(ships[1:3]))
    assert found is mask


def test_what_lies_beside_the_mask_is_no_part_of_it() -> None:
    mask = drawn(side_by_side(2))
    away = [replace(one, centre_xy=one.centre_xy + 60) for one in side_by_side(2)]
    judge = always(lambda one: 0.4 if one.area_px > 2000 else 0.9)

    def elsewhere(rectangles: Sequence[Rectangle]) -> list[tuple[Rectangle, float]]:
        return [(away[n % 2], fit) for n, (_, fit) in enumerate(judge(rectangles))]

    (found,) = parted(mask, elsewhere)
    assert found is mask


def test_ships_that_would_be_too_small_are_none() -> None:
    ships = side_by_side(2)
    (found,) = parted(mask := drawn(ships), knows(ships), least=1400)
    assert found is mask


# In the detector


class _Knowing:
    def __init__(self, ships: Sequence[Rectangle]) -> None:
        self.judged = lambda many, read, shape_hw: knows(ships)(many)

    def __call__(self, one: Rectangle, read: object, shape_hw: object) -> Rectangle:
        return one


def test_the_detector_parts_a_raft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straightening = {"rectangularity": 0.8, "longer_px": 0.0, "narrower_px": 0.0}
    bundle = write_pixel_bundle(
        tmp_path / "b", refiner=refiner_graph(sides_of(60, 24)), straightening=straightening
    )
    rgb = draw(sea(320, 320), (100, 100, 160, 130))
    detector = Detector(bundle)
    (whole,) = detector.detect(rgb)
    assert whole.box_xyxy[2] - whole.box_xyxy[0] > 55
    ships = [rectangle(129.5, y, 60, 15, heading=0.0) for y in (107.0, 122.0)]
    monkeypatch.setattr(detector, "outliner", replace(detector.outliner, refiner=_Knowing(ships)))
    found = detector.detect(rgb)
    assert [ship.box_xyxy for ship in found] == [(100, 100, 160, 115), (100, 115, 160, 130)]
    assert all(0 < ship.score <= 1 for ship in found)
