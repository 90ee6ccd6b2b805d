"""Rotated rectangles: corners, what two share, the smallest around points."""

from __future__ import annotations

import numpy as np
import pytest

from shipseg.rectangle import (
    Rectangle,
    rectangle_around,
    rectangle_at,
    rectangle_of,
    rectangles_iou,
    shared_px,
)


def at(x: float, y: float, heading: float, length: float, width: float) -> Rectangle:
    return rectangle_at(np.array([x, y], np.float64), heading, length, width)


def test_the_corners_lie_half_a_side_from_the_middle() -> None:
    one = at(30, 20, 0.7, 24, 10)
    off = np.abs(one.from_middle(one.corners_xy))
    np.testing.assert_allclose(off, np.tile([12.0, 5.0], (4, 1)))
    # Around it: no two that follow each other lie across from each other.
    sides = np.hypot(*np.diff(one.corners_xy, axis=0).T)
    np.testing.assert_allclose(sorted(sides), [10, 10, 24])


@pytest.mark.parametrize("heading", [0.0, 0.4, 1.6, -2.0])
def test_what_two_share_is_what_both_paint(heading: float) -> None:
    one, other = at(100, 100, 0.2, 120, 40), at(120, 110, heading, 90, 50)
    painted = [rectangle.drawn((240, 240)) for rectangle in (one, other)]
    both, either = (painted[0] & painted[1]).sum(), (painted[0] | painted[1]).sum()
    assert shared_px(one, other) == pytest.approx(both, rel=0.02)
    assert rectangles_iou(one, other) == pytest.approx(both / either, rel=0.03)
    assert rectangles_iou(one, one) == pytest.approx(1)


def test_rectangles_apart_share_nothing() -> None:
    assert shared_px(at(0, 0, 0, 20, 10), at(500, 0, 0, 20, 10)) == 0
    # Near, but beside each other.
    assert shared_px(at(0, 0, 0, 20, 10), at(0, 10.5, 0, 20, 10)) == 0


@pytest.mark.parametrize("heading", [0.0, 0.9, 1.57, 3.0])
def test_the_smallest_around_corners_is_their_own(heading: float) -> None:
    one = at(50, 40, heading, 30, 12)
    found = rectangle_around(one.corners_xy)
    assert rectangles_iou(found, one) == pytest.approx(1)
    assert (found.length, found.width) == (pytest.approx(30), pytest.approx(12))
    assert found.along[0] * found.across[1] - found.along[1] * found.across[0] == pytest.approx(1)


def test_moments_give_the_rectangle_that_was_painted() -> None:
    one = at(60, 50, 0.5, 60, 20)
    found = rectangle_of(one.drawn((100, 120)))
    assert rectangles_iou(found, one) > 0.97
