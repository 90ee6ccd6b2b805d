"""Views of tiles: where a turned and zoomed square takes its pixels from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from shipseg.dataset.views import View, half_extent


def ramp(height: int = 96, width: int = 128) -> np.ndarray:
    """Red says x, green says y."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, 0 * x], axis=-1).astype(np.uint8)


def test_a_plain_view_is_a_window_of_the_tile() -> None:
    view = View((50.0, 40.0), 32.0, 0.0, 32)
    assert view.window_xyxy == (34, 24, 66, 56)
    np.testing.assert_array_equal(view.cut_rgb(ramp()), ramp()[24:56, 34:66])
    mask = np.random.default_rng(0).random((96, 128)) > 0.5
    np.testing.assert_array_equal(view.cut_mask(mask, (0, 0)), mask[24:56, 34:66])


@pytest.mark.parametrize("by", [-40.0, 0.0, 40.0, 0.5])
def test_a_shifted_view_shows_what_lies_further_on(by: float) -> None:
    found = View((50.0, 40.0), 32.0, 0.0, 32).shifted(by).cut_rgb(ramp()).astype(float)
    y, x = np.mgrid[24:56, 34:66] + by
    within = (x >= 0) & (y >= 0) & (x < 128) & (y < 96)
    np.testing.assert_allclose(found[..., 0], np.where(within, x, 0), atol=0.51)
    np.testing.assert_allclose(found[..., 1], np.where(within, y, 0), atol=0.51)


angles = st.floats(-math.pi, math.pi)


@given(st.floats(44, 80), st.floats(44, 52), st.floats(20, 50), angles, st.sampled_from([24, 32]))
def test_each_pixel_shows_the_place_that_the_square_puts_it_at(
    x: float, y: float, side: float, angle: float, size: int
) -> None:
    found = View((x, y), side, angle, size).cut_rgb(ramp()).astype(float)
    # The middle of each pixel of the square, turned about the centre; a pixel's value is that of
    # its middle, half a pixel from its corner.
    v, u = (np.mgrid[:size, :size] + 0.5 - size / 2) * side / size
    expected_x = x + u * math.cos(angle) - v * math.sin(angle) - 0.5
    expected_y = y + u * math.sin(angle) + v * math.cos(angle) - 0.5
    np.testing.assert_allclose(found[..., 0], expected_x, atol=1.0)
    np.testing.assert_allclose(found[..., 1], expected_y, atol=1.0)


@given(st.floats(46, 78), st.floats(46, 50), st.floats(20, 40), angles)
def test_masks_lie_on_their_pictures(x: float, y: float, side: float, angle: float) -> None:
    mask = np.zeros((96, 128), np.bool_)
    mask[40:56, 50:80] = True
    rgb = np.where(mask, 255, 0).astype(np.uint8)[..., None].repeat(3, axis=2)
    view = View((x, y), side, angle, 32)
    x0, y0, x1, y1 = view.window_xyxy
    x0, y0 = max(x0, 0), max(y0, 0)
    found = view.cut_mask(mask[y0:y1, x0:x1], (x0, y0))
    bright = view.cut_rgb(rgb)[..., 0] > 128
    # The two filters round an edge that lies on half a pixel to either side.
    assert not (bright & ~ndimage.binary_dilation(found)).any()
    assert not (found & ~ndimage.binary_dilation(bright)).any()


@pytest.mark.parametrize(("angle", "extent"), [(0.0, 5.0), (math.pi / 4, 5 * math.sqrt(2))])
def test_the_extent_of_a_turned_square(angle: float, extent: float) -> None:
    assert half_extent(10.0, angle) == pytest.approx(extent)
