"""Ships in any file against ships in any other, and files that cannot be used."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from shapely import Point, box
from shapely.geometry import mapping
from writers.scenes.drawn import result_at

from shipseg.errors import BadInputError, UsageError
from shipseg.evaluation.scene_files import read_ships
from shipseg.evaluation.scene_plane import compare
from shipseg.evaluation.scenes import evaluate_scene
from shipseg.scenes.area import Area
from shipseg.scenes.result import SceneResult
from shipseg.writers.scenes import FORMATS, write_scene

VECTORS = ["geojson", "gpkg", "parquet", "coco", "csv"]
IN_PIXELS = {"coco", "csv"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """All ships, and all but the second, of one scene, in every format."""
    result = result_at("mercator")
    fewer = [ship for number, ship in enumerate(result.ships) if number != 1]
    found = SceneResult(result.name, result.grid, fewer, result.looked_at_px)
    folder = tmp_path_factory.mktemp("written")
    files = {}
    for name, scene in (("truth", result), ("found", found)):
        paths = write_scene(scene, folder / name, formats=VECTORS)
        files[name] = dict(zip(VECTORS, paths, strict=True))
    return files


@pytest.mark.parametrize(
    ("ours", "theirs", "with_scene"), itertools.product(VECTORS, VECTORS, [True, False])
)
def test_any_format_against_any_other(
    written: dict[str, dict[str, Path]], ours: str, theirs: str, with_scene: bool
) -> None:
    found, truth = read_ships(written["found"][ours]), read_ships(written["truth"][theirs])
    grid = result_at("mercator").grid if with_scene else None
    if not with_scene and (ours in IN_PIXELS) != (theirs in IN_PIXELS):
        with pytest.raises(BadInputError, match="in pixels") as refusal:
            compare(found, truth)
        assert "--scene" in refusal.value.hint
        return
    compared = compare(found, truth, grid)
    report = evaluate_scene(compared.found, compared.truth, unit=compared.unit)
    # A CSV alone does not say how large a pixel is.
    assert compared.unit == ("px" if {ours, theirs} == {"csv"} and not with_scene else "m")
    assert (report.by_iou.counts.true_positives, report.truth) == (4, 5)
    assert report.by_iou.counts.false_negatives == 1
    assert report.median_iou == pytest.approx(1.0, abs=0.01)


def test_what_was_looked_at_is_read_where_it_is_written(
    written: dict[str, dict[str, Path]],
) -> None:
    gsd_m = result_at("mercator").grid.gsd_m
    for form in ("geojson", "coco"):
        ships = read_ships(written["found"][form])
        assert ships.looked_at_km2 == pytest.approx(0.1 * gsd_m**2, rel=1e-4)
        assert ships.gsd_m == pytest.approx(gsd_m)
    assert read_ships(written["found"]["csv"]).looked_at_km2 is None
    assert set(VECTORS) < set(FORMATS)


def test_only_ships_of_the_area_count(written: dict[str, dict[str, Path]]) -> None:
    grid = result_at("mercator").grid
    truth = read_ships(written["truth"]["gpkg"])
    area = Area([box(0, 0, 100, 100)], [])
    compared = compare(truth, truth, grid, area)
    assert (len(compared.found), len(compared.truth)) == (1, 1)


TABLE = """scene,x0,y0,x1,y1,polygon
a.tif,1,1,5,3,"1,1 5,1 5,3 1,3"
a.tif,10,10,14,12,
b.tif,1,1,5,3,"1,1 5,1 5,3 1,3;2,1.5 3,1.5 3,2"
"""


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ships.csv"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_table_of_several_scenes(tmp_path: Path, ends: str) -> None:
    path = table(tmp_path, "\ufeff" + TABLE.replace("\n", ends))
    assert [o.area for o in read_ships(path, "a.tif").outlines] == [8.0, 8.0]
    assert [o.area for o in read_ships(path, "b.tif").outlines] == [7.75]
    for scene, words in ((None, "ships of a.tif, b.tif"), ("c.tif", "none of c.tif")):
        with pytest.raises(BadInputError, match=words):
            read_ships(path, scene)


def test_a_table_of_boxes_alone(tmp_path: Path) -> None:
    path = table(tmp_path, "x0,y0,x1,y1\n1,2,3,5\n")
    assert [o.bounds for o in read_ships(path).outlines] == [(1, 2, 3, 5)]


def test_a_table_without_ships(tmp_path: Path) -> None:
    assert read_ships(table(tmp_path, "scene,x0,y0,x1,y1,polygon\n"), "a.tif").outlines == ()


def test_an_outline_that_crosses_itself_is_repaired(tmp_path: Path) -> None:
    ships = read_ships(table(tmp_path, 'polygon\n"0,0 4,4 4,0 0,4"\n"0,0 1,0 1,1"\n'))
    assert ships.repaired == 1
    assert ships.outlines[0].area == pytest.approx(8.0)


@pytest.mark.parametrize(
    "row",
    [
        '"1,1 5,1"',
        '"1,1 5,x 3,3"',
        '"1,1 nan,1 3,3"',
        '"1,1 inf,1 3,3"',
        '"1 2 3"',
        '"0,0 1,1 2,2"',
    ],
)
def test_rows_without_an_outline_are_refused(tmp_path: Path, row: str) -> None:
    with pytest.raises(BadInputError, match=r"ships\.csv"):
        read_ships(table(tmp_path, f"polygon\n{row}\n"))


def coco(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "images": [{"id": 7, "file_name": "a.tif"}, {"id": 8, "file_name": "b.tif"}],
        "annotations": [{"image_id": 7, "segmentation": [[0, 0, 4, 0, 4, 2, 0, 2]]}],
    }
    return document | changes


def write(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "ships.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("compressed", [True, False])
def test_run_lengths_of_coco_in_both_spellings(tmp_path: Path, compressed: bool) -> None:
    mask = np.zeros((40, 30), np.uint8, order="F")
    mask[0:40, 3:6] = 1
    mask[10:20, 8:25] = 1
    mask[12:14, 10:12] = 0
    runs = coco_mask.encode(mask)
    text = runs["counts"].decode()
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat]).astype(int)))
    counts = np.diff([0, *edges.tolist(), flat.size]).tolist()
    found = {"size": [40, 30], "counts": text if compressed else counts}
    document = coco(annotations=[{"image_id": 7, "segmentation": found}])
    (outline,) = read_ships(write(tmp_path, document), "a.tif").outlines
    inside = [outline.contains(Point(x + 0.5, y + 0.5)) for y in range(40) for x in range(30)]
    assert np.array_equal(np.reshape(inside, (40, 30)), mask == 1)


def test_coco_of_several_pictures(tmp_path: Path) -> None:
    path = write(tmp_path, coco())
    assert len(read_ships(path, "a.tif").outlines) == 1
    assert read_ships(path, "b.tif").outlines == ()
    with pytest.raises(BadInputError, match="2 pictures"):
        read_ships(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"images": None}, {"images": []}, {"annotations": [{"image_id": 7}]},
        {"annotations": [{"image_id": 7, "segmentation": [[0, 0, 1]]}]},
        {"annotations": [{"image_id": 7, "segmentation": {"size": [0, 3], "counts": [1, 2]}}]},
        {"annotations": [{"image_id": 7, "segmentation": "x"}]}, {"info": 3},
    ],
)  # fmt: skip
def test_broken_coco_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=r"ships\.json"):
        read_ships(write(tmp_path, coco(**changes)), "a.tif")


def test_ships_without_a_place_are_refused(tmp_path: Path) -> None:
    (path,) = write_scene(result_at("nowhere"), tmp_path, formats=["geojson"])
    with pytest.raises(BadInputError, match="5 of 5 ships have no place") as refusal:
        read_ships(path)
    assert "CSV" in refusal.value.hint


def test_points_are_refused(tmp_path: Path) -> None:
    features = [{"type": "Feature", "geometry": mapping(Point(1, 2)), "properties": {}}]
    path = write(tmp_path, {"type": "FeatureCollection", "features": features})
    with pytest.raises(BadInputError, match="feature 1 is a Point"):
        read_ships(path)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\0\1\2", b"hello"])
def test_what_holds_no_ships_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "ships.bin"
    path.write_bytes(data)
    with pytest.raises(BadInputError, match=r"ships\.bin"):
        read_ships(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gone"):
        read_ships(tmp_path / "gone.geojson")


def test_files_far_apart_match_nothing(tmp_path: Path, written: dict[str, dict[str, Path]]) -> None:
    path = tmp_path / "far.gpkg"
    geopandas.GeoDataFrame(geometry=[box(-70, -30, -69.999, -29.999)], crs=4326).to_file(path)
    compared = compare(read_ships(written["found"]["geojson"]), read_ships(path))
    report = evaluate_scene(compared.found, compared.truth)
    assert report.by_place.counts.true_positives == 0
