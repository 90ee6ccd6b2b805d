"""Measures against hulls of known size anywhere on the Earth, and against their uncertainty."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, box, minimum_rotated_rectangle
from shapely.affinity import rotate, scale, translate
from shapely.geometry import shape

from shipseg.imaging.gdal import rasterio
from shipseg.scenes.measure import measure_ship, measure_ships, outline_step_px
from shipseg.scenes.measure_positions import Positions
from shipseg.scenes.result import SceneShip

from .grids import GEOD, bare_grid, grid_at, laid_out

import rasterio.features  # isort: skip

PLACES = {
    "utm": (32633, (14.3, 40.8), 1.5, 0.0),
    "utm far from its meridian": (32633, (19.5, 60.0), 1.5, 0.0),
    "rotated": (32633, (14.3, 40.8), 1.5, 33.0),
    "mercator at 60 north": (3857, (24.9, 60.1), 3.0, 0.0),
    "degrees": (4326, (103.8, 1.2), 1.5 / 111_320, 0.0),
    "degrees at 55 south": (4326, (-68.3, -54.8), 1.5 / 111_320, 0.0),
    "polar stereographic": (3995, (45.0, 78.0), 1.5, 0.0),
    "over the antimeridian": (4326, (180.0, -17.0), 1.5 / 111_320, 0.0),
}


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("heading", [0.0, 17.0, 90.0, 163.0])
def test_a_hull_of_known_size_anywhere(place: str, heading: float) -> None:
    epsg, lonlat, pixel, turn = PLACES[place]
    grid = grid_at(epsg, lonlat, pixel, turn_deg=turn)
    outline = laid_out(grid, lonlat, 180.0, 30.0, heading)
    found = measure_ship(outline, Positions(grid))
    assert (found.lon - lonlat[0] + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)
    assert found.lat == pytest.approx(lonlat[1], abs=1e-6)
    assert found.length_m == pytest.approx(180.0, abs=0.05)
    assert found.width_m == pytest.approx(30.0, abs=0.05)
    assert (found.heading_deg - heading + 90) % 180 - 90 == pytest.approx(0.0, abs=0.05)
    assert found.area_m2 == pytest.approx(5400.0, rel=1e-3)


def test_area_is_that_of_the_ellipsoid() -> None:
    """The plane's area against Karney's polygon area, which is computed another way."""
    grid = grid_at(32633, (14.3, 60.0), 1.5)
    outline = Polygon(
        [(90, 90), (200, 95), (220, 110), (200, 125), (90, 120)],
        [[(100, 100), (110, 100), (105, 110)]],
    )
    positions = Positions(grid)
    rings = [positions.lonlat(np.asarray(r.coords)) for r in (outline.exterior, *outline.interiors)]
    outer, hole = (abs(GEOD.polygon_area_perimeter(*ring.T)[0]) for ring in rings)
    assert measure_ship(outline, positions).area_m2 == pytest.approx(outer - hole, rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    heading=st.floats(0, 179.99),
    length=st.floats(60, 300),
    ratio=st.floats(0.1, 0.5),
    lat=st.floats(-75, 75),
    lon=st.floats(-179.9, 179.9),
)
def test_a_hull_of_any_size_anywhere(
    heading: float, length: float, ratio: float, lat: float, lon: float
) -> None:
    grid = grid_at(4326, (lon, lat), 1.5 / 111_320)
    outline = laid_out(grid, (lon, lat), length, length * ratio, heading)
    found = measure_ship(outline, Positions(grid))
    assert found.length_m == pytest.approx(length, rel=1e-3, abs=0.1)
    # Corners are cut where the width is taken, by up to a third of a step at each.
    assert found.width_m == pytest.approx(length * ratio, rel=1e-3, abs=0.1)
    off = (found.heading_deg - heading + 90) % 180 - 90
    assert abs(off) < 0.2
    assert 0 <= found.heading_deg < 180
    assert -180 <= found.lon < 180


def test_a_scene_without_a_crs_has_pixels_only() -> None:
    (found,) = measure_ships([SceneShip(box(10, 20, 50, 32), 0.9, False)], bare_grid())
    assert (found.x_px, found.y_px, found.area_px) == (30.0, 26.0, 480.0)
    assert (found.length_px, found.width_px) == pytest.approx((40.0, 12.0))
    assert found.lon is found.lat is found.length_m is found.heading_deg is found.area_m2 is None
    corners = np.round(sorted(found.box_px), 6).tolist()
    assert sorted(corners) == [[10, 20], [10, 32], [50, 20], [50, 32]]


def test_a_known_scale_gives_metres_but_no_heading() -> None:
    grid = bare_grid(gsd_m=2.0)
    (found,) = measure_ships([SceneShip(box(10, 20, 50, 32), 0.9, False)], grid)
    assert (found.length_m, found.width_m, found.area_m2) == pytest.approx((80.0, 24.0, 1920.0))
    assert found.lon is found.heading_deg is found.heading_sd_deg is None


def test_the_oriented_box_is_on_the_scene() -> None:
    grid = grid_at(3857, (24.9, 60.1), 3.0, turn_deg=20.0)
    outline = laid_out(grid, (24.9, 60.1), 180.0, 30.0, 50.0)
    found = measure_ship(outline, Positions(grid))
    theirs = Polygon(found.box_px)
    assert theirs.intersection(outline).area / theirs.union(outline).area > 0.99


def test_a_crs_without_a_place_on_the_earth_gives_pixels() -> None:
    crs = rasterio.crs.CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]')
    grid = type(bare_grid())((400, 600), rasterio.Affine(1.5, 0, 7, 0, -1.5, 9), crs, None)
    found = measure_ship(box(10, 20, 50, 32), Positions(grid))
    assert found.lon is None
    assert found.length_m is None


@pytest.mark.parametrize(
    "outline",
    [box(0, 0, 1, 1), box(0, 0, 1e-9, 50), Polygon([(0, 0), (1, 0), (0, 1)])],
    ids=["one pixel", "sliver", "triangle"],
)
def test_the_smallest_outlines_have_finite_measures(outline: Polygon) -> None:
    found = measure_ship(outline, Positions(grid_at(32633, (14.3, 40.8), 1.5)))
    assert np.isfinite([found.length_m, found.width_m, found.heading_deg, found.area_m2]).all()
    assert found.length_m >= found.width_m >= 0


def test_stairs_are_as_large_as_the_models_pixels_on_a_finer_scene() -> None:
    assert outline_step_px(bare_grid(gsd_m=0.5)) == pytest.approx(3.0)
    assert outline_step_px(bare_grid(gsd_m=10.0)) == 1.0
    assert outline_step_px(bare_grid()) == 1.0


# Name, length and width in pixels, and whether the ends are those of a ship.
HULLS = [
    (40, 8, False), (100, 16, False), (10, 4, False),
    (100, 16, True), (20, 6, True), (12, 4, True), (200, 30, True),
]  # fmt: skip
SHIP = Polygon([(0, 0.15), (0, 0.85), (0.1, 1), (0.75, 1), (1, 0.5), (0.75, 0), (0.1, 0)])


def pixelated(hull: Polygon) -> Polygon:
    """What is left of a hull whose pixels' middles decide."""
    width, height = (int(np.ceil(v)) + 2 for v in hull.bounds[2:])
    mask = rasterio.features.rasterize([hull], out_shape=(height, width), dtype="uint8")
    parts = [shape(part) for part, _ in rasterio.features.shapes(mask, mask=mask == 1)]
    return max(parts, key=lambda part: part.area)


@pytest.mark.parametrize(("length", "width", "ship"), HULLS)
def test_errors_from_the_pixels_are_what_the_uncertainty_says(
    length: int, width: int, ship: bool
) -> None:
    rng = np.random.default_rng(length)
    form = SHIP if ship else box(0, 0, 1, 1)
    positions = Positions(bare_grid(gsd_m=1.0))
    # True north is known nowhere here: the heading's formula is looked at through the box.
    errors = []
    for _ in range(60):
        hull = rotate(scale(form, length, width, origin=(0, 0)), rng.uniform(0, 180), origin=(0, 0))
        x0, y0, _, _ = hull.bounds
        hull = translate(hull, 3 - x0 + rng.uniform(), 3 - y0 + rng.uniform())
        truth = np.asarray(minimum_rotated_rectangle(hull).exterior.coords)
        sides = np.hypot(*np.diff(truth[:3], axis=0).T)
        found = measure_ship(pixelated(hull), positions)
        away = np.hypot(found.x_px - hull.centroid.x, found.y_px - hull.centroid.y)
        errors.append(
            (
                (found.length_m - sides.max()) / found.length_sd_m,
                (found.width_m - sides.min()) / found.width_sd_m,
                (found.area_m2 - hull.area) / found.area_sd_m2,
                away / found.centre_sd_m,
            )
        )
    rms = np.sqrt(np.mean(np.square(errors), axis=0))
    assert (rms < 1.1).all(), rms
    # Nor is any figure so wide that it says nothing.
    assert (rms[:3] > 0.25).all(), rms


@pytest.mark.parametrize(("length", "width"), [(40, 8), (100, 16), (20, 6), (12, 4)])
def test_headings_are_as_sure_as_they_say(length: int, width: int) -> None:
    rng = np.random.default_rng(width)
    grid = grid_at(32633, (15.0, 40.8), 1.5)
    errors = []
    for _ in range(60):
        heading = rng.uniform(0, 180)
        # Up is north here: x to the right, y down, so that a turn to the right is a turn clockwise.
        hull = rotate(scale(SHIP, length, width, origin=(0, 0)), heading - 90, origin=(0, 0))
        x0, y0, _, _ = hull.bounds
        hull = translate(hull, 200 - x0 + rng.uniform(), 200 - y0 + rng.uniform())
        found = measure_ship(pixelated(hull), Positions(grid))
        errors.append(((found.heading_deg - heading + 90) % 180 - 90) / found.heading_sd_deg)
    assert 0.2 < np.sqrt(np.mean(np.square(errors))) < 1.1


def test_a_round_hull_has_no_heading_to_be_sure_of() -> None:
    found = measure_ship(box(10, 10, 20, 20), Positions(grid_at(32633, (15.0, 40.8), 1.5)))
    assert found.heading_sd_deg == pytest.approx(90.0, abs=1.0)
