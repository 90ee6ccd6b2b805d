"""Hulls become rectangles where they nearly are, and never touch the unseen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from shipseg.imaging.tiling import Window
from shipseg.inference.margins import BESIDE, NEAR, REACH_PX, margins_of
from shipseg.inference.straighten import Straightening, straightened

from .hull_masks import SHAPE, iou, rectangle, ship

AS_IT_IS = Straightening(0.8, 0.0, 0.0)


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
