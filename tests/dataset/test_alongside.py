"""Ships moored at a larger hull: beside it, on calm water, with a core of their own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from shipseg.dataset.alongside import draw_hull, moor
from shipseg.dataset.paste import Canvas, cut_out
from shipseg.dataset.source import TileSource
from shipseg.labels import read_labels
from shipseg.rectangle import Rectangle, rectangle_of
from shipseg.rle import encode_rle

EIGHT = np.ones((3, 3), int)
TILE, CROP = (128, 128), (160, 160)
SEA, DARK, HULL, SHIP = 90, 30, 120, 230


@pytest.fixture
def donor(tmp_path) -> tuple[TileSource, np.ndarray]:
    rgb, mask = np.full((*TILE, 3), SEA, np.uint8), np.zeros(TILE, np.bool_)
    mask[60:70, 45:85] = True
    rgb[mask] = SHIP
    (tmp_path / "labels.csv").write_text(f"ImageId,EncodedPixels\na.jpg,{encode_rle(mask)}\n")
    return TileSource(tmp_path, read_labels(tmp_path / "labels.csv", shape_hw=TILE)), rgb


def harbour(heading: float, size: tuple[float, float] = (90.0, 18.0)) -> Canvas:
    along = np.array([np.cos(heading), np.sin(heading)])
    across = np.array([-along[1], along[0]])
    mask = Rectangle(np.array([80.0, 78.0]), along, across, *size).drawn(CROP)
    rgb = np.full((*CROP, 3), DARK, np.uint8)
    rgb[mask] = HULL
    return Canvas(rgb, mask, ndimage.binary_erosion(mask, iterations=5))


def moored(donor: tuple[TileSource, np.ndarray], canvas: Canvas, seed: int) -> bool:
    rng = np.random.default_rng(seed)
    hull = draw_hull(canvas.mask, rng)
    assert hull is not None
    cutting = cut_out(donor[0], "a.jpg", donor[1], 0, rng, pose=hull.pose(rng))
    return cutting is not None and moor(canvas, cutting, hull, rng)


@pytest.mark.parametrize("heading", [0.0, 0.7, 1.57, 2.5])
def test_a_ship_lies_parallel_beside_the_hull_and_has_a_core_of_its_own(donor, heading) -> None:
    count = touching = 0
    for seed in range(20):
        canvas = harbour(heading)
        before = canvas.mask.copy()
        if not moored(donor, canvas, seed):
            continue
        count += 1
        added = canvas.mask & ~before
        ship = rectangle_of(added)
        turned = np.cos(ship.heading_rad - heading)
        # A short one that the hull's edge cuts is not measured well.
        assert abs(turned) > 0.9 or ship.length < 20
        assert ship.length < 0.95 * 90 + 3
        assert ndimage.label(canvas.core, EIGHT)[1] == 2
        gap = ndimage.distance_transform_edt(~before)[added].min()
        assert gap <= 6
        touching += gap < 3
        np.testing.assert_allclose(
            canvas.rgb[ndimage.binary_erosion(added, iterations=2)], DARK + SHIP - SEA, atol=40
        )
    assert count >= 10
    assert touching >= 3


def test_nothing_moors_at_a_quay_or_over_other_ships(donor) -> None:
    quay, full = harbour(0.7), harbour(0.7)
    noise = np.random.default_rng(0).integers(0, 255, (*CROP, 3), np.uint8)
    quay.rgb[~quay.mask] = noise[~quay.mask]
    rng = np.random.default_rng(1)
    hull = draw_hull(full.mask, rng)
    assert hull is not None
    full.mask[:] = True
    for canvas in (quay, full):
        before = canvas.rgb.copy()
        for seed in range(5):
            rng = np.random.default_rng(seed)
            cutting = cut_out(donor[0], "a.jpg", donor[1], 0, rng, pose=hull.pose(rng))
            assert cutting is None or not moor(canvas, cutting, hull, rng)
        np.testing.assert_array_equal(canvas.rgb, before)


def test_what_is_too_small_or_no_rectangle_is_no_hull() -> None:
    rng = np.random.default_rng(0)
    assert draw_hull(np.zeros(CROP, np.bool_), rng) is None
    assert draw_hull(harbour(0.3, (20.0, 8.0)).mask, rng) is None
    crossing = harbour(0.0).mask | harbour(1.57).mask
    assert draw_hull(crossing, rng) is None
