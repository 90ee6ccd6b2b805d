import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from shipseg.inference.instances import runs_of_window, ships_of_maps, split_touching
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


@st.composite
def both_maps(draw: st.DrawFn) -> Map:
    """(2, h, w), ship and core, of any values."""
    ship = draw(MAPS)
    levels = st.sampled_from(np.linspace(0, 1, 12, dtype=np.float32).tolist())
    return np.stack([ship, draw(arrays(np.float32, ship.shape, elements=levels))])


@settings(deadline=None)
@given(both_maps(), st.integers(1, 6), st.sampled_from([0.0, 0.3, 0.5, 0.75, 0.95, 1.0]))
def test_ships_are_the_thresholded_map_less_what_is_small(
    maps: Map, min_area_px: int, threshold: float
) -> None:
    probability = maps[0]
    ships = ships_of_maps(maps, threshold=threshold, min_area_px=min_area_px)
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
@given(both_maps(), st.integers(1, 6))
def test_a_split_parts_the_blob_into_joined_pieces(maps: Map, min_area_px: int) -> None:
    labels, _ = ndimage.label(maps[0] >= 0.5, EIGHT)
    part = labels == 1
    if not part.any():
        return
    pieces = list(split_touching(part, maps[1], min_area_px=min_area_px))
    np.testing.assert_array_equal(np.sum(pieces, axis=0), part)
    for piece in pieces:
        assert ndimage.label(piece, EIGHT)[1] == 1
        assert len(pieces) == 1 or piece.sum() >= min_area_px


def parts(core: Map) -> list[npt.NDArray[np.bool_]]:
    """Part a blob that fills the map."""
    return list(split_touching(np.ones(core.shape, bool), core, min_area_px=20))


def test_hulls_side_by_side_part_between_their_cores() -> None:
    core = np.zeros((24, 60), np.float32)
    core[3:9, 4:56] = core[15:21, 4:56] = 0.9
    above, below = parts(core)
    assert above[:12].all()
    assert below[12:].all()


def test_a_launch_beside_a_tanker_is_a_ship_of_its_own() -> None:
    core = np.zeros((48, 240), np.float32)
    core[10:30, 20:220] = 0.9
    core[42:46, 100:110] = 0.8  # a hundredth of the tanker's
    pieces = parts(core)
    assert len(pieces) == 2
    assert pieces[1][42:46, 100:110].all()
    assert pieces[1].sum() < 0.2 * pieces[0].sum()


def test_hulls_part_along_the_lowest_water_between_their_cores() -> None:
    # Not in the middle: the valley lies close to the left hull.
    row = [0.97] * 10 + [0.1] + [0.25] * 11 + [0.97] * 10
    left, right = parts(np.array([row] * 8, np.float32))
    assert left[:, :10].all()
    assert right[:, 11:].all()


def test_a_plain_between_two_cores_is_shared_by_distance() -> None:
    core = np.full((8, 40), 0.2, np.float32)
    core[:, :8] = core[:, -8:] = 0.97
    left, right = parts(core)
    assert left.sum() == right.sum() == 8 * 20
    assert left[:, :20].all()


def test_three_hulls_are_three() -> None:
    core = np.full((20, 60), 0.1, np.float32)
    for x in (0, 21, 42):
        core[:, x : x + 18] = 0.97
    assert len(parts(core)) == 3


def test_an_uneven_deck_does_not_part_a_hull() -> None:
    # The core is whole, whatever the map of ship pixels says of the deck.
    maps = np.zeros((2, 60, 260), np.float32)
    maps[0, 10:50, 10:250] = 0.97
    maps[0, 10:50, 100:110] = 0.55
    maps[1, 20:40, 20:240] = 0.8
    assert len(ships_of_maps(maps, threshold=0.5, min_area_px=20)) == 1


def test_a_speck_of_core_is_no_ship() -> None:
    core = np.zeros((40, 240), np.float32)
    core[10:30, 20:220] = 0.9
    core[3, 5] = core[37, 100:103] = 0.9
    assert len(parts(core)) == 1


def test_a_core_whose_piece_would_be_too_small_gives_way() -> None:
    core = np.zeros((5, 40), np.float32)
    core[2, :4], core[:, 5:25], core[:, 30:] = 0.9, 0.8, 0.9
    pieces = list(split_touching(np.ones(core.shape, bool), core, min_area_px=30))
    assert len(pieces) == 2
    # Its pixels stay with the hull beside it.
    assert pieces[0][:, :25].all()


def test_a_blob_without_a_core_is_one_ship() -> None:
    assert len(parts(np.full((12, 50), 0.3, np.float32))) == 1


def test_nothing_above_the_threshold_is_nothing() -> None:
    assert ships_of_maps(np.zeros((2, 5, 5), np.float32), threshold=0.5, min_area_px=1) == ()


def test_below_zero_is_no_ship_even_at_threshold_zero() -> None:
    maps = np.array([[[0.0, -1.0, 0.4]], [[0.9, 0.9, 0.9]]], np.float32)
    ships = ships_of_maps(maps, threshold=0.0, min_area_px=1)
    assert [ship.box_xyxy for ship in ships] == [(0, 0, 1, 1), (2, 0, 3, 1)]


def test_ships_lie_in_the_picture_and_not_in_the_window() -> None:
    maps = np.zeros((2, 10, 10), np.float32)
    maps[:, 2:5, 3:7] = 0.8
    (ship,) = ships_of_maps(
        maps, threshold=0.5, min_area_px=1, offset_xy=(100, 200), shape_hw=(400, 300)
    )
    assert ship.box_xyxy == (103, 202, 107, 205)
    assert ship.shape_hw == (400, 300)
    assert runs_to_mask(ship.runs, (400, 300)).sum() == 12
