"""Boats at a hull, in one mask with it, are ships of their own where a refiner knows the hull."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shipseg.inference.detector import Detector
from shipseg.inference.parting import part_moored
from shipseg.inference.straighten import Refine
from shipseg.rectangle import Rectangle

from .hull_masks import checked_parts, iou
from .pixels import draw, refiner_graph, sea, sides_of, write_pixel_bundle

HW = (140, 220)


def rectangle(x: float, y: float, length: float, width: float, heading: float = 0.3) -> Rectangle:
    along = np.array([math.cos(heading), math.sin(heading)])
    return Rectangle(np.array([x, y]), along, np.array([-along[1], along[0]]), length, width)


HULL = rectangle(110, 70, 120, 18)


def beside(along: float, across: float, length: float, width: float) -> np.ndarray:
    """A rectangle so far from the hull's middle, along and across."""
    at = HULL.centre_xy + along * HULL.along + across * HULL.across
    return replace(HULL, centre_xy=at, length=length, width=width).drawn(HW)


def knows(hull: Rectangle) -> Refine:
    return lambda _: hull


def parted(mask: np.ndarray, refine: Refine = knows(HULL), least: int = 20) -> list[np.ndarray]:
    return checked_parts(part_moored(mask, refine, min_area_px=least), mask)


def test_a_tender_is_parted_from_its_hull() -> None:
    hull, tender = HULL.drawn(HW), beside(20, 18.5, 50, 18)
    found, boat = parted(hull | tender)
    assert iou(found, hull) > 0.9
    assert iou(boat, tender) > 0.85


def test_barges_on_both_sides_are_parted() -> None:
    hull = HULL.drawn(HW)
    barges = beside(10, 18, 60, 17), beside(-15, -18, 60, 17)
    found, *boats = parted(hull | barges[0] | barges[1])
    assert iou(found, hull) > 0.9
    assert len(boats) == 2
    for barge in barges:
        assert max(iou(boat, barge) for boat in boats) > 0.85


@pytest.mark.parametrize(
    "mask",
    [
        HULL.drawn(HW),  # a hull alone
        HULL.drawn(HW) | beside(20, 10.5, 10, 3),  # with a speck
        HULL.drawn(HW) & beside(0, 0, 8, 18),  # small
    ],
    ids=["alone", "speck", "small"],
)
def test_a_hull_by_itself_stays_whole(mask: np.ndarray) -> None:
    (found,) = parted(mask)
    assert found is mask


def test_a_refiner_that_finds_something_else_parts_nothing() -> None:
    mask = HULL.drawn(HW) | beside(20, 18.5, 50, 18)
    for other in (rectangle(110, 70, 200, 60), rectangle(40, 20, 30, 10), rectangle(900, 9, 9, 5)):
        (found,) = parted(mask, knows(other))
        assert found is mask


def test_what_is_too_small_to_be_a_ship_is_not_parted() -> None:
    (found,) = parted(HULL.drawn(HW) | beside(20, 18.5, 50, 18), least=900)
    assert found.any()


# In the detector


@pytest.fixture
def moored() -> np.ndarray:
    """A hull of 120 × 20 px, and a boat of 60 × 20 beside it."""
    rgb = draw(sea(320, 320), (80, 100, 200, 120))
    return draw(rgb, (120, 120, 180, 140))


def detector_of(tmp_path: Path) -> Detector:
    straightening = {"rectangularity": 0.8, "longer_px": 0.0, "narrower_px": 0.0}
    bundle = write_pixel_bundle(
        tmp_path / "b", refiner=refiner_graph(sides_of(116, 36)), straightening=straightening
    )
    return Detector(bundle)


def test_a_refiner_that_sees_no_hull_leaves_the_blob(tmp_path: Path, moored: np.ndarray) -> None:
    # The pixels' segmenter joins what touches, and this refiner finds all of it one hull.
    (ship,) = detector_of(tmp_path).detect(moored)
    assert ship.area_px == 120 * 20 + 60 * 20


class _Knowing:
    """A refiner that finds the same hull wherever it looks, and takes every mask for a ship."""

    def __init__(self, hull: Rectangle) -> None:
        self.hull = hull

    def __call__(self, one: Rectangle, read: object, shape_hw: object) -> Rectangle:
        return self.hull

    def judged(
        self, many: Sequence[Rectangle], read: object, shape_hw: object
    ) -> list[tuple[Rectangle, float]]:
        return [(one, 1.0) for one in many]


def test_parts_have_scores_and_masks_of_their_own(
    tmp_path: Path, moored: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    hull = rectangle(139.5, 109.5, 120, 20, heading=0.0)
    detector = detector_of(tmp_path)
    knowing = replace(detector.outliner, refiner=_Knowing(hull))
    monkeypatch.setattr(detector, "outliner", knowing)
    found = sorted(detector.detect(moored), key=lambda ship: -ship.area_px)
    assert [ship.box_xyxy for ship in found] == [(80, 100, 200, 120), (120, 120, 180, 140)]
    assert all(0 < ship.score <= 1 for ship in found)
    assert not (found[0].mask & found[1].mask).any()


def test_masks_as_drawn_are_not_parted(tmp_path: Path, moored: np.ndarray) -> None:
    detector_of(tmp_path)
    (ship,) = Detector(tmp_path / "b", straighten=False).detect(moored)
    assert ship.area_px == 120 * 20 + 60 * 20
