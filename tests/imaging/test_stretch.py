import numpy as np
import pytest

from shipseg.imaging.stretch import Stretch, find_stretch, stretch_to_uint8


def harbour(dtype: str = "uint16") -> np.ndarray:
    """Half dark sea, half bright land, three bands with levels of their own."""
    random = np.random.default_rng(3)
    sea = random.normal([[[900]], [[1500]], [[1200]]], 60, (3, 100, 100))
    land = random.normal([[[9000]], [[8000]], [[7000]]], 900, (3, 100, 100))
    return np.concatenate([sea, land], axis=2).astype(dtype)


def test_limits_are_the_joint_percentiles_of_all_bands() -> None:
    bands = harbour()
    stretch = find_stretch(bands)
    assert (stretch.low, stretch.high) == tuple(np.percentile(bands, [2, 98]))


def test_bands_share_limits_so_colours_keep_their_order() -> None:
    out = stretch_to_uint8(harbour())
    red, green, blue = (band[:, :100].mean() for band in out)
    assert red < blue < green


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32", "int64", "float32", "float64"])
def test_values_map_on_a_straight_line_whatever_the_dtype(dtype: str) -> None:
    bands = harbour(dtype)
    stretch = find_stretch(bands)
    slow = [
        min(255, max(0, round(255 * (float(v) - stretch.low) / (stretch.high - stretch.low))))
        for v in bands[:, :2].reshape(-1)
    ]
    assert np.abs(stretch.apply(bands)[:, :2].reshape(-1).astype(int) - slow).max() <= 1
    assert stretch.apply(bands).dtype == np.uint8


def test_the_unit_does_not_matter() -> None:
    bands = harbour("float64")
    difference = stretch_to_uint8(bands).astype(int) - stretch_to_uint8(bands * 1e-4)
    assert np.abs(difference).max() <= 1


def test_plain_sea_is_not_blown_up_to_full_contrast() -> None:
    sea = np.random.default_rng(5).normal(1500, 30, (3, 200, 200)).astype(np.uint16)
    sea[:, 50:53, 50:70] = 6000
    out = stretch_to_uint8(sea)
    assert np.percentile(out, 98) - np.percentile(out, 2) < 30
    assert out[:, 50:53, 50:70].min() == 255


@pytest.mark.parametrize("value", [0, 7, 65_535])
def test_a_constant_picture_is_black(value: int) -> None:
    assert not stretch_to_uint8(np.full((3, 5, 5), value, np.uint16)).any()


def test_a_ship_on_zeros_is_seen() -> None:
    bands = np.zeros((1, 50, 50), np.uint16)
    bands[0, 3, 4] = 900
    out = stretch_to_uint8(bands)
    assert out[0, 3, 4] == 255
    assert out.sum() == 255


def test_pixels_that_are_not_valid_do_not_count() -> None:
    bands = harbour()
    valid = np.ones(bands.shape[1:], bool)
    valid[:40] = False
    spoilt = bands.copy()
    spoilt[:, :40] = 65_535
    assert find_stretch(spoilt, valid) == find_stretch(bands, valid)
    assert find_stretch(bands, np.zeros_like(valid)) == Stretch(0.0, 1.0)


def test_nan_and_infinity_do_not_count_and_nan_becomes_black() -> None:
    bands = harbour("float32")
    bands[:, 0] = np.nan
    bands[:, 1] = np.inf
    stretch = find_stretch(bands)
    assert np.isfinite([stretch.low, stretch.high]).all()
    assert not stretch.apply(bands)[:, 0].any()
    assert (stretch.apply(bands)[:, 1] == 255).all()


def test_large_pictures_are_sampled_and_the_answer_repeats() -> None:
    bands = np.random.default_rng(9).integers(0, 60_000, (1, 2_500, 2_500), dtype=np.uint16)
    stretch = find_stretch(bands)
    assert stretch == find_stretch(bands)
    assert stretch.low == pytest.approx(1_200, abs=60)
    assert stretch.high == pytest.approx(58_800, abs=60)


def test_limits_of_the_whole_serve_a_window() -> None:
    bands = harbour()
    stretch = find_stretch(bands)
    np.testing.assert_array_equal(
        stretch.apply(bands)[:, 10:30, 90:120], stretch.apply(bands[:, 10:30, 90:120])
    )


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="low=98, high=2"):
        find_stretch(harbour(), low=98, high=2)
    with pytest.raises(ValueError, match=r"\(3, 100, 200\), \(5, 5\)"):
        find_stretch(harbour(), np.ones((5, 5), bool))
