from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from shipseg.inference.instances import runs_of_window, ships_of_map, split_touching
from shipseg.inference.ships import reading_order
from shipseg.rle import mask_to_runs, runs_to_mask

EIGHT = np.ones((3, 3), int)
Map = npt.NDArray[np.float32]
MAPS = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=20),
    elements=st.sampled_from(np.linspace(0, 1, 12, dtype=np.float32).tolist()),
)


@st.composite
def placed_masks(
    draw: st.DrawFn,
) -> tuple[npt.NDArray[np.bool_], tuple[int, int], tuple[int, int]]:
    """A mask, where its top left lies, and the picture's shape."""
    mask = draw(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=7)))
    x, y, right, bottom = (draw(st.integers(0, 3)) for _ in range(4))
    return mask, (x, y), (mask.shape[0] + y + bottom, mask.shape[1] + x + right)


@given(placed_masks())
def test_runs_of_a_window_are_those_of_the_picture(
    case: tuple[npt.NDArray[np.bool_], tuple[int, int], tuple[int, int]],
) -> None:
    mask, (x, y), shape_hw = case
    whole = np.zeros(shape_hw, bool)
    whole[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    np.testing.assert_array_equal(
        runs_of_window(mask, (x, y), shape_hw[0]), mask_to_runs(whole), strict=True
    )


def test_a_window_as_high_as_the_picture_gives_runs_over_column_ends() -> None:
    assert runs_of_window(np.ones((4, 3), bool), (2, 0), 4).tolist() == [[8, 12]]


@settings(deadline=None)
@given(MAPS, st.integers(1, 6), st.sampled_from([0.0, 0.3, 0.5, 0.75, 0.95, 1.0]))
def test_ships_are_the_thresholded_map_less_what_is_small(
    probability: Map, min_area_px: int, threshold: float
) -> None:
    ships = ships_of_map(probability, threshold=threshold, min_area_px=min_area_px)
    labels, count = ndimage.label(probability >= threshold, EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    expected = (sizes >= min_area_px)[labels] & (labels > 0)
    hits = np.zeros(probability.shape, int)
    for ship in ships:
        hits += ship.mask
        assert ship.area_px >= min_area_px
        assert ship.score == pytest.approx(probability[ship.mask].mean(), abs=1e-6)
        # No ship holds pixels of two blobs.
        assert len(np.unique(labels[ship.mask])) == 1
    np.testing.assert_array_equal(hits, expected)
    keys = [reading_order(ship) for ship in ships]
    assert keys == sorted(keys)


@settings(deadline=None)
@given(MAPS, st.integers(1, 6))
def test_a_split_parts_the_blob_into_joined_pieces(probability: Map, min_area_px: int) -> None:
    labels, _ = ndimage.label(probability >= 0.5, EIGHT)
    part = labels == 1
    if not part.any():
        return
    pieces = split_touching(part, probability, threshold=0.5, min_area_px=min_area_px)
    np.testing.assert_array_equal(np.sum(pieces, axis=0), part)
    for piece in pieces:
        assert ndimage.label(piece, EIGHT)[1] == 1
        assert len(pieces) == 1 or piece.sum() >= max(min_area_px, round(0.1 * part.sum()))


def parts(probability: Map) -> list[npt.NDArray[np.bool_]]:
    return split_touching(probability >= 0.5, probability, threshold=0.5, min_area_px=20)


def soften(mask: npt.NDArray[Any] | Map) -> Map:
    return np.asarray(ndimage.gaussian_filter(mask.astype(np.float32), 1.0), np.float32)


def test_two_hulls_joined_by_a_weaker_bridge_are_two() -> None:
    probability = np.zeros((40, 60), np.float32)
    probability[5:17, 5:55] = probability[21:33, 5:55] = 0.97
    probability[17:21, 20:30] = 0.6
    above, below = parts(probability)
    # Each bank takes its own half of the bridge.
    assert above[5:19].sum() == above.sum() == 12 * 50 + 2 * 10
    assert below[19:33].sum() == below.sum() == 12 * 50 + 2 * 10


def test_a_soft_rim_stays_with_its_hull() -> None:
    # Each step down the rim is smaller than the step out of the hull: by the differences of
    # neighbours, as scipy's watershed goes, this rim belongs to the sea or to the other hull.
    row = [0.1, 0.3, 0.45, 0.55, 0.6, 0.97, 0.97, 0.97, 0.6, 0.97, 0.97, 0.97, 0.6, 0.55, 0.45, 0.1]
    probability = np.array([row] * 12, np.float32)
    left, right = split_touching(probability >= 0.5, probability, threshold=0.5, min_area_px=20)
    assert np.flatnonzero(left[0]).tolist()[:5] == [3, 4, 5, 6, 7]
    assert np.flatnonzero(right[0]).tolist()[-5:] == [9, 10, 11, 12, 13]
    assert left.sum() + right.sum() == 12 * 11


def test_a_plain_between_two_hulls_is_shared_by_distance() -> None:
    probability = np.full((8, 40), 0.6, np.float32)
    probability[:, :8] = probability[:, -8:] = 0.97
    left, right = parts(probability)
    assert left.sum() == right.sum() == 8 * 20
    assert left[:, :20].all()


def test_hulls_part_along_the_lowest_water_between_them() -> None:
    # Not in the middle: the valley lies close to the left hull.
    row = [0.97] * 10 + [0.55] + [0.65] * 11 + [0.97] * 10
    left, right = parts(np.array([row] * 8, np.float32))
    assert left[:, :10].all()
    assert right[:, 11:].all()


def test_three_hulls_are_three() -> None:
    probability = np.full((20, 60), 0.6, np.float32)
    for x in (0, 21, 42):
        probability[:, x : x + 18] = 0.97
    assert len(parts(probability)) == 3


@pytest.mark.parametrize("dip", [0.2, 0.45, 0.65, 0.85])
def test_a_large_hull_with_dark_specks_is_one(dip: float) -> None:
    rng = np.random.default_rng(7)
    probability = np.zeros((60, 260), np.float32)
    probability[10:50, 10:250] = 0.97
    specks = rng.random(probability.shape) < 0.15
    probability[specks & (probability > 0)] = dip
    labels, _ = ndimage.label(probability >= 0.5, EIGHT)
    hull = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    assert len(split_touching(hull, probability, threshold=0.5, min_area_px=20)) == 1


def test_bright_specks_on_a_weak_hull_are_no_ships() -> None:
    rng = np.random.default_rng(7)
    probability = np.full((40, 240), 0.6, np.float32)
    probability[rng.random(probability.shape) < 0.1] = 0.97
    assert len(parts(probability)) == 1


def test_bright_patches_far_smaller_than_the_hull_are_no_ships() -> None:
    probability = np.full((40, 240), 0.6, np.float32)
    for x in (10, 100, 200):
        probability[10:20, x : x + 10] = 0.97
    assert len(parts(probability)) == 1


def test_a_soft_hull_alone_is_one() -> None:
    hull = np.zeros((60, 200), np.float32)
    hull[20:40, 20:180] = 1
    assert len(parts(soften(hull))) == 1


def test_nothing_above_the_threshold_is_nothing() -> None:
    assert ships_of_map(np.zeros((5, 5), np.float32), threshold=0.5, min_area_px=1) == ()


def test_below_zero_is_no_ship_even_at_threshold_zero() -> None:
    probability = np.array([[0.0, -1.0, 0.4]], np.float32)
    ships = ships_of_map(probability, threshold=0.0, min_area_px=1)
    assert [ship.box_xyxy for ship in ships] == [(0, 0, 1, 1), (2, 0, 3, 1)]


def test_ships_lie_in_the_picture_and_not_in_the_window() -> None:
    probability = np.zeros((10, 10), np.float32)
    probability[2:5, 3:7] = 0.8
    (ship,) = ships_of_map(
        probability, threshold=0.5, min_area_px=1, offset_xy=(100, 200), shape_hw=(400, 300)
    )
    assert ship.box_xyxy == (103, 202, 107, 205)
    assert ship.shape_hw == (400, 300)
    assert runs_to_mask(ship.runs, (400, 300)).sum() == 12
