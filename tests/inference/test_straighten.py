"""Hulls become rectangles where they nearly are, and never touch a neighbour or the unseen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from shipseg.imaging.tiling import Window
from shipseg.inference.margins import BESIDE, NEAR, REACH_PX, margins_of
from shipseg.inference.ships import Ship
from shipseg.inference.straighten import Straightening, keep_apart, straightened
from shipseg.rle import mask_to_runs, overlap_area

SHAPE = (160, 200)
AS_IT_IS = Straightening(0.8, 0.0, 0.0)


def rectangle(
    x: float, y: float, length: float, width: float, degrees: float, shape: tuple[int, int] = SHAPE
) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    along = (columns - x) * c + (rows - y) * s
    across = (rows - y) * c - (columns - x) * s
    return (np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)


def ship(mask: np.ndarray, score: float = 0.5) -> Ship:
    return Ship(mask_to_runs(mask), mask.shape, score)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@given(
    st.floats(60, 140), st.floats(60, 100), st.floats(20, 80), st.floats(6, 24), st.floats(0, 180)
)
def test_a_rectangle_stays_what_it_is(
    x: float, y: float, length: float, width: float, degrees: float
) -> None:
    # A square has no longer side.
    if length < 1.3 * width:
        return
    mask = rectangle(x, y, length, width, degrees)
    found = straightened(ship(mask, 0.25), AS_IT_IS)
    assert found is not None
    assert iou(found.mask, mask) > 0.85
    assert (found.score, found.shape_hw) == (0.25, SHAPE)


def test_a_hull_with_round_ends_gets_its_corners_back() -> None:
    truth = rectangle(100, 80, 60, 14, 30)
    shorter = rectangle(100, 80, 56, 14, 30)
    drawn = ndimage.binary_opening(shorter, np.hypot(*np.mgrid[-6:7, -6:7]) <= 6.2)
    assert iou(drawn, truth) < 0.9
    found = straightened(ship(drawn), Straightening(0.8, 5.0, 0.0))
    assert found is not None
    assert iou(found.mask, truth) > iou(drawn, truth) + 0.03


def test_by_how_much_it_is_longer_and_narrower() -> None:
    mask = rectangle(99.5, 79.5, 40, 10, 0)
    found = straightened(ship(mask), Straightening(0.8, 4.0, 2.0))
    assert found is not None
    x0, y0, x1, y1 = found.box_xyxy
    assert (x1 - x0, y1 - y0) == (44, 8)
    # Never by more than three tenths of its width.
    narrow = straightened(ship(mask), Straightening(0.5, 0.0, 9.0))
    assert narrow is not None
    assert narrow.box_xyxy[3] - narrow.box_xyxy[1] in (6, 7, 8)


def test_what_is_no_rectangle_keeps_its_mask() -> None:
    angle = rectangle(100, 80, 60, 10, 0) | rectangle(75, 60, 10, 50, 0)
    assert straightened(ship(angle), AS_IT_IS) is None


@pytest.mark.parametrize("place", [(20, 80, 0), (180, 80, 0), (100, 15, 90), (100, 145, 90)])
def test_a_ship_that_the_picture_cuts_keeps_its_mask(place: tuple[int, int, int]) -> None:
    x, y, degrees = place
    mask = rectangle(x, y, 60, 12, degrees)
    assert straightened(ship(mask), AS_IT_IS) is None


def test_a_rectangle_ends_with_the_picture_and_with_its_reach() -> None:
    mask = rectangle(22, 80, 41, 12, 0)
    assert not mask[:, 0].any()
    found = straightened(ship(mask), Straightening(0.8, 10.0, 0.0))
    assert found is not None
    assert found.box_xyxy[0] == 0
    far = straightened(ship(rectangle(100, 80, 60, 12, 0)), Straightening(0.8, 90.0, 0.0))
    assert far is not None
    x0, _, x1, _ = far.box_xyxy
    assert (x0, x1) == (70 - REACH_PX, 131 + REACH_PX)


@given(st.integers(0, 2**32))
def test_ships_stay_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    taken, ships = np.zeros(SHAPE, np.bool_), []
    for _ in range(12):
        mask = rectangle(*rng.uniform((30, 30), (170, 130)), *rng.uniform((20, 6), (50, 12)),
                         rng.uniform(0, 180))  # fmt: skip
        if not (mask & taken).any():
            taken |= mask
            ships.append(ship(mask))
    straight = [straightened(one, Straightening(0.8, 4.0, 0.0)) for one in ships]
    settled = keep_apart(ships, straight)
    for index, (one, drawn, other) in enumerate(zip(settled, ships, straight, strict=True)):
        assert not any(overlap_area(one.runs, later.runs) for later in settled[index + 1 :])
        if other is None or one is drawn:
            assert one is drawn
            continue
        # A rectangle loses to others alone, and none of what its own mask covers.
        lost = other.mask & ~one.mask
        assert not (one.mask & ~other.mask).any()
        assert not (lost & drawn.mask).any()
        assert np.count_nonzero(one.mask) >= 0.8 * np.count_nonzero(other.mask)
        beside = np.zeros(SHAPE, np.bool_)
        for n, (theirs, rectangle_) in enumerate(zip(ships, straight, strict=True)):
            if n != index:
                beside |= theirs.mask if rectangle_ is None else theirs.mask | rectangle_.mask
        assert np.array_equal(lost, other.mask & beside & ~drawn.mask)
    # The order plays no part.
    back = keep_apart(ships[::-1], straight[::-1])[::-1]
    assert [one.rle for one in back] == [one.rle for one in settled]


def test_what_two_rectangles_share_is_neither_s() -> None:
    ships = [ship(rectangle(x, y, 40, 10, 0)) for x, y in ((50, 40), (95, 40), (100, 100))]
    straight = [straightened(one, Straightening(0.8, 6.0, 0.0)) for one in ships]
    settled = keep_apart(ships, straight)
    # 30..70 and 75..115 grow by three pixels: they share 72 and 73.
    spans = [(one.box_xyxy[0], one.box_xyxy[2]) for one in settled[:2]]
    assert spans == [(27, 72), (74, 119)]
    assert settled[2] is straight[2]
    assert keep_apart([], []) == []


def test_a_rectangle_over_another_s_mask_is_none() -> None:
    ships = [ship(rectangle(60, y, 40, 8, 0)) for y in (40, 52)]
    straight = [ship(rectangle(60, 43, 40, 16, 0)), None]
    assert keep_apart(ships, straight) == ships


class TestMargins:
    WINDOW = Window(64, 0, 192, 96)

    def test_the_edge_of_the_picture_and_the_end_of_the_window(self) -> None:
        levels = margins_of(None, self.WINDOW, (96, 400))
        assert (levels[[0, -1]] == BESIDE).all()
        inner = levels[1:-1]
        assert (inner[:, :REACH_PX] == NEAR).all()
        assert (inner[:, -REACH_PX:] == NEAR).all()
        assert not inner[:, REACH_PX:-REACH_PX].any()

    def test_nodata(self) -> None:
        nodata = np.zeros((96, 128), np.bool_)
        nodata[40, 60] = True
        levels = margins_of(nodata, Window(0, 0, 128, 96), (96, 128))
        rows, columns = np.mgrid[:96, :128]
        distance = np.maximum(abs(rows - 40), abs(columns - 60))
        assert (levels[distance <= 1] == BESIDE).all()
        assert (levels[(distance > 1) & (distance <= REACH_PX)] == NEAR).all()
        assert not levels[1:-1, 1:-1][distance[1:-1, 1:-1] > REACH_PX].any()
