"""Areas of interest: the same pixels whatever the CRS and the windows, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer
from shapely import LineString, Point, Polygon, box
from shapely.affinity import affine_transform
from shapely.geometry import mapping

from shipseg.errors import BadInputError, MissingDependencyError, UsageError
from shipseg.imaging.gdal import rasterio
from shipseg.imaging.tiling import Window, windows
from shipseg.scenes import area_vectors
from shipseg.scenes.area import Area, read_area
from shipseg.scenes.area_vectors import parse_geojson, read_vectors
from shipseg.scenes.result import Grid

from .grids import bare_grid, grid_at

GRID = grid_at(32633, (14.3, 40.8), 1.5)
WHOLE = Window(0, 0, 600, 400)
# No pixel's middle lies on its border: there, either side is right.
HARBOUR_PX = Polygon([(50.13, 40.21), (420.37, 60.11), (500.43, 300.19), (120.29, 380.41)])


def on_earth(grid: Grid, shape_px: Any, epsg: int) -> Any:
    """Pixels to coordinates of another CRS, vertex by vertex."""
    t = grid.transform
    own = affine_transform(shape_px, [t.a, t.b, t.d, t.e, t.c, t.f])
    way = Transformer.from_crs(CRS.from_wkt(grid.crs.to_wkt()), epsg, always_xy=True)
    return shapely.transform(own, lambda p: np.stack(way.transform(p[:, 0], p[:, 1]), axis=1))


def write_geojson(path: Path, *shapes: Any, **members: Any) -> Path:
    features = [{"type": "Feature", "properties": {}, "geometry": mapping(s)} for s in shapes]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features} | members))
    return path


def write_vectors(path: Path, *shapes: Any, epsg: int | None) -> Path:
    frame = geopandas.GeoDataFrame(geometry=list(shapes), crs=epsg)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_file(path)
    return path


def inside(shape_px: Any, window: Window = WHOLE) -> np.ndarray:
    """Pixels whose middle lies in a shape, one by one: the slow reference."""
    ys, xs = np.mgrid[window.y0 : window.y1, window.x0 : window.x1] + 0.5
    return shapely.contains_xy(shape_px, xs, ys)


@pytest.mark.parametrize("epsg", [4326, 3857, 32633, 32632, 3035])
@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".fgb", ".parquet"])
def test_any_format_and_crs_gives_the_same_pixels(tmp_path: Path, suffix: str, epsg: int) -> None:
    path = write_vectors(tmp_path / f"a{suffix}", on_earth(GRID, HARBOUR_PX, epsg), epsg=epsg)
    found = read_area(GRID, aoi=path).valid(WHOLE)
    # The straight lines of one projection bend in another: by a pixel over so short a way.
    assert np.count_nonzero(found != inside(HARBOUR_PX)) < 400
    assert (found == inside(HARBOUR_PX))[inside(HARBOUR_PX.buffer(-1.5))].all()
    assert not found[~inside(HARBOUR_PX.buffer(1.5))].any()


def test_geojson_and_the_rest_of_the_area(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.json", on_earth(GRID, HARBOUR_PX, 4326))
    wanted = read_area(GRID, aoi=path).valid(WHOLE)
    left = read_area(GRID, exclude=path).valid(WHOLE)
    assert np.array_equal(wanted, ~left)
    assert 0.3 < wanted.mean() < 0.7
    assert not read_area(GRID, aoi=path, exclude=path).valid(WHOLE).any()


def test_a_long_parallel_bends_on_the_scene(tmp_path: Path) -> None:
    """At 70 north a parallel of 40 km strays from its chord by some 60 m: it is followed."""
    grid = grid_at(32633, (20.0, 70.0), 50.0, shape_hw=(400, 800))
    path = write_geojson(tmp_path / "a.json", box(19.4, 70.0, 20.6, 70.5))
    found = read_area(grid, aoi=path).valid(Window(0, 0, 800, 400))
    way = Transformer.from_crs(32633, 4326, always_xy=True)
    ys, xs = np.mgrid[0:400, 0:800] + 0.5
    x, y = grid.transform @ (xs, ys)
    lon, lat = way.transform(x, y)
    truth = (lon > 19.4) & (lon < 20.6) & (lat > 70.0) & (lat < 70.5)
    assert truth.any()
    assert np.count_nonzero(found != truth) <= 4


@pytest.mark.parametrize("middle", [180.0, -180.0, 179.999])
def test_over_the_antimeridian(tmp_path: Path, middle: float) -> None:
    grid = grid_at(4326, (middle, -17.0), 1.5 / 111_320)
    parts = [box(179.998, -17.1, 180, -16.9), box(-180, -17.1, -179.998, -16.9)]
    path = write_geojson(tmp_path / "a.json", shapely.MultiPolygon(parts))
    found = read_area(grid, aoi=path).valid(WHOLE)
    xs = (grid.transform @ (np.arange(600) + 0.5, np.zeros(600)))[0]
    truth = np.abs((xs + 360) % 360 - 180) < 0.002
    assert np.array_equal(found, np.tile(truth, (400, 1)))


def test_a_file_of_the_whole_world_is_clipped_first(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.json", box(-180, -90, 180, 90))
    assert read_area(GRID, aoi=path).valid(WHOLE).all()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_windows_are_parts_of_the_whole(data: st.DataObject) -> None:
    points = st.tuples(st.floats(-30, 130), st.floats(-30, 110))
    rings = data.draw(st.lists(st.lists(points, min_size=3, max_size=9), min_size=1, max_size=3))
    polygons = [p for p in map(Polygon, rings) if p.is_valid and p.area > 0]
    area = Area(polygons, [box(40, 20.5, 60.5, 70)])
    whole = area.valid(Window(0, 0, 100, 80))
    for window in windows((80, 100), data.draw(st.integers(7, 40)), 3):
        assert np.array_equal(area.valid(window), whole[window.slices])


def test_windows_agree_with_the_slow_reference() -> None:
    area = Area([HARBOUR_PX], [box(200, 100, 260, 200)])
    truth = HARBOUR_PX.difference(box(200, 100, 260, 200))
    for window in (Window(180, 80, 300, 230), Window(0, 0, 64, 64), Window(480, 250, 600, 400)):
        assert np.array_equal(area.valid(window), inside(truth, window))


def test_a_ship_at_the_border_is_cut() -> None:
    area = Area([box(0, 0, 300, 400), box(300, 0, 500, 400)], [box(100, 100, 200, 200)])
    assert not area.cuts(box(20, 20, 60, 30))
    # Two polygons side by side are one area.
    assert not area.cuts(box(280, 20, 320, 30))
    assert area.cuts(box(440, 20, 500, 30))
    assert area.cuts(box(40, 150, 100, 160))
    assert area.holds(20, 20)
    assert not area.holds(150, 150)
    assert not area.holds(550, 20)
    assert not Area(None, []).cuts(box(0, 0, 5, 5))


def test_a_scene_without_a_crs_takes_an_area_in_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    with pytest.warns(UserWarning, match="crs"):
        write_vectors(path, HARBOUR_PX, epsg=None)
    assert np.array_equal(read_area(bare_grid(), aoi=path).valid(WHOLE), inside(HARBOUR_PX))


def test_the_older_geojson_names_its_crs(tmp_path: Path) -> None:
    member = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    path = write_geojson(tmp_path / "a.json", on_earth(GRID, HARBOUR_PX, 32633), crs=member)
    assert np.array_equal(read_area(GRID, aoi=path).valid(WHOLE), inside(HARBOUR_PX))


BOW_TIE = Polygon([(14.2, 40.7), (14.4, 40.9), (14.4, 40.7), (14.2, 40.9)])
NEAR = box(14.29, 40.79, 14.31, 40.81)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ([], "no polygon in 0 features"),
        ([LineString([(14.2, 40.7), (14.4, 40.9)])], "feature 1 is a LineString"),
        ([NEAR, Point(14.3, 40.8)], "feature 2 is a Point"),
        ([BOW_TIE], "Self-intersection"),
        ([box(4, 50, 5, 51)], "latitude 40.8"),
    ],
    ids=["empty", "line", "point", "bow tie", "elsewhere"],
)
def test_areas_that_cannot_be_used_are_refused(
    tmp_path: Path, shapes: list[Any], words: str
) -> None:
    path = write_geojson(tmp_path / "a.json", *shapes)
    with pytest.raises(BadInputError, match=words) as refusal:
        read_area(GRID, aoi=path)
    assert refusal.value.hint


def test_an_exclusion_elsewhere_excludes_nothing(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.json", box(4, 50, 5, 51))
    assert read_area(GRID, exclude=path).valid(WHOLE).all()


def test_a_file_without_a_crs_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="crs"):
        path = write_vectors(tmp_path / "a.shp", NEAR, epsg=None)
    with pytest.raises(BadInputError, match="no CRS") as refusal:
        read_area(GRID, aoi=path)
    assert "a_srs" in refusal.value.hint


def test_a_scene_without_a_crs_refuses_an_area_on_the_earth(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="the scene has no CRS"):
        read_area(bare_grid(), aoi=write_geojson(tmp_path / "a.json", NEAR))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"{}", b"[1, 2]", b'{"type": "FeatureCollection"}', b"[" * 100_000,
        b'{"type": "FeatureCollection", "features": [3]}',
        b'{"type": "FeatureCollection", "features": [{"geometry": {"type": "Polygon"}}]}',
        b'{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, "x"]]]}}',
        b'{"type": "Polygon", "coordinates": [[[0, 0], [NaN, 1], [1, 1], [0, 0]]]}',
        b'{"type": "Polygon", "coordinates": [], "crs": {"properties": {"name": "EPSG:0"}}}',
        b"PAR1 and no more", b"SQLite format 3\0 and no more", b"<html></html>", b"\xff\xfe{}",
        b"a,b\n1,2\n",
    ],
)  # fmt: skip
def test_what_is_no_vector_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.gpkg"
    path.write_bytes(data)
    with pytest.raises(BadInputError) as refusal:
        read_area(GRID, aoi=path)
    assert "a.gpkg" in refusal.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.gpkg"):
        read_area(GRID, aoi=tmp_path / "nothing.gpkg")


@pytest.mark.parametrize("first", ["", "import pyogrio; pyogrio.list_drivers(); "])
def test_a_virtual_file_leads_nowhere(tmp_path: Path, first: str) -> None:
    """An OGR VRT dressed as something else would read the file that it names.

    A program that imported pyogrio before shipseg has its driver.
    """
    secret = write_vectors(tmp_path / "secret.gpkg", NEAR, epsg=4326)
    path = tmp_path / "a.gml"
    path.write_text(
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{secret}</SrcDataSource>'
        "</OGRVRTLayer></OGRVRTDataSource>"
    )
    code = (
        f"{first}from shipseg.scenes.area_vectors import read_vectors; read_vectors({str(path)!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        # This process has left out drivers already, which a child would inherit.
        env={name: value for name, value in os.environ.items() if name != "GDAL_SKIP"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("shipseg.errors.BadInputError")
    assert ("a file of the driver OGR_VRT" if first else "no vector file that can be read") in last


def test_drivers_that_reach_out_are_not_loaded() -> None:
    code = (
        "from shipseg.scenes.area_vectors import import_geopandas; import_geopandas('x'); "
        "import pyogrio; print(*pyogrio.list_drivers(), sep=',')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    drivers = set(done.stdout.strip().split(","))
    assert {"GPKG", "ESRI Shapefile", "FlatGeobuf", "GML", "KML"} <= drivers
    assert not {"OGR_VRT", "VRT", "WFS", "OAPIF", "HTTP", "GDALG"} & drivers
    assert done.stderr == ""


def test_two_layers_are_one_too_many(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame = geopandas.GeoDataFrame(geometry=[NEAR], crs=4326)
    frame.to_file(path, layer="one")
    frame.to_file(path, layer="two")
    with pytest.raises(BadInputError, match="one, two"):
        read_vectors(path)


def test_without_the_extra_the_install_line_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_vectors(tmp_path / "a.gpkg", NEAR, epsg=4326)
    monkeypatch.setitem(sys.modules, "geopandas", None)
    with pytest.raises(MissingDependencyError) as refusal:
        read_area(GRID, aoi=path)
    assert refusal.value.hint == 'pip install "shipseg[geo]"'
    assert read_area(GRID, aoi=write_geojson(tmp_path / "a.json", NEAR)).valid(WHOLE).all()


def test_geojson_over_the_cap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(area_vectors, "_MOST_JSON_BYTES", 10)
    with pytest.raises(BadInputError, match="over 10 bytes"):
        parse_geojson(b'{"type": "FeatureCollection", "features": []}', name="a")


def test_rasterio_keeps_its_drivers_out() -> None:
    with rasterio.Env() as env:
        assert "VRT" not in env.drivers()
