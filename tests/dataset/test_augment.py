"""Augmentations: the same generator gives the same picture, and pictures stay on their masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.dataset.augment import (
    against_sun,
    degrade,
    dihedral,
    distort_colour,
    resize_mask,
    resize_rgb,
)


def picture(seed: int = 0, size: int = 48) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def turned_slowly(array: np.ndarray, turn: int) -> np.ndarray:
    """Move every pixel by hand: a quarter turn takes (y, x) to (S - 1 - x, y)."""
    size = len(array)
    out = np.empty_like(array)
    for y in range(size):
        for x in range(size):
            row, column = y, x
            for _ in range(turn % 4):
                row, column = size - 1 - column, row
            if turn >= 4:
                column = size - 1 - column
            out[row, column] = array[y, x]
    return out


@pytest.mark.parametrize("turn", range(8))
def test_dihedral_against_moving_pixels_by_hand(turn):
    rgb = picture(size=5)
    np.testing.assert_array_equal(dihedral(rgb, turn), turned_slowly(rgb, turn))
    mask = rgb[..., 0] > 128
    np.testing.assert_array_equal(dihedral(mask, turn), turned_slowly(mask, turn))
    assert dihedral(mask, turn).dtype == np.bool_
    assert dihedral(mask, turn).flags.c_contiguous


def test_the_eight_turns_differ():
    rgb = picture(size=6)
    assert len({dihedral(rgb, turn).tobytes() for turn in range(8)}) == 8


@pytest.mark.parametrize("turn", range(8))
def test_a_picture_and_its_mask_turn_together(turn):
    rgb = picture()
    mask = rgb[..., 1] > 200
    np.testing.assert_array_equal(dihedral(rgb, turn)[..., 1] > 200, dihedral(mask, turn))


def test_a_whole_factor_is_the_plain_mean():
    rgb = picture(size=64)
    mean = rgb.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    # Pillow rounds after the columns and again after the rows.
    np.testing.assert_allclose(resize_rgb(rgb, 32), mean, atol=1)


@given(st.integers(17, 90), st.integers(16, 80))
def test_resizing_keeps_a_mask_on_its_picture(side, size):
    mask = np.zeros((side, side), np.bool_)
    mask[side // 4 : side // 4 + side // 2, side // 3 : side // 3 + side // 2] = True
    rgb = np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)
    small, seen = resize_mask(mask, size), resize_rgb(rgb, size)[..., 0]
    assert small.shape == (size, size)
    assert small.dtype == np.bool_
    # Pixels on the edge may fall to either side; none is off by half or more.
    assert np.abs(seen / 255 - small).max() <= 0.51
    assert abs(small.mean() - mask.mean()) < 0.06


def test_nothing_is_resized_to_its_own_size():
    rgb = picture()
    assert resize_rgb(rgb, 48) is rgb
    mask = rgb[..., 0] > 9
    assert resize_mask(mask, 48) is mask


@pytest.mark.parametrize("change", [distort_colour, degrade])
class TestColourAndDecay:
    def test_strength_zero_changes_nothing(self, change):
        for seed in range(20):
            rgb = picture(seed)
            np.testing.assert_array_equal(change(rgb, np.random.default_rng(seed), 0.0), rgb)

    def test_the_same_generator_gives_the_same_picture(self, change):
        for seed in range(20):
            one, other = (change(picture(), np.random.default_rng(seed), 1.0) for _ in range(2))
            np.testing.assert_array_equal(one, other)

    def test_pictures_keep_shape_and_dtype_and_the_input_is_left_alone(self, change):
        changed = 0
        for seed in range(40):
            rgb = picture(seed)
            before = rgb.copy()
            out = change(rgb, np.random.default_rng(seed), 1.0)
            assert (out.shape, out.dtype) == (rgb.shape, np.uint8)
            np.testing.assert_array_equal(rgb, before)
            changed += bool((out != rgb).any())
        # Colour always changes; decay in 55 of 100 pictures.
        assert 12 <= changed <= 40

    def test_a_ship_stays_where_it_was(self, change):
        rgb = np.full((48, 48, 3), 60, np.uint8)
        rgb[10:22, 30:36] = 200
        for seed in range(40):
            grey = change(rgb, np.random.default_rng(seed), 1.0).mean(axis=2)
            rows, columns = np.nonzero(grey > (grey.min() + grey.max()) / 2)
            inside = (rows >= 9) & (rows < 23) & (columns >= 29) & (columns < 37)
            assert inside.mean() > 0.95
            assert 60 <= len(rows) <= 112


@pytest.mark.parametrize("seed", range(8))
def test_against_the_sun_what_is_bright_is_dark(seed):
    rgb = np.full((64, 64, 3), (20, 40, 60), np.uint8)
    # A bright hull, and one so faint that its contrast may not vanish.
    rgb[10:20, 8:56], rgb[40:50, 8:56] = 220, 75
    before = rgb.copy()
    out, again = (against_sun(rgb, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(out, again)
    np.testing.assert_array_equal(rgb, before)
    assert out.dtype == np.uint8
    light = out.mean(axis=-1)
    sea = light[25:35].mean()
    assert sea > 90
    assert light[10:20, 8:56].mean() < light[40:50, 8:56].mean() < sea - 2


def test_against_the_sun_a_sea_without_anything_stays_one():
    out = against_sun(np.full((32, 32, 3), 77, np.uint8), np.random.default_rng(0))
    assert 90 < out.mean() < 230
