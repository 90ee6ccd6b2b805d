import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from shapely import MultiPolygon, Point, Polygon, contains_xy

from shipseg import rle
from shipseg.errors import BadInputError
from shipseg.inference.ships import Ship, reading_order

Mask = npt.NDArray[np.bool_]
MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=9)).filter(np.any)


def ship_of(mask: Mask, score: float = 0.5) -> Ship:
    return Ship(rle.mask_to_runs(mask), (mask.shape[0], mask.shape[1]), score)


def hull(angle_deg: float, length: float, width: float, side: int = 200) -> Ship:
    """A rectangle whose bow points `angle_deg` clockwise from up, painted at pixel centres."""
    y, x = np.mgrid[:side, :side] + 0.5 - side / 2
    along = x * math.sin(math.radians(angle_deg)) - y * math.cos(math.radians(angle_deg))
    across = x * math.cos(math.radians(angle_deg)) + y * math.sin(math.radians(angle_deg))
    return ship_of((abs(along) < length / 2) & (abs(across) < width / 2))


@settings(deadline=None, max_examples=60)
@given(MASKS)
def test_the_polygon_covers_exactly_the_mask(mask: Mask) -> None:
    outline = ship_of(mask).polygon
    assert outline.is_valid
    assert outline.area == mask.sum()
    ys, xs = np.mgrid[: mask.shape[0], : mask.shape[1]]
    np.testing.assert_array_equal(contains_xy(outline, xs + 0.5, ys + 0.5), mask)


def test_a_corner_touch_makes_two_polygons_and_a_hole_stays_a_hole() -> None:
    assert isinstance(ship_of(np.eye(2, dtype=bool)).polygon, MultiPolygon)
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    outline = ship_of(ring).polygon
    assert isinstance(outline, Polygon)
    assert len(outline.interiors) == 1


@settings(deadline=None, max_examples=60)
@given(MASKS)
def test_the_oriented_box_holds_the_mask_and_no_more_than_the_upright_one(mask: Mask) -> None:
    ship = ship_of(mask)
    corners = ship.oriented_box
    assert corners.shape == (4, 2)
    box = Polygon(corners)
    assert box.buffer(1e-6).covers(ship.polygon)
    x0, y0, x1, y1 = ship.box_xyxy
    assert ship.area_px - 1e-6 <= box.area <= (x1 - x0) * (y1 - y0) + 1e-6
    assert ship.length_px * ship.width_px == pytest.approx(box.area)
    assert ship.length_px >= ship.width_px
    assert 0 <= ship.heading_deg < 180


@given(MASKS)
def test_box_centre_and_chip_agree_with_the_mask(mask: Mask) -> None:
    ship = ship_of(mask)
    ys, xs = np.nonzero(mask)
    assert ship.box_xyxy == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    assert ship.centre_xy == pytest.approx((xs.mean() + 0.5, ys.mean() + 0.5))
    x0, y0, x1, y1 = ship.box_xyxy
    np.testing.assert_array_equal(ship.chip, mask[y0:y1, x0:x1])
    np.testing.assert_array_equal(ship.mask, mask)
    assert reading_order(ship) == (ys[0], xs[0])
    assert ship.rle == rle.encode_rle(mask)


@pytest.mark.parametrize("angle", [0, 20, 45, 70, 90, 110, 135, 160])
def test_length_width_and_heading_of_a_hull(angle: float) -> None:
    ship = hull(angle, length=100, width=20)
    off = (ship.heading_deg - angle + 90) % 180 - 90
    assert abs(off) < 1
    # Pixel corners stick out of a slanted side by less than a diagonal at each end.
    assert 100 <= ship.length_px + 1e-9 < 100 + 2 * math.sqrt(2)
    assert 20 <= ship.width_px + 1e-9 < 20 + 2 * math.sqrt(2)


def test_an_upright_hull_is_measured_exactly() -> None:
    for angle in (0, 90):
        ship = hull(angle, length=100, width=20)
        assert (ship.length_px, ship.width_px) == pytest.approx((100, 20), abs=1e-9)
        assert ship.heading_deg == pytest.approx(angle, abs=1e-9)


def test_a_heading_a_hair_left_of_up_is_0_and_not_180(monkeypatch: pytest.MonkeyPatch) -> None:
    corners = np.array([[0.0, 10.0], [-1e-16, 0.0], [2.0, 0.0], [2.0, 10.0]])
    monkeypatch.setattr(Ship, "oriented_box", corners)
    assert ship_of(np.ones((10, 2), bool)).heading_deg == 0.0


def test_one_pixel_is_a_ship_too() -> None:
    mask = np.zeros((5, 7), bool)
    mask[4, 6] = True
    ship = ship_of(mask)
    assert ship.area_px == 1
    assert ship.box_xyxy == (6, 4, 7, 5)
    assert ship.centre_xy == (6.5, 4.5)
    assert (ship.length_px, ship.width_px) == pytest.approx((1, 1))
    assert ship.polygon.contains(Point(6.5, 4.5))
    assert ship.heading_deg in (pytest.approx(0), pytest.approx(90))


def test_a_ship_needs_pixels_and_a_score() -> None:
    with pytest.raises(BadInputError, match="no pixels"):
        ship_of(np.zeros((2, 2), bool))
    for score in (-0.1, 1.1, math.nan):
        with pytest.raises(BadInputError, match=r"expected 0\.\.1"):
            ship_of(np.ones((2, 2), bool), score)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), min_size=2, unique=True))
def test_reading_order_tells_disjoint_ships_apart(pixels: list[tuple[int, int]]) -> None:
    ships = []
    for pixel in pixels:
        mask = np.zeros((6, 7), bool)
        mask[pixel] = True
        ships.append(ship_of(mask))
    assert [reading_order(ship) for ship in sorted(ships, key=reading_order)] == sorted(pixels)
