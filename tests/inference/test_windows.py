import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from shipseg.imaging.tiling import Window
from shipseg.inference.windows import heat_beyond, least_side, windows_around

CELL, MULTIPLE = 32, 32
LEAST = 128
Cells = npt.NDArray[np.bool_]


@st.composite
def heated(draw: st.DrawFn) -> tuple[Cells, tuple[int, int]]:
    """A picture of any size, and which of its cells are hot."""
    shape_hw = draw(st.tuples(st.integers(1, 700), st.integers(1, 700)))
    rows, columns = (-(-side // CELL) for side in shape_hw)
    # Few, so that several windows stay apart.
    hot = np.zeros((rows, columns), bool)
    places = st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1))
    for place in draw(st.lists(places, max_size=6)):
        hot[place] = True
    return hot, shape_hw


def around(hot: Cells, shape_hw: tuple[int, int], least_px: int = LEAST) -> list[Window]:
    return windows_around(
        hot, shape_hw, cell_px=CELL, margin_cells=1, least_px=least_px, multiple=MULTIPLE
    )


@settings(deadline=None)
@given(heated())
def test_windows_are_inside_apart_legal_and_in_order(
    case: tuple[Cells, tuple[int, int]],
) -> None:
    hot, (height, width) = case
    found = around(hot, (height, width))
    assert bool(found) == hot.any()
    for window in found:
        assert 0 <= window.x0 < window.x1 <= width
        assert 0 <= window.y0 < window.y1 <= height
        for size, side in zip(window.shape_hw, (height, width), strict=True):
            assert size >= min(LEAST, side)
            assert size % MULTIPLE == 0 or size == side
    for a, b in itertools.combinations(found, 2):
        assert a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0
    assert found == sorted(found, key=lambda window: (window.y0, window.x0))


@settings(deadline=None)
@given(heated(), st.sampled_from([CELL, LEAST]))
def test_each_cluster_is_whole_in_one_window_with_its_margin(
    case: tuple[Cells, tuple[int, int]], least_px: int
) -> None:
    hot, (height, width) = case
    found = around(hot, (height, width), least_px)
    grown = ndimage.binary_dilation(hot, np.ones((3, 3)))
    clusters, count = ndimage.label(grown, np.ones((3, 3)))
    owner = np.full((height, width), -1)
    for index, window in enumerate(found):
        owner[window.slices] = index
    pixels = np.kron(clusters, np.ones((CELL, CELL), int))[:height, :width]
    for cluster in range(1, count + 1):
        owners = np.unique(owner[pixels == cluster])
        assert len(owners) == 1
        assert owners[0] >= 0


def test_windows_of_a_picture_smaller_than_the_least_are_the_picture() -> None:
    assert around(np.ones((2, 4), bool), (50, 100)) == [Window(0, 0, 100, 50)]


def test_a_window_at_the_edge_moves_inwards() -> None:
    hot = np.zeros((10, 10), bool)
    hot[0, 9] = True
    assert around(hot, (310, 310)) == [Window(310 - LEAST, 0, 310, LEAST)]


def test_windows_that_meet_become_one() -> None:
    hot = np.zeros((20, 20), bool)
    hot[10, 8] = hot[10, 11] = True
    # Their cells and margins are apart, the windows of least size are not.
    assert len(around(hot, (640, 640))) == 1


SQUARE = Window(64, 64, 192, 192)
SHAPE = (256, 256)


@pytest.mark.parametrize(
    ("pixel", "cells"),
    [
        ((0, 40), [(1, 3)]),
        ((127, 40), [(6, 3)]),
        ((40, 0), [(3, 1)]),
        ((40, 127), [(3, 6)]),
        ((0, 0), [(1, 2), (2, 1)]),
        ((60, 60), []),
    ],
)
def test_heat_goes_on_where_a_ship_meets_the_rim(
    pixel: tuple[int, int], cells: list[tuple[int, int]]
) -> None:
    hot = np.zeros((8, 8), bool)
    ship = np.zeros(SQUARE.shape_hw, bool)
    ship[pixel] = True
    heat_beyond(hot, SQUARE, ship, SHAPE, cell_px=CELL)
    assert sorted(zip(*np.nonzero(hot), strict=True)) == cells


def test_a_longer_reach_stops_at_the_grid() -> None:
    hot = np.zeros((8, 8), bool)
    ship = np.zeros(SQUARE.shape_hw, bool)
    ship[40, 0] = ship[40, 127] = True
    heat_beyond(hot, SQUARE, ship, SHAPE, cell_px=CELL, reach_cells=100)
    assert np.flatnonzero(hot[3]).tolist() == [0, 1, 6, 7]
    assert not np.delete(hot, 3, axis=0).any()


def test_nothing_lies_beyond_the_picture_even_within_its_last_cell() -> None:
    # 250 px end within the eighth cell.
    hot = np.zeros((8, 8), bool)
    ship = np.ones((250, 250), bool)
    heat_beyond(hot, Window(0, 0, 250, 250), ship, (250, 250), cell_px=CELL)
    assert not hot.any()


@settings(max_examples=25)
@given(arrays(np.bool_, (128, 128)))
def test_heat_is_only_outside_and_only_beside(ship: Cells) -> None:
    hot = np.zeros((8, 8), bool)
    heat_beyond(hot, SQUARE, ship, SHAPE, cell_px=CELL)
    assert not hot[2:6, 2:6].any()
    assert not hot[[0, 7]].any()
    assert not hot[:, [0, 7]].any()


@pytest.mark.parametrize(
    ("crop_px", "multiple", "expected"), [(256, 32, 192), (100, 48, 96), (64, 64, 64), (33, 1, 25)]
)
def test_a_window_is_at_least_three_quarters_of_a_crop(
    crop_px: int, multiple: int, expected: int
) -> None:
    assert least_side(crop_px, multiple) == expected
