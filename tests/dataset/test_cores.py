"""Cores of ships: inside them, apart from each other, whole where the picture cuts a ship."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from shipseg.dataset.cores import core_of, cores_in
from shipseg.rle import mask_to_runs

EIGHT = np.ones((3, 3), int)
MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))


def slow_core(mask: np.ndarray) -> np.ndarray:
    """Go by the distance to the nearest pixel outside, one pixel after the other."""
    padded = np.pad(mask, 1)
    outside = np.argwhere(~padded)
    depth = np.array(
        [
            [np.hypot(*(outside - (y + 1, x + 1)).T).min() for x in range(mask.shape[1])]
            for y in range(mask.shape[0])
        ]
    )
    return (depth > 0.5 * depth[mask].max()) & mask if mask.any() else mask


@given(MASKS)
def test_a_core_against_the_slow_one(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(core_of(mask), slow_core(mask))


def test_hulls_that_touch_have_cores_that_do_not() -> None:
    shape = (40, 60)
    ships = []
    for y in (10, 20):
        mask = np.zeros(shape, np.bool_)
        mask[y : y + 10, 5:55] = True
        ships.append(mask_to_runs(mask))
    cores = cores_in(tuple(ships), shape, (0, 0, 60, 40))
    count = ndimage.label(cores, EIGHT)[1]
    assert count == 2
    gap = np.flatnonzero(~cores[10:30, 30])
    assert np.isin([8, 9, 10, 11], gap).all()


@pytest.mark.parametrize("side", range(4))
def test_a_ship_cut_by_the_picture_has_its_core_at_the_cut(side: int) -> None:
    whole = np.zeros((30, 30), np.bool_)
    whole[10:20, :14] = True  # runs out of the left side
    mask = np.rot90(whole, -side)
    height, width = mask.shape
    core = cores_in((mask_to_runs(mask),), mask.shape, (0, 0, width, height))
    back = np.rot90(core, side)
    assert back[14:16, 0].all()
    assert not back[:, 13].any()


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20))
def test_a_window_shows_a_part_of_the_whole(x0: int, y0: int, w: int, h: int) -> None:
    shape = (40, 40)
    mask = np.zeros(shape, np.bool_)
    mask[8:22, 5:33] = True
    ships = (mask_to_runs(mask),)
    whole = cores_in(ships, shape, (0, 0, 40, 40))
    window = cores_in(ships, shape, (x0, y0, x0 + w, y0 + h))
    np.testing.assert_array_equal(window, whole[y0 : y0 + h, x0 : x0 + w])
