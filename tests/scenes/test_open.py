"""Scenes are opened as they are meant, and what is unusual about them is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyproj import Geod, Transformer

from shipseg.errors import (
    BadInputError,
    ImageError,
    ImageTooLargeError,
    UnsupportedImageError,
    UsageError,
)
from shipseg.imaging.gdal import rasterio
from shipseg.imaging.tiling import Window
from shipseg.scenes.open import Scene, is_scene, open_scene

from .rasters import Affine, save

GREY = np.full((40, 60, 3), 90, np.uint8)


def georeferenced(
    path: Path, epsg: int, lonlat: tuple[float, float], pixel: tuple[float, float], turn: float = 0
) -> Path:
    """A scene whose top left lies at a place; `pixel` in units of the CRS."""
    x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(*lonlat)
    place = Affine.translation(x, y) @ Affine.rotation(turn) @ Affine.scale(pixel[0], -pixel[1])
    return save(path, GREY, crs=f"EPSG:{epsg}", transform=place)


def geodesic_sizes(path: Path) -> tuple[float, float]:
    """Metres along a row and a column in the middle, by another road: geodesics of PROJ."""
    with rasterio.open(path) as dataset:
        x, y = dataset.width / 2, dataset.height / 2
        points = [dataset.transform @ p for p in ((x, y), (x + 1, y), (x, y + 1))]
        way = Transformer.from_crs(dataset.crs.to_wkt(), 4326, always_xy=True)
    (lon, lat), *others = (way.transform(*p) for p in points)
    right, down = (Geod(ellps="WGS84").inv(lon, lat, *other)[2] for other in others)
    return right, down


# EPSG, longitude and latitude, pixel in units of the CRS, turn, and whether 1.5 m is near.
PLACES: dict[str, tuple[int, tuple[float, float], tuple[float, float], float, bool]] = {
    "utm": (32610, (-122.4, 37.7), (1.5, 1.5), 0, True),
    "mercator at 60 degrees": (3857, (24.9, 60.0), (3.0, 3.0), 0, True),
    "mercator at the equator": (3857, (103.8, 1.2), (3.0, 3.0), 0, False),
    "degrees": (4326, (-5.0, 48.4), (2.03e-5, 1.35e-5), 0, True),
    "over the antimeridian": (4326, (179.9999, -17.0), (1.41e-5, 1.36e-5), 0, True),
    "feet": (2263, (-74.0, 40.65), (4.92, 4.92), 0, True),
    "rotated": (32633, (15.0, 45.0), (1.5, 1.5), 30, True),
    "ten metres": (32633, (15.0, 45.0), (10, 10), 0, False),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_gsd_is_that_on_the_ground(tmp_path: Path, place: str) -> None:
    epsg, lonlat, pixel, turn, near = PLACES[place]
    path = georeferenced(tmp_path / "s.tif", epsg, lonlat, pixel, turn)
    truth = geodesic_sizes(path)
    with open_scene(path) as scene:
        assert scene.grid.gsd_m == pytest.approx(sum(truth) / 2, rel=1e-4)
        if near:
            assert scene.shape_hw == (40, 60)
        else:
            sides = [n * size / 1.5 for n, size in zip((60, 40), truth, strict=True)]
            assert scene.shape_hw == pytest.approx((sides[1], sides[0]), abs=1)
        assert ("far from the model's 1.5 m" in " ".join(scene.warnings)) is not near
        assert ("rotated transform" in " ".join(scene.warnings)) is bool(turn)


def test_one_pixel_may_have_two_sizes(tmp_path: Path) -> None:
    path = georeferenced(tmp_path / "s.tif", 32633, (15.0, 45.0), (3.0, 1.5))
    with open_scene(path) as scene:
        assert scene.shape_hw == (pytest.approx(40, abs=1), pytest.approx(120, abs=1))


LOCAL = 'LOCAL_CS["a plant",UNIT["metre",1]]'
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "no CRS": ({"crs": None, "transform": Affine(2, 0, 9, 0, -2, 9)}, "no CRS"),
    "nothing": ({"crs": None, "transform": None}, "no CRS"),
    "no transform": ({"transform": None}, "CRS without a transform"),
    "a plant's own": ({"crs": LOCAL}, "unknown GSD: taken for 1.5 m; name it with --gsd"),
    "control points": (
        {
            "transform": None,
            "gcps": [
                rasterio.control.GroundControlPoint(r, c, 500_000 + 1.5 * c, 4e6 - 1.5 * r)
                for r in (0, 40)
                for c in (0, 60)
            ],
        },
        "placed by control points or RPCs only",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_without_a_place_the_gsd_is_unknown_and_it_is_said(tmp_path: Path, case: str) -> None:
    profile, text = ODD[case]
    path = save(tmp_path / "s.tif", GREY, **profile)
    with open_scene(path) as scene:
        assert text in " ".join(scene.warnings)
        assert "taken for 1.5 m" in " ".join(scene.warnings)
        assert (scene.grid.gsd_m, scene.shape_hw) == (None, (40, 60))
    with open_scene(path, gsd_m=3.0) as scene:
        assert (scene.grid.gsd_m, scene.shape_hw) == (3.0, (80, 120))
        assert "unknown GSD" not in " ".join(scene.warnings)


def test_a_gsd_that_is_named_wins(tmp_path: Path) -> None:
    path = save(tmp_path / "s.tif", GREY)
    with open_scene(path, gsd_m=0.75) as scene:
        assert (scene.grid.gsd_m, scene.shape_hw) == (0.75, (20, 30))
    with open_scene(path, gsd_m=1.3) as scene:
        assert scene.shape_hw == (40, 60)
        assert scene.warnings == ()


def test_it_is_not_enlarged_without_end(tmp_path: Path) -> None:
    with open_scene(save(tmp_path / "s.tif", GREY), gsd_m=30) as scene:
        assert scene.shape_hw == (320, 480)
        assert "no further than 8 times; ships this small are mostly missed" in scene.warnings[0]


@pytest.mark.parametrize("gsd_m", [0, -1, float("nan"), float("inf"), 1e309, 5000])
def test_a_senseless_gsd_is_refused(tmp_path: Path, gsd_m: float) -> None:
    path = save(tmp_path / "s.tif", GREY)
    with (
        pytest.raises(BadInputError, match=r"expected 0\.01 to 1000"),
        open_scene(path, gsd_m=gsd_m),
    ):
        pass


def read_all(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    height, width = scene.shape_hw
    picture = scene.read(Window(0, 0, width, height))
    valid = np.ones((height, width), bool) if picture.valid is None else picture.valid
    return picture.rgb, valid


def test_eight_bits_are_taken_as_they_are(tmp_path: Path) -> None:
    rgb = np.random.default_rng(1).integers(20, 90, (50, 70, 3), dtype=np.uint8)
    with open_scene(save(tmp_path / "s.tif", rgb)) as scene:
        assert np.array_equal(read_all(scene)[0], rgb)
        assert scene.warnings == ()


@pytest.mark.parametrize(("dtype", "most"), [("uint16", 2047), ("uint16", 4095), ("float32", 0.6)])
def test_deep_values_are_stretched_once_for_the_scene(
    tmp_path: Path, dtype: str, most: float
) -> None:
    rng = np.random.default_rng(2)
    # Dark in the west, bright in the east: a window's own limits would show both alike.
    ramp = np.linspace(0.1, 0.9, 1200)[None, :, None] + rng.normal(0, 0.01, (900, 1200, 3))
    values = (ramp * most).astype(dtype)
    low, high = np.percentile(values, [2, 98])
    expected = np.clip((values.astype(float) - low) / (high - low) * 255, 0, 255)
    with open_scene(save(tmp_path / "s.tif", values)) as scene:
        assert f"{dtype} values from" in scene.warnings[-1]
        assert "were stretched to 0-255" in scene.warnings[-1]
        whole, _ = read_all(scene)
        west = scene.read(Window(0, 100, 300, 400)).rgb
    assert np.abs(whole - expected).max() <= 1
    assert np.array_equal(west, whole[100:400, :300])


def test_nodata_and_no_number_do_not_move_the_stretch(tmp_path: Path) -> None:
    values = np.random.default_rng(3).uniform(0.2, 0.4, (600, 600, 3)).astype(np.float32)
    plain = save(tmp_path / "plain.tif", values[:, 200:])
    values[:, :150] = -9999
    values[:100, 150:200] = np.nan
    values[100:, 150:200] = np.finfo(np.float32).min
    with (
        open_scene(plain) as without,
        open_scene(save(tmp_path / "s.tif", values, nodata=-9999)) as scene,
    ):
        rgb, valid = read_all(scene)
        assert valid[:, 200:].all()
        assert not valid[:, :200].any()
        assert not rgb[:, :200].any()
        assert np.array_equal(rgb[:, 200:], read_all(without)[0])


def test_a_narrow_strip_of_data_decides_the_stretch(tmp_path: Path) -> None:
    # The coarse lattice of windows lies left and right of it.
    path = tmp_path / "s.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=9000, height=3000, count=1, dtype="uint16", nodata=0,
        tiled=True, blockxsize=256, blockysize=256, sparse_ok=True, compress="deflate",
    ) as target:  # fmt: skip
        strip = np.random.default_rng(4).integers(300, 700, (1, 3000, 250), dtype=np.uint16)
        target.write(strip, window=((0, 3000), (200, 450)))
    with open_scene(path) as scene:
        # The 2nd percentile of the strip; zeros, had they counted, would be far below it.
        assert "uint16 values from 30" in scene.warnings[-1]


@pytest.mark.parametrize("how", ["alpha", "nodata", "mask"])
def test_what_is_no_data_is_told(tmp_path: Path, how: str) -> None:
    rgb = np.full((40, 60, 3), 90, np.uint8)
    expected = np.ones((40, 60), bool)
    expected[:10] = False
    path = tmp_path / "s.tif"
    if how == "alpha":
        four = np.concatenate([rgb, 255 * expected[..., None].astype(np.uint8)], -1)
        save(path, four, colours=["red", "green", "blue", "alpha"])
    elif how == "nodata":
        rgb[:10] = 7
        save(path, rgb, nodata=7)
    else:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            save(path, rgb)
            with rasterio.open(path, "r+") as target:
                target.write_mask(expected)
    with open_scene(path) as scene:
        found, valid = read_all(scene)
    assert np.array_equal(valid, expected)
    assert not found[:10].any()
    assert (found[10:] == 90).all()


def test_bands_go_by_their_colours_or_as_named(tmp_path: Path) -> None:
    bands = np.zeros((20, 30, 4), np.uint8)
    bands[:] = (10, 20, 30, 40)
    path = save(tmp_path / "s.tif", bands, colours=["blue", "green", "red", "undefined"])
    for choice, colour in ((None, (30, 20, 10)), ((4, 1, 2), (40, 10, 20)), ((4,), (40, 40, 40))):
        with open_scene(path, bands=choice) as scene:
            assert tuple(read_all(scene)[0][3, 3]) == colour
    for wrong in ((0, 1, 2), (1, 2), (1, 2, 5), ()):
        with (
            pytest.raises(BadInputError, match="one or three of 1 to 4"),
            open_scene(path, bands=wrong),
        ):
            pass


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    path = tmp_path / "s.tif"
    save(path, np.full((20, 30), 7, np.uint8), photometric="palette")
    with rasterio.open(path, "r+") as target:
        target.write_colormap(1, {7: (10, 60, 90, 255)})
    with open_scene(path) as scene:
        assert tuple(read_all(scene)[0][3, 3]) == (10, 60, 90)


def test_jpeg_2000_is_a_scene(tmp_path: Path) -> None:
    rgb = np.random.default_rng(5).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    path = tmp_path / "s.jp2"
    with rasterio.open(
        path, "w", driver="JP2OpenJPEG", width=400, height=300, count=3, dtype="uint8",
        QUALITY=100, REVERSIBLE="YES", crs="EPSG:32633", transform=Affine(1.5, 0, 0, 0, -1.5, 5e6),
    ) as target:  # fmt: skip
        target.write(rgb.transpose(2, 0, 1))
    assert is_scene(path)
    with open_scene(path) as scene:
        assert scene.grid.crs.to_epsg() == 32633
        assert np.array_equal(read_all(scene)[0], rgb)


def test_large_pictures_are_scenes_and_small_ones_tiles(tmp_path: Path) -> None:
    plain = save(tmp_path / "plain.tif", GREY, crs=None, transform=None)
    png = tmp_path / "tile.png"
    Image.fromarray(GREY).save(png)
    text = tmp_path / "page.tif"
    text.write_text("<html></html>")
    huge = huge_scene(tmp_path / "huge.tif", crs=None)
    placed = save(tmp_path / "placed.tif", GREY)
    assert [is_scene(p) for p in (plain, png, text, huge, placed)] == [False] * 3 + [True] * 2
    with pytest.raises(UnsupportedImageError, match="no GeoTIFF"), open_scene(text):
        pass


def huge_scene(path: Path, **profile: Any) -> Path:
    """200,000 x 200,000 pixels, none of them written."""
    fields = {
        "driver": "GTiff", "width": 200_000, "height": 200_000, "count": 3, "dtype": "uint8",
        "tiled": True, "blockxsize": 8192, "blockysize": 8192, "sparse_ok": True,
        "compress": "deflate", "bigtiff": "yes", "crs": "EPSG:32633", "nodata": 0,
        "transform": Affine(1.5, 0, 0, 0, -1.5, 5e6), "interleave": "band", **profile,
    }  # fmt: skip
    with rasterio.open(path, "w", **fields):
        pass
    return path


def test_size_is_no_limit(tmp_path: Path) -> None:
    path = huge_scene(tmp_path / "s.tif", blockxsize=1024, blockysize=1024)
    with open_scene(path) as scene:
        assert scene.shape_hw == (200_000, 200_000)
        corner = scene.read(Window(199_900, 199_900, 200_000, 200_000))
    assert corner.valid is not None
    assert not corner.valid.any()


def test_costly_rasters_are_refused_before_they_are_read(tmp_path: Path) -> None:
    for name, profile, text in (
        ("tiles", {"blockxsize": 32_768, "blockysize": 32_768}, "internal tiles of 32,768"),
        ("bands", {"count": 5000, "width": 64, "height": 64, "blockxsize": 64, "blockysize": 64},
         "5,000 bands; the limit is"),
    ):  # fmt: skip
        path = huge_scene(tmp_path / f"{name}.tif", **profile)
        with pytest.raises(ImageTooLargeError, match=text), open_scene(path):
            pass


def test_complex_samples_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "s.tif", np.ones((40, 60), np.complex64))
    with pytest.raises(UnsupportedImageError, match="complex64"), open_scene(path):
        pass


@pytest.mark.parametrize("content", [b"", b"II*\0", b"GIF89a" + bytes(100), b"\x89PNG\r\n\x1a\n"])
def test_broken_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.tif"
    path.write_bytes(content)
    assert not is_scene(path)
    with pytest.raises((ImageError, UnsupportedImageError), match=r"s\.tif"), open_scene(path):
        pass


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.tif", tmp_path):
        with pytest.raises(UsageError), open_scene(path):
            pass


def test_data_cut_short_are_no_black_rows(tmp_path: Path) -> None:
    noise = np.random.default_rng(6).integers(0, 255, (600, 600, 3), dtype=np.uint8)
    path = save(tmp_path / "s.tif", noise)
    path.write_bytes(path.read_bytes()[:-400_000])
    with open_scene(path) as scene, pytest.raises(ImageError, match="rows 256 to 600"):
        scene.read(Window(0, 256, 600, 600))


def test_a_sidecar_is_not_read(tmp_path: Path) -> None:
    path = save(tmp_path / "s.tif", GREY)
    (tmp_path / "s.tif.aux.xml").write_text(
        '<PAMDataset><GeoTransform>0,99,0,0,0,-99</GeoTransform><PAMRasterBand band="1">'
        "<NoDataValue>90</NoDataValue></PAMRasterBand></PAMDataset>"
    )
    with open_scene(path) as scene:
        assert scene.grid.gsd_m == pytest.approx(1.5, rel=1e-3)
        assert read_all(scene)[1].all()


VRT = """<VRTDataset rasterXSize="60" rasterYSize="40"><SRS>EPSG:32633</SRS>
<GeoTransform>0,1.5,0,5000000,0,-1.5</GeoTransform><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename relativeToVRT="1">s.tif</SourceFilename>
<SourceBand>2</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""


@pytest.mark.parametrize("name", ["s.vrt", "dressed.tif"])
def test_virtual_rasters_are_refused_unless_allowed(tmp_path: Path, name: str) -> None:
    save(tmp_path / "s.tif", GREY)
    path = tmp_path / name
    path.write_text(VRT)
    assert is_scene(path)
    with pytest.raises(UnsupportedImageError, match="virtual raster") as caught, open_scene(path):
        pass
    assert "--allow-vrt" in str(caught.value.hint)
    # In a process of its own: what GDAL loads is decided once.
    code = (
        "from shipseg.imaging.gdal import allow_vrt; allow_vrt()\n"
        "from shipseg.imaging.tiling import Window\n"
        "from shipseg.scenes.open import open_scene\n"
        f"with open_scene({str(path)!r}, allow_vrt=True) as scene:\n"
        "    print(scene.read(Window(0, 0, 60, 40)).rgb.mean())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert float(done.stdout) == 90
