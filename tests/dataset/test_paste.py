"""Ships pasted onto other water: whole, on free water, in that water's colour."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from shipseg.dataset.paste import Canvas, Cutting, cut_out, paste
from shipseg.dataset.source import TileSource
from shipseg.labels import read_labels
from shipseg.rle import encode_rle

SHAPE = (128, 128)
EIGHT = np.ones((3, 3), int)
SEA, DARK, SHIP = 90, 30, 230


def source_of(tmp_path, *ships: tuple[int, int, int, int]) -> tuple[TileSource, np.ndarray]:
    rgb = np.full((*SHAPE, 3), SEA, np.uint8)
    rows = ["ImageId,EncodedPixels"]
    for x0, y0, x1, y1 in ships:
        mask = np.zeros(SHAPE, np.bool_)
        mask[y0:y1, x0:x1] = True
        rgb[mask] = SHIP
        rows.append(f"a.jpg,{encode_rle(mask)}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    return TileSource(tmp_path, read_labels(tmp_path / "labels.csv", shape_hw=SHAPE)), rgb


def cut(source: TileSource, rgb: np.ndarray, ship: int = 0, seed: int = 0) -> Cutting | None:
    return cut_out(source, "a.jpg", rgb, ship, np.random.default_rng(seed))


def test_a_boat_is_a_ship_at_a_third_of_its_size_or_more(tmp_path) -> None:
    source, rgb = source_of(tmp_path, (53, 58, 77, 68))
    areas = []
    for seed in range(30):
        cutting = cut_out(source, "a.jpg", rgb, 0, np.random.default_rng(seed), boat=True)
        assert cutting is not None
        areas.append(cutting.mask.sum() / 240)
        # The water's margin is not shrunk with it: the rim fades within the cutting.
        assert not cutting.mask[:6].any()
        assert not cutting.mask[:, -6:].any()
        assert cutting.rgb[cutting.mask].mean() > 0.6 * (SHIP - SEA)
    assert 0.35**2 * 0.85 < min(areas) < 0.3
    assert 0.6 < max(areas) <= 1.05


def dark_canvas() -> Canvas:
    empty = np.zeros(SHAPE, np.bool_)
    return Canvas(np.full((*SHAPE, 3), DARK, np.uint8), empty, empty.copy())


def test_a_ship_is_cut_out_whole_without_its_water(tmp_path) -> None:
    source, rgb = source_of(tmp_path, (50, 60, 80, 70))
    for seed in range(10):
        cutting = cut(source, rgb, seed=seed)
        assert cutting is not None
        # The zoom is exp(0.25) at most.
        assert 300 * 0.55 < cutting.mask.sum() < 300 * 1.75
        assert not cutting.mask[[0, -1]].any()
        assert not cutting.mask[:, [0, -1]].any()
        np.testing.assert_allclose(
            cutting.rgb[ndimage.binary_erosion(cutting.mask)], SHIP - SEA, atol=25
        )
        far = ~ndimage.binary_dilation(cutting.mask, iterations=3)
        np.testing.assert_allclose(cutting.rgb[far], 0, atol=1)


@pytest.mark.parametrize(
    "ships",
    [
        [(0, 60, 30, 70)],  # cut by the edge
        [(50, 60, 53, 63)],  # a speck
        [(50, 60, 80, 70), (50, 72, 80, 82)],  # a neighbour
        [(50, 3, 80, 8)],  # so near the edge that the water beside it is missing
    ],
    ids=["cut", "small", "neighbour", "near the edge"],
)
def test_what_would_not_look_like_a_ship_at_sea_is_left_alone(tmp_path, ships) -> None:
    source, rgb = source_of(tmp_path, *ships)
    assert cut(source, rgb) is None


def test_a_ship_at_a_quay_is_left_alone(tmp_path) -> None:
    source, rgb = source_of(tmp_path, (50, 60, 80, 70))
    rgb[71:80] = 255
    assert cut(source, rgb) is None


def test_a_pasted_ship_lies_on_the_water_of_its_new_place(tmp_path) -> None:
    source, rgb = source_of(tmp_path, (50, 60, 80, 70))
    cutting, canvas = cut(source, rgb), dark_canvas()
    assert cutting is not None
    assert paste(canvas, cutting, np.random.default_rng(1), raft=0)
    assert canvas.mask.sum() == cutting.mask.sum()
    assert (canvas.core <= canvas.mask).all()
    assert canvas.core.any()
    np.testing.assert_allclose(
        canvas.rgb[ndimage.binary_erosion(canvas.mask)], DARK + SHIP - SEA, atol=25
    )
    far = ~ndimage.binary_dilation(canvas.mask, iterations=9)
    np.testing.assert_array_equal(canvas.rgb[far], DARK)


def test_a_raft_is_two_ships_side_by_side(tmp_path) -> None:
    source, rgb = source_of(tmp_path, (45, 60, 85, 70))
    pairs = 0
    for seed in range(20):
        cutting, canvas = cut(source, rgb, seed=seed), dark_canvas()
        assert cutting is not None
        if not paste(canvas, cutting, np.random.default_rng(seed), raft=1):
            continue
        ships, cores = (ndimage.label(part, EIGHT)[1] for part in (canvas.mask, canvas.core))
        # The second may lie partly beyond the edge.
        pairs += cores == 2 and canvas.mask.sum() > 1.6 * cutting.mask.sum()
        assert ships <= 2
    assert pairs >= 5


def test_nothing_is_pasted_on_a_ship_or_on_land(tmp_path) -> None:
    source, rgb = source_of(tmp_path, (50, 60, 80, 70))
    cutting = cut(source, rgb)
    assert cutting is not None
    full = dark_canvas()
    full.mask[:] = True
    land = dark_canvas()
    land.rgb[:] = np.random.default_rng(0).integers(0, 255, land.rgb.shape, np.uint8)
    for canvas in (full, land):
        before = canvas.rgb.copy()
        assert not paste(canvas, cutting, np.random.default_rng(2), raft=1)
        np.testing.assert_array_equal(canvas.rgb, before)
