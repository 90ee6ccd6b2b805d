"""Vectors and tables of scenes, opened again with the programs that people use."""

from __future__ import annotations

import csv
import doctest
import json
import sqlite3
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
from pycocotools import mask as coco_mask
from shapely import MultiPolygon, Polygon
from shapely.geometry import shape

from shipseg.imaging.gdal import rasterio
from shipseg.scenes.result import Grid, SceneResult, SceneShip
from shipseg.writers.scenes import FORMATS, geometry, write_scene
from shipseg.writers.scenes.described import PROPERTIES
from shipseg.writers.scenes.style import CLASSES

from .drawn import PLACES, empty, result_at

import rasterio.features  # isort: skip


def written(folder: Path, result: SceneResult, form: str) -> Path:
    (path,) = write_scene(result, folder, formats=[form])
    return path


def back_to_px(outline: Any, result: SceneResult, crs: Any) -> Any:
    """Through the other way: the frame's CRS, and GDAL's own transformation."""
    frame = geopandas.GeoSeries([outline], crs=crs).to_crs(result.grid.crs.to_wkt())
    t = ~result.grid.transform
    return shapely.affinity.affine_transform(frame[0], [t.a, t.b, t.d, t.e, t.c, t.f])


@pytest.mark.parametrize("place", ["utm", "mercator", "degrees", "rotated"])
def test_geojson_lies_on_the_scene(tmp_path: Path, place: str) -> None:
    result = result_at(place)
    frame = geopandas.read_file(written(tmp_path, result, "geojson"))
    assert frame.crs.to_epsg() == 4326
    assert list(frame["number"]) == [1, 2, 3, 4, 5]
    for ship, outline in zip(result.ships, frame.geometry, strict=True):
        there = back_to_px(outline, result, 4326)
        # Seven decimals of a degree are a hundredth of these pixels.
        assert there.symmetric_difference(ship.outline).area < 0.02 * ship.outline.length


def rings_of(geometry: dict[str, Any]) -> list[list[Any]]:
    polygons = geometry["coordinates"]
    return polygons if geometry["type"] == "MultiPolygon" else [polygons]


@pytest.mark.parametrize("place", sorted(set(PLACES) - {"nowhere"}))
def test_geojson_follows_rfc_7946(tmp_path: Path, place: str) -> None:
    document = json.loads(written(tmp_path, result_at(place), "geojson").read_text())
    assert "crs" not in document
    for feature in document["features"]:
        geometry = feature["geometry"]
        assert geometry["type"] in ("Polygon", "MultiPolygon")
        for polygon in rings_of(geometry):
            for index, ring in enumerate(polygon):
                assert ring[0] == ring[-1]
                # 3.1.6: the outer ring counterclockwise, holes clockwise.
                assert shapely.LinearRing(ring).is_ccw == (index == 0)
                assert all(-180 <= x <= 180 and -90 <= y <= 90 for x, y in ring)
    # One of the ships has a hole; the antimeridian goes through it and leaves two halves without.
    holes = sum(len(p) - 1 for f in document["features"] for p in rings_of(f["geometry"]))
    assert holes == (place != "antimeridian")


def test_geojson_is_parted_at_the_antimeridian(tmp_path: Path) -> None:
    result = result_at("antimeridian")
    document = json.loads(written(tmp_path, result, "geojson").read_text())
    shapes = [shape(feature["geometry"]) for feature in document["features"]]
    crossing = [isinstance(found, MultiPolygon) for found in shapes]
    bounds = [ship.outline.bounds for ship in result.ships]
    assert crossing == [x0 < 220 < x1 for x0, _, x1, _ in bounds]
    assert sum(crossing) == 1
    for ship, found in zip(result.ships, shapes, strict=True):
        assert found.is_valid
        assert found.area == pytest.approx(ship.outline.area * 1e-10, rel=0.01)


def test_geojson_tells_of_the_scene(tmp_path: Path) -> None:
    scene = json.loads(written(tmp_path, result_at(), "geojson").read_text())["scene"]
    assert scene["name"] == "scene.tif"
    assert (scene["width"], scene["height"], scene["looked_at_px"]) == (420, 300, 100_000)
    assert scene["looked_at_km2"] == pytest.approx(0.225, rel=0.01)
    assert scene["warnings"] == ["a warning"]


def test_without_a_crs_the_geometries_are_null(tmp_path: Path) -> None:
    document = json.loads(written(tmp_path, result_at("nowhere"), "geojson").read_text())
    assert [feature["geometry"] for feature in document["features"]] == [None] * 5
    assert {feature["properties"]["length_m"] for feature in document["features"]} == {None}
    assert all(feature["properties"]["length_px"] for feature in document["features"])


@pytest.mark.parametrize("place", ["utm", "mercator", "degrees", "rotated"])
@pytest.mark.parametrize("form", ["gpkg", "parquet"])
def test_the_scenes_own_crs_keeps_outlines_as_they_are(
    tmp_path: Path, form: str, place: str
) -> None:
    result = result_at(place)
    path = written(tmp_path, result, form)
    frame = (
        geopandas.read_file(path, layer="ships") if form == "gpkg" else geopandas.read_parquet(path)
    )
    assert frame.crs.to_epsg() == PLACES[place][0]
    t = ~result.grid.transform
    for ship, outline in zip(result.ships, frame.geometry, strict=True):
        there = shapely.affinity.affine_transform(outline, [t.a, t.b, t.d, t.e, t.c, t.f])
        assert there.symmetric_difference(ship.outline).area < 1e-3
    assert list(frame.columns) == [*PROPERTIES, "geometry"]
    assert frame["cut"].tolist() == [ship.cut for ship in result.ships]
    assert frame["score"].tolist() == pytest.approx([s.score for s in result.ships], abs=1e-6)


@pytest.mark.parametrize("form", ["gpkg", "parquet"])
def test_without_a_crs_coordinates_are_pixels(tmp_path: Path, form: str) -> None:
    result = result_at("nowhere")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = written(tmp_path, result, form)
    frame = (
        geopandas.read_file(path, layer="ships") if form == "gpkg" else geopandas.read_parquet(path)
    )
    for ship, outline in zip(result.ships, frame.geometry, strict=True):
        assert outline.equals(ship.outline)
    assert frame["lon"].isna().all()


def test_pyogrio_reads_the_layer_with_its_types(tmp_path: Path) -> None:
    path = written(tmp_path, result_at(), "gpkg")
    info = pyogrio.read_info(path, layer="ships")
    assert info["geometry_type"] == "Polygon"
    assert info["features"] == 5
    types = dict(zip(info["fields"], info["dtypes"], strict=True))
    assert types["number"] == "int64"
    assert types["score"] == "float64"
    assert types["cut"] == "bool"
    assert [str(kind) for _, kind in pyogrio.list_layers(path)] == ["Polygon", "None"]


def test_the_style_is_where_qgis_looks_for_it(tmp_path: Path) -> None:
    path = written(tmp_path, result_at(), "gpkg")
    with sqlite3.connect(path) as database:
        rows = database.execute(
            "SELECT f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles"
        ).fetchall()
        column = database.execute("SELECT column_name FROM gpkg_geometry_columns").fetchone()[0]
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ((table, geometry, default, qml),) = rows
    assert (table, geometry, default) == ("ships", column, 1)
    style = ElementTree.fromstring(qml)
    renderer = style.find("renderer-v2")
    assert (renderer.get("type"), renderer.get("attr")) == ("graduatedSymbol", "score")
    ranges = [(float(r.get("lower")), float(r.get("upper"))) for r in renderer.iter("range")]
    # Every score falls into a class, and every class has its symbol.
    assert ranges[0][0] == 0.0
    assert ranges[-1][1] == 1.0
    assert [low for low, _ in ranges[1:]] == [high for _, high in ranges[:-1]]
    assert len(renderer.find("symbols")) == len(CLASSES)
    expression = next(
        o.get("value") for o in renderer.iter("Option") if o.get("name") == "expression"
    )
    assert '"cut"' in expression


def test_coco_gives_pycocotools_the_same_masks(tmp_path: Path) -> None:
    result = result_at()
    document = json.loads(written(tmp_path, result, "coco").read_text())
    ((image,), (category,)) = document["images"], document["categories"]
    assert (image["file_name"], image["width"], image["height"]) == ("scene.tif", 420, 300)
    assert category["name"] == "ship"
    kinds = []
    for ship, annotation in zip(result.ships, document["annotations"], strict=True):
        found = annotation["segmentation"]
        kinds.append(type(found).__name__)
        runs = coco_mask.frPyObjects(found, 300, 420)
        mask = coco_mask.decode(runs if isinstance(runs, dict) else coco_mask.merge(runs))
        truth = rasterio.features.rasterize([ship.outline], out_shape=(300, 420), dtype="uint8")
        assert np.count_nonzero(mask != truth) <= (0 if kinds[-1] == "dict" else 40)
        x0, y0, x1, y1 = ship.outline.bounds
        assert annotation["bbox"] == pytest.approx([x0, y0, x1 - x0, y1 - y0])
        assert annotation["score"] == pytest.approx(ship.score, abs=1e-6)
    assert sorted(kinds) == ["dict", "list", "list", "list", "list"]


def test_a_ring_at_the_corners_of_the_scene_has_right_runs(tmp_path: Path) -> None:
    """Runs that end at a column's foot go on at the next one's head, and may begin at 0."""
    outline = Polygon([(0, 0), (6, 0), (6, 5), (0, 5)], [[(2, 2), (4, 2), (4, 3), (2, 3)]])
    result = SceneResult(
        "s.tif", Grid((5, 6), rasterio.Affine.identity(), None, None),
        [SceneShip(outline, 0.5, True)], 30,
    )  # fmt: skip
    document = json.loads(written(tmp_path, result, "coco").read_text())
    runs = document["annotations"][0]["segmentation"]
    assert runs == {"size": [5, 6], "counts": [0, 12, 1, 4, 1, 12, 0]}
    truth = rasterio.features.rasterize([outline], out_shape=(5, 6), dtype="uint8")
    assert (coco_mask.decode(coco_mask.frPyObjects(runs, 5, 6)) == truth).all()


def test_csv_rows_hold_properties_box_and_outline(tmp_path: Path) -> None:
    result = result_at(name='ships, "=cmd()".tif')
    path = written(tmp_path, result, "csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["scene", *PROPERTIES, "x0", "y0", "x1", "y1", "polygon"]
    for number, (ship, row) in enumerate(zip(result.ships, rows, strict=True), start=1):
        assert row["scene"] == result.name
        assert int(row["number"]) == number
        assert row["cut"] == str(ship.cut).lower()
        rings = [
            [tuple(map(float, point.split(","))) for point in ring.split()]
            for ring in row["polygon"].split(";")
        ]
        assert Polygon(rings[0], rings[1:]).equals(ship.outline)
        box = [float(row[key]) for key in ("x0", "y0", "x1", "y1")]
        assert box == pytest.approx(ship.outline.bounds)


@pytest.mark.parametrize("place", ["utm", "nowhere"])
@pytest.mark.parametrize("form", ["geojson", "gpkg", "parquet", "coco", "csv"])
def test_a_scene_without_ships_is_a_file_without_rows(
    tmp_path: Path, form: str, place: str
) -> None:
    path = written(tmp_path, empty(place), form)
    if form == "csv":
        assert path.read_text().count("\n") == 1
    elif form == "coco":
        assert json.loads(path.read_text())["annotations"] == []
    elif form == "geojson":
        assert json.loads(path.read_text())["features"] == []
    else:
        read = geopandas.read_parquet if form == "parquet" else geopandas.read_file
        frame = read(path, **({"layer": "ships"} if form == "gpkg" else {}))
        assert len(frame) == 0
        assert list(frame.columns) == [*PROPERTIES, "geometry"]


def test_examples_in_docstrings_hold() -> None:
    result = doctest.testmod(geometry)
    assert result.attempted > 0
    assert result.failed == 0


def test_properties_and_formats_are_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "outputs.md").read_text(encoding="utf-8")
    missing = [name for name in (*PROPERTIES, *FORMATS) if f"`{name}`" not in text]
    assert not missing
