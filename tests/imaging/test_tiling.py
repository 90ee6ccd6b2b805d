import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.imaging.tiling import Window, pad_to, windows

SIDES = st.integers(1, 90)


@st.composite
def grids(draw: st.DrawFn) -> tuple[tuple[int, int], int, int]:
    size = draw(st.integers(1, 40))
    return (draw(SIDES), draw(SIDES)), size, draw(st.integers(0, size - 1))


@given(grids())
def test_windows_cover_every_pixel_and_stay_inside(
    grid: tuple[tuple[int, int], int, int],
) -> None:
    shape_hw, size, overlap = grid
    hits = np.zeros(shape_hw, int)
    for window in windows(shape_hw, size, overlap):
        assert 0 <= window.x0 < window.x1 <= shape_hw[1]
        assert 0 <= window.y0 < window.y1 <= shape_hw[0]
        assert window.shape_hw == (min(size, shape_hw[0]), min(size, shape_hw[1]))
        hits[window.slices] += 1
    assert hits.min() >= 1


@given(grids())
def test_no_window_comes_twice_or_without_need(grid: tuple[tuple[int, int], int, int]) -> None:
    shape_hw, size, overlap = grid
    found = windows(shape_hw, size, overlap)
    assert len(set(found)) == len(found)
    assert found == sorted(found, key=lambda window: (window.y0, window.x0))
    stride = size - overlap
    needed = [1 + max(0, -(-(side - size) // stride)) for side in shape_hw]
    assert len(found) == needed[0] * needed[1]


@given(grids())
def test_neighbours_share_at_least_the_overlap(grid: tuple[tuple[int, int], int, int]) -> None:
    shape_hw, size, overlap = grid
    rows = sorted({(w.y0, w.y1) for w in windows(shape_hw, size, overlap)})
    assert all(above[1] - below[0] >= overlap for above, below in itertools.pairwise(rows))


def test_the_last_window_moves_inwards() -> None:
    assert windows((10, 25), 10, 2) == [
        Window(0, 0, 10, 10),
        Window(8, 0, 18, 10),
        Window(15, 0, 25, 10),
    ]


@pytest.mark.parametrize(
    ("shape_hw", "size", "overlap"),
    [((0, 5), 4, 0), ((5, 5), 0, 0), ((5, 5), 4, 4), ((5, 5), 4, -1)],
)
def test_arguments_out_of_range_are_named(
    shape_hw: tuple[int, int], size: int, overlap: int
) -> None:
    with pytest.raises(ValueError, match=f"size={size}, overlap={overlap}"):
        windows(shape_hw, size, overlap)


@given(SIDES, SIDES, st.integers(1, 64), st.integers(1, 32))
def test_padding_keeps_the_picture_and_adds_no_new_colour(
    height: int, width: int, minimum: int, multiple: int
) -> None:
    rgb = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    padded = pad_to(rgb, minimum=minimum, multiple=multiple)
    np.testing.assert_array_equal(padded[:height, :width], rgb)
    for side, before in zip(padded.shape[:2], (height, width), strict=True):
        assert side % multiple == 0
        assert max(before, minimum) <= side < max(before, minimum) + multiple
    colours = {tuple(colour) for colour in rgb.reshape(-1, 3).tolist()}
    assert {tuple(colour) for colour in padded.reshape(-1, 3).tolist()} <= colours


def test_padding_is_a_mirror() -> None:
    rgb = np.repeat(np.array([[[1], [2], [3]]], np.uint8), 3, axis=2)
    assert pad_to(rgb, minimum=6)[0, :, 0].tolist() == [1, 2, 3, 2, 1, 2]


def test_a_picture_that_fits_is_not_copied() -> None:
    rgb = np.zeros((32, 64, 3), np.uint8)
    assert pad_to(rgb, minimum=32, multiple=32) is rgb
