"""The mask against the scene's grid, and the pictures looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from shapely import Polygon, box

from shipseg.errors import ImageError, UsageError
from shipseg.imaging.gdal import rasterio
from shipseg.scenes.result import Grid, SceneResult, SceneShip
from shipseg.writers.scenes import write_scene
from shipseg.writers.scenes.mask import ship_blocks

from .drawn import PLACES, empty, result_at, ships, write_raster

import rasterio.features  # isort: skip


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_the_mask_lies_on_the_scenes_grid(tmp_path: Path, place: str) -> None:
    result = result_at(place)
    scene = write_raster(tmp_path / "scene.tif", result)
    (path,) = write_scene(result, tmp_path / "out", formats=["mask"])
    with rasterio.open(scene) as ours, rasterio.open(path) as mask:
        assert (mask.crs, mask.shape, mask.count) == (ours.crs, ours.shape, 1)
        assert mask.transform.almost_equals(ours.transform, 1e-9)
        assert mask.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        found = mask.read(1)
    assert sorted(p.name for p in path.parent.iterdir()) == ["mask.tif"]
    truth = rasterio.features.rasterize(
        [ship.outline for ship in result.ships], out_shape=(300, 420), default_value=255
    )
    # The speck lies between four pixels' middles, and is there all the same.
    assert not truth[250:252, 300:302].any()
    truth[250:252, 300:302] = 255
    assert np.array_equal(found, truth)


def test_a_ship_between_the_middles_of_pixels_is_not_lost() -> None:
    speck = box(10.6, 10.6, 11.4, 11.4)
    ((window, block),) = ship_blocks([speck], (40, 40))
    assert window.shape_hw == (40, 40)
    assert np.argwhere(block).tolist() == [[10, 10], [10, 11], [11, 10], [11, 11]]


def test_a_scene_without_ships_has_an_empty_mask(tmp_path: Path) -> None:
    (path,) = write_scene(empty(), tmp_path, formats=["mask"])
    with rasterio.open(path) as mask:
        assert not mask.read(1).any()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_blocks_are_parts_of_the_whole(data: st.DataObject) -> None:
    corner = st.integers(0, 60)
    outlines = [
        box(x, y, x + w, y + h)
        for x, y, w, h in data.draw(
            st.lists(st.tuples(corner, corner, st.integers(1, 30), st.integers(1, 30)), max_size=5)
        )
    ]
    side = data.draw(st.integers(5, 70))
    whole = np.zeros((90, 90), np.uint8)
    for window, block in ship_blocks(outlines, (90, 90), side):
        assert block.any()
        assert not whole[window.slices].any()
        whole[window.slices] = block
    ys, xs = np.mgrid[0:90, 0:90] + 0.5
    truth = np.zeros((90, 90), bool)
    for outline in outlines:
        x0, y0, x1, y1 = outline.bounds
        truth |= (xs > x0) & (xs < x1) & (ys > y0) & (ys < y1)
    assert np.array_equal(whole == 255, truth)


def test_overviews_keep_ships_visible(tmp_path: Path) -> None:
    grid = Grid((2048, 2048), *_utm())
    result = SceneResult("s.tif", grid, [SceneShip(box(1000, 1000, 1040, 1012), 0.9, False)], 1)
    (path,) = write_scene(result, tmp_path, formats=["mask"])
    with rasterio.open(path) as mask:
        assert mask.overviews(1)
        assert mask.read(1, out_shape=(256, 256)).max() > 100


def _utm() -> tuple:
    return PLACES["utm"][1], rasterio.crs.CRS.from_epsg(32633), 1.5


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
def test_memory_does_not_grow_with_the_scene(tmp_path: Path) -> None:
    """900 million pixels would be 900 MB; the child's peak stays far below."""
    code = f"""
from pathlib import Path
from shapely import box
from shipseg.imaging.gdal import rasterio
from shipseg.scenes.result import Grid, SceneResult, SceneShip
from shipseg.writers.scenes import write_scene
grid = Grid((30000, 30000), rasterio.Affine(1.5, 0, 0, 0, -1.5, 0),
            rasterio.crs.CRS.from_epsg(32633), 1.5)
ships = [SceneShip(box(x, x, x + 40, x + 12), 0.5, False) for x in range(500, 30000, 3000)]
write_scene(SceneResult("s.tif", grid, ships, 1), {str(tmp_path)!r}, formats=["mask"])
# Not ru_maxrss: a child begins with its parent's, which is that of all tests before.
print(*(line.split()[1] for line in Path("/proc/self/status").open() if line[:5] == "VmHWM"))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert int(done.stdout) < 400 * 1024
    with rasterio.open(tmp_path / "mask.tif") as mask:
        assert mask.shape == (30000, 30000)
        assert mask.read(1, window=((3500, 3512), (3500, 3540))).all()
        assert not mask.read(1, window=((3512, 3600), (3400, 3600))).any()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_each_ship_has_a_chip_with_its_outline(tmp_path: Path, dtype: str) -> None:
    result = result_at()
    scene = write_raster(tmp_path / "scene.tif", result, dtype=dtype)
    (folder,) = write_scene(result, tmp_path / "out", formats=["chips"], scene=scene)
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"{number:04d}.png" for number in range(1, 6)]
    for name in names:
        chip = np.asarray(Image.open(folder / name))
        assert max(chip.shape[:2]) <= 2048
        # Water and hull are grey; the outline is not.
        assert (np.ptp(chip.astype(int), axis=2) > 100).any()


def test_chips_of_an_earlier_run_do_not_stay(tmp_path: Path) -> None:
    result = result_at()
    scene = write_raster(tmp_path / "scene.tif", result)
    write_scene(result, tmp_path / "out", formats=["chips"], scene=scene)
    (tmp_path / "out" / "chips" / "notes.txt").write_text("mine")
    fewer = SceneResult(result.name, result.grid, result.ships[:2], 1)
    write_scene(fewer, tmp_path / "out", formats=["chips"], scene=scene, overwrite=True)
    names = sorted(path.name for path in (tmp_path / "out" / "chips").iterdir())
    assert names == ["0001.png", "0002.png", "notes.txt"]


@pytest.mark.parametrize("place", ["utm", "nowhere"])
def test_the_overview_shows_every_ship(tmp_path: Path, place: str) -> None:
    result = result_at(place)
    scene = write_raster(tmp_path / "scene.tif", result)
    (path,) = write_scene(result, tmp_path / "out", formats=["overview"], scene=scene)
    picture = np.asarray(Image.open(path)).astype(int)
    # 420 x 300 is shown at twice its size, with a line of text below.
    assert picture.shape == (600 + 44, 840, 3)
    assert not picture[:600, :8].any()
    coloured = np.ptp(picture, axis=2) > 100
    for ship in ships():
        x0, y0, x1, y1 = (int(2 * v) for v in ship.outline.bounds)
        around = np.s_[max(0, y0 - 20) : y1 + 20, max(0, x0 - 20) : x1 + 20]
        assert coloured[around].any()
    assert not coloured[400:500, 100:180].any()


def test_the_overview_of_a_large_scene_is_small(tmp_path: Path) -> None:
    grid = Grid((3000, 9000), *_utm())
    hull = Polygon([(4000, 1000), (4040, 1000), (4040, 1012), (4000, 1012)])
    result = SceneResult("s.tif", grid, [SceneShip(hull, 0.9, False)], 1)
    scene = tmp_path / "s.tif"
    with rasterio.open(
        scene, "w", driver="GTiff", width=9000, height=3000, count=1, dtype="uint8", tiled=True,
        crs=grid.crs, transform=grid.transform, sparse_ok=True,
    ):  # fmt: skip
        pass
    (path,) = write_scene(result, tmp_path / "out", formats=["overview"], scene=scene)
    picture = np.asarray(Image.open(path)).astype(int)
    assert picture.shape == (683 + 44, 2048, 3)
    assert (np.ptp(picture[215:245, 895:930], axis=2) > 100).any()


@pytest.mark.parametrize(("bands", "shown"), [((3, 2, 1), (30, 20, 10)), ((2,), (20, 20, 20))])
def test_pictures_show_the_bands_that_are_asked_for(
    tmp_path: Path, bands: tuple[int, ...], shown: tuple[int, ...]
) -> None:
    result = result_at()
    scene = write_raster(tmp_path / "scene.tif", result, dtype="uint8")
    with rasterio.open(scene, "r+") as target:
        for index in (1, 2, 3):
            target.write(np.full((300, 420), 10 * index, np.uint8), index)
    forms = ["chips", "overview"]
    chips, page = write_scene(result, tmp_path / "out", formats=forms, scene=scene, bands=bands)
    for picture in (chips / "0001.png", page):
        assert tuple(np.asarray(Image.open(picture))[4, 4]) == shown


def test_a_palette_is_shown_by_its_colours(tmp_path: Path) -> None:
    result = result_at()
    scene = tmp_path / "scene.tif"
    with rasterio.open(
        scene, "w", driver="GTiff", width=420, height=300, count=1, dtype="uint8",
        photometric="palette", crs=result.grid.crs, transform=result.grid.transform,
    ) as target:  # fmt: skip
        target.write(np.full((1, 300, 420), 7, np.uint8))
        target.write_colormap(1, {7: (10, 60, 90, 255)})
    (page,) = write_scene(result, tmp_path / "out", formats=["overview"], scene=scene)
    assert tuple(np.asarray(Image.open(page))[4, 4]) == (10, 60, 90)


@pytest.mark.parametrize("form", ["chips", "overview"])
def test_another_raster_is_refused(tmp_path: Path, form: str) -> None:
    result = result_at()
    scene = write_raster(tmp_path / "scene.tif", result)
    other = SceneResult(result.name, Grid((301, 420), *_utm()), result.ships, 1)
    with pytest.raises(UsageError, match="420 x 300"):
        write_scene(other, tmp_path / "out", formats=[form], scene=scene)


@pytest.mark.parametrize("form", ["chips", "overview"])
@pytest.mark.parametrize("cut", [100, 20_000])
def test_a_damaged_raster_is_refused(tmp_path: Path, form: str, cut: int) -> None:
    result = result_at()
    scene = write_raster(tmp_path / "scene.tif", result)
    scene.write_bytes(scene.read_bytes()[:cut])
    with pytest.raises(ImageError, match=r"scene\.tif"):
        write_scene(result, tmp_path / "out", formats=[form], scene=scene)
    assert not list((tmp_path / "out").glob("*.png"))
