"""`shipseg predict` on scenes: a folder each, whatever stops the run in the middle."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inference.pixels import draw, sea, write_pixel_bundle
from PIL import Image
from pyproj import Transformer
from scenes.rasters import Affine, save
from shapely.geometry import box, mapping

from shipseg.inference.detector import Detector

from .conftest import Result, Run

FORMATS = "geojson,csv,coco,mask"
GREEN = (0, 255, 0)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pixel_bundle(tmp_path_factory.mktemp("bundle") / "pixels")


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Three scenes in two folders: two far ships, none, and a harbour that takes six looks."""
    folder = tmp_path / "scenes"
    (folder / "more").mkdir(parents=True)
    two = draw(draw(sea(400, 1500), (100, 100, 160, 112)), (1300, 200, 1340, 210))
    save(folder / "two.tif", two)
    save(folder / "none.tif", sea(300, 300))
    harbour = sea(1000, 1500)
    harbour[64:960, 64:1440] = GREEN
    for x in range(100, 1400, 130):
        draw(harbour, (x, 480 + x // 10, x + 70, 496 + x // 10))
    save(folder / "more" / "harbour.tif", harbour)
    return folder


Predict = Callable[..., Result]


@pytest.fixture
def predict(run: Run, bundle: Path) -> Predict:
    def call(*arguments: object, formats: str = FORMATS) -> Result:
        return run("predict", *arguments, "--bundle", bundle, "--formats", formats)

    return call


def content(folder: Path) -> dict[str, bytes]:
    """All files but the journals, whose times may differ, and what a killed process left."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def journals(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".*journal"))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def boxes(folder: Path) -> list[tuple[int, ...]]:
    rows = table(folder / "ships.csv")
    return [tuple(int(float(row[key])) for key in ("x0", "y0", "x1", "y1")) for row in rows]


def test_a_folder_for_each_scene_and_a_table_of_all(
    predict: Predict, scenes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = predict(scenes, "-o", out, "--json")
    assert result.code == 0, result.err
    names = ["mask.tif", "ships.coco.json", "ships.csv", "ships.geojson"]
    expected = [f"{scene}/{name}" for scene in ("harbour", "none", "two") for name in names]
    assert sorted(content(out)) == sorted([*expected, "scenes.csv"])
    assert boxes(out / "two") == [(100, 100, 160, 112), (1300, 200, 1340, 210)]
    assert [(row["scene"], row["ships"]) for row in table(out / "scenes.csv")] == [
        ("harbour.tif", "10"), ("none.tif", "0"), ("two.tif", "2"),
    ]  # fmt: skip
    document = json.loads(result.out)
    assert (document["ships"], document["failed"]) == (12, 0)
    two = document["scenes"][2]
    assert two["looked_at_px"] == 400 * 1500
    assert two["looked_at_km2"] == pytest.approx(400 * 1500 * 1.5**2 / 1e6, rel=1e-2)
    assert journals(out) == [".scenes.journal"]


def test_the_summary_can_be_read(predict: Predict, scenes: Path, tmp_path: Path) -> None:
    result = predict(scenes, "-o", tmp_path / "out")
    words = " ".join(result.out.split())
    assert "scenes 3 ships 12 looked at 4.9 km²" in words
    assert str(tmp_path / "out" / "scenes.csv") in words


def test_a_used_folder_is_refused_until_it_is_said_what_to_do(
    predict: Predict, scenes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert predict(scenes / "two.tif", "-o", out).code == 0
    before = content(out)
    again = predict(scenes / "two.tif", "-o", out)
    assert again.code == 2
    assert "--resume" in again.err
    assert "--overwrite" in again.err
    assert predict(scenes / "two.tif", "-o", out, "--overwrite", "--resume").code == 2
    assert content(out) == before
    assert predict(scenes / "two.tif", "-o", out, "--overwrite").code == 0
    assert content(out) == before
    # Results whose run is not known are none to go on with.
    (out / ".scenes.journal").unlink()
    assert predict(scenes / "two.tif", "-o", out).code == 2
    assert predict(scenes / "two.tif", "-o", out, "--resume").code == 2
    assert content(out) == before


def test_a_finished_run_resumed_does_nothing(
    predict: Predict, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    predict(scenes, "-o", out)
    before = content(out)

    def fail(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(Detector, "glance", fail)
    result = predict(scenes, "-o", out, "--resume", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["ships"] == 12
    assert content(out) == before


@pytest.mark.parametrize("change", [["--threshold", "0.7"], ["--no-gate"], ["--gsd", "1.4"]])
def test_other_settings_are_not_gone_on_with(
    predict: Predict, scenes: Path, tmp_path: Path, change: list[str]
) -> None:
    out = tmp_path / "out"
    predict(scenes, "-o", out)
    before = content(out)
    result = predict(scenes, "-o", out, "--resume", *change)
    assert result.code == 2
    assert "another scene, model or settings" in result.err
    assert content(out) == before


class Stop:
    """Let the detector be interrupted at its nth look, and count what it does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int | None = None) -> None:
        self.at, self.glances, self.looks = at, 0, 0
        glance, segment = Detector.glance, Detector.segment

        def counted_glance(detector: Detector, *given: Any) -> Any:
            self.glances += 1
            return glance(detector, *given)

        def counted_segment(detector: Detector, *given: Any) -> Any:
            self.looks += 1
            if self.looks == self.at:
                raise KeyboardInterrupt
            return segment(detector, *given)

        monkeypatch.setattr(Detector, "glance", counted_glance)
        monkeypatch.setattr(Detector, "segment", counted_segment)


def test_an_interrupt_keeps_what_is_finished(
    predict: Predict, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [scenes / "two.tif", scenes / "more" / "harbour.tif", scenes / "none.tif"]
    whole, out = tmp_path / "whole", tmp_path / "out"
    predict(*files, "-o", whole)
    with monkeypatch.context() as patch:
        # Two looks at the first scene; the third of the harbour's twelve.
        Stop(patch, at=5)
        stopped = predict(*files, "-o", out, "--workers", "1")
    assert stopped.code == 130
    assert "interrupted: 1 of 3 scenes are finished" in stopped.err
    assert "--resume goes on" in stopped.err
    assert [row["scene"] for row in table(out / "scenes.csv")] == ["two.tif"]
    assert content(out / "two") == content(whole / "two")
    assert content(out / "harbour") == {}
    assert journals(out) == [".scenes.journal", ".work.journal"]
    counts = Stop(monkeypatch)
    resumed = predict(*files, "-o", out, "--resume")
    assert resumed.code == 0, resumed.err
    assert content(out) == content(whole)
    assert journals(out) == [".scenes.journal"]
    # The gate's windows of the harbour and some looks were done; the last scene was not begun.
    assert counts.glances == 1
    assert 8 <= counts.looks <= 10


SLOW = """
import sys, time
from shipseg.cli.main import main
from shipseg.inference.detector import Detector
from shipseg.scenes import journal
journal._SYNC_SECONDS = 0
for name in ("glance", "segment"):
    def slow(self, picture, work=getattr(Detector, name)):
        time.sleep(0.08)
        return work(self, picture)
    setattr(Detector, name, slow)
sys.exit(main(sys.argv[1:]))
"""


def stop_when(lines: int, kill: int, arguments: list[str], work: Path) -> int:
    """Run the command slowly, and send a signal when a scene's journal has so many lines."""
    child = subprocess.Popen(
        [sys.executable, "-c", SLOW, *arguments], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and child.poll() is None:
            if work.exists() and work.read_bytes().count(b"\n") >= lines:
                child.send_signal(kill)
                break
            time.sleep(0.005)
        return child.wait(60)
    finally:
        child.kill()


# The gate takes six windows of the harbour, then come six looks.
@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize(
    ("lines", "kill"), [(4, signal.SIGKILL), (10, signal.SIGKILL), (9, signal.SIGINT)]
)
def test_a_stopped_run_ends_with_the_same_bytes(
    predict: Predict, scenes: Path, bundle: Path, tmp_path: Path, lines: int, kill: int
) -> None:
    harbour = scenes / "more" / "harbour.tif"
    whole, out = tmp_path / "whole", tmp_path / "out"
    predict(harbour, "-o", whole)
    common = ["--bundle", str(bundle), "--formats", FORMATS, "--workers", "1"]
    work = out / "harbour" / ".work.journal"
    code = stop_when(lines, kill, ["predict", str(harbour), "-o", str(out), *common], work)
    assert code == (130 if kill == signal.SIGINT else -kill)
    assert content(out / "harbour") == {}
    refused = predict(harbour, "-o", out)
    assert refused.code == 2
    assert "a run has begun" in refused.err
    with work.open("ab") as file:
        file.write(b'["look 0 0 51')
    resumed = predict(harbour, "-o", out, "--resume")
    assert resumed.code == 0, resumed.err
    assert content(out) == content(whole)
    assert journals(out) == [".scenes.journal"]


def test_a_scene_that_was_noted_leaves_no_journal_behind(
    predict: Predict, scenes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict(scenes / "two.tif", "-o", out)
    # Killed between noting the scene and removing its journal.
    (out / "two" / ".work.journal").write_bytes(b"")
    assert predict(scenes / "two.tif", "-o", out, "--resume").code == 0
    assert journals(out) == [".scenes.journal"]


def test_a_scene_that_changed_is_not_gone_on_with(
    predict: Predict, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harbour, out = scenes / "more" / "harbour.tif", tmp_path / "out"
    with monkeypatch.context() as patch:
        Stop(patch, at=3)
        assert predict(harbour, "-o", out, "--workers", "1").code == 130
    save(harbour, draw(sea(1000, 1500), (300, 300, 360, 312)))
    result = predict(harbour, "-o", out, "--resume")
    assert result.code == 3
    assert "the scene changed" in result.err


def test_what_cannot_be_read_stops_nothing(predict: Predict, scenes: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(9).integers(0, 255, (600, 600, 3), dtype=np.uint8)
    cut = save(scenes / "cut.tif", noise)
    cut.write_bytes(cut.read_bytes()[:-300_000])
    out = tmp_path / "out"
    result = predict(scenes, "-o", out, "--json")
    assert result.code == 4
    assert "cut.tif: truncated or corrupt data" in result.err
    rows = {row["scene"]: row for row in json.loads(result.out)["scenes"]}
    assert rows["cut.tif"]["code"] == "image"
    assert rows["two.tif"]["ships"] == 2
    assert sorted(p.name for p in out.iterdir() if p.is_dir()) == ["harbour", "none", "two"]
    assert "truncated" in table(out / "scenes.csv")[0]["error"]
    alone = predict(cut, "-o", tmp_path / "alone")
    assert alone.code == 3


def test_shards_together_give_what_one_run_gives(
    predict: Predict, scenes: Path, tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    predict(scenes, "-o", whole)
    counts = []
    for number in (1, 2):
        result = predict(scenes, "-o", parts, "--shard", f"{number}/2", "--json")
        assert result.code == 0, result.err
        counts.append(len(json.loads(result.out)["scenes"]))
    assert sum(counts) == 3
    files = {name: data for name, data in content(parts).items() if not name.startswith("scenes-")}
    assert files == {n: data for n, data in content(whole).items() if n != "scenes.csv"}
    rows = [row for n in (1, 2) for row in table(parts / f"scenes-{n}-of-2.csv")]
    assert sorted(rows, key=lambda row: row["scene"]) == table(whole / "scenes.csv")
    assert predict(scenes, "-o", parts, "--shard", "1/2").code == 2
    assert predict(scenes, "-o", parts, "--shard", "3/2").code == 2


def area_file(path: Path, *corners_px: float) -> Path:
    """A rectangle in pixels of `save`'s scenes, as GeoJSON on the Earth."""
    place = Affine(1.5, 0, 500_000, 0, -1.5, 4_200_000)
    way = Transformer.from_crs(32610, 4326, always_xy=True)
    x0, y0, x1, y1 = corners_px
    ring = [way.transform(*(place @ p)) for p in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]}))
    return path


def test_areas_say_where_ships_are_wanted(predict: Predict, scenes: Path, tmp_path: Path) -> None:
    two = scenes / "two.tif"
    west = area_file(tmp_path / "west.geojson", -50, -50, 700, 500)
    for option, found in (("--aoi", (100, 100, 160, 112)), ("--exclude", (1300, 200, 1340, 210))):
        out = tmp_path / option
        result = predict(two, "-o", out, option, west, "--json")
        assert result.code == 0, result.err
        assert boxes(out / "two") == [found]
        looked_at = json.loads(result.out)["scenes"][0]["looked_at_px"]
        assert looked_at == pytest.approx(400 * (700 if option == "--aoi" else 800), abs=400)
    # The border runs through the first ship.
    half = area_file(tmp_path / "half.geojson", 0, 0, 130, 400)
    result = predict(two, "-o", tmp_path / "half", "--aoi", half)
    assert result.code == 0, result.err
    (row,) = table(tmp_path / "half" / "two" / "ships.csv")
    assert row["cut"] == "true"
    assert float(row["x1"]) == pytest.approx(130, abs=1)


def test_areas_that_do_not_fit_are_refused(predict: Predict, scenes: Path, tmp_path: Path) -> None:
    missing = predict(scenes, "-o", tmp_path / "a", "--aoi", tmp_path / "none.geojson")
    assert missing.code == 2
    assert "none.geojson" in missing.err
    far = tmp_path / "far.geojson"
    far.write_text(json.dumps(mapping(box(10, 10, 11, 11))))
    result = predict(scenes / "two.tif", "-o", tmp_path / "b", "--aoi", far)
    assert result.code == 3
    assert "no polygon overlaps the scene" in result.err


def test_another_area_is_another_run(predict: Predict, scenes: Path, tmp_path: Path) -> None:
    area = area_file(tmp_path / "a.geojson", 0, 0, 700, 500)
    predict(scenes / "two.tif", "-o", tmp_path / "out", "--aoi", area)
    area_file(area, 0, 0, 900, 500)
    result = predict(scenes / "two.tif", "-o", tmp_path / "out", "--aoi", area, "--resume")
    assert result.code == 2
    assert "another scene, model or settings" in result.err


def test_bands_and_gsd_are_as_named(predict: Predict, tmp_path: Path) -> None:
    bands = np.zeros((300, 400, 4), np.uint8)
    bands[100:112, 100:160, 1:] = 255
    scene = save(tmp_path / "s.tif", bands)
    # Band 1 is empty, so by default there is no red, and nothing is ship.
    for choice, ships in (([], 0), (["--bands", "4,3,2"], 1)):
        out = tmp_path / f"out{ships}"
        result = predict(scene, "-o", out, *choice, "--json")
        assert json.loads(result.out)["ships"] == ships
    result = predict(scene, "-o", tmp_path / "gsd", "--bands", "4,3,2", "--gsd", "3", "--json")
    row = json.loads(result.out)["scenes"][0]
    assert (row["gsd_m"], row["ships"]) == (3.0, 1)
    assert "far from the model's 1.5 m: resampled" in row["warnings"][-1]
    assert "far from the model's" in result.err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--bands", "1,2"], "expected three numbers from 1, or one"),
        (["--bands", "red"], "expected three numbers"),
        (["--formats", "shp"], "unknown format 'shp'"),
        (["--labels", "labels.csv"], "evaluate-scene"),
        (["--shard", "0/2"], "the shard is"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_made(
    run: Run, scenes: Path, tmp_path: Path, options: list[str], text: str
) -> None:
    result = run("predict", scenes, "-o", tmp_path / "out", *options)
    assert result.code == 2
    assert text in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("gsd", ["nan", "0", "1e309"])
def test_a_senseless_gsd_is_refused(
    predict: Predict, scenes: Path, tmp_path: Path, gsd: str
) -> None:
    result = predict(scenes / "two.tif", "-o", tmp_path / "out", "--gsd", gsd)
    assert result.code == 2
    assert "Invalid value for '--gsd'" in result.err


def test_scenes_and_tiles_are_told_apart_or_forced(
    predict: Predict, scenes: Path, tmp_path: Path
) -> None:
    tile = tmp_path / "tile.png"
    Image.fromarray(draw(sea(768, 768), (100, 100, 160, 112))).save(tile)
    mixed = predict(tile, scenes / "two.tif", "-o", tmp_path / "a")
    assert mixed.code == 2
    assert "1 scenes and 1 tiles in one call" in mixed.err
    forced = predict(tile, scenes / "two.tif", "-o", tmp_path / "b", "--scene")
    assert forced.code == 0, forced.err
    assert boxes(tmp_path / "b" / "tile") == [(100, 100, 160, 112)]
    tiles = predict(tile, scenes / "two.tif", "-o", tmp_path / "c", "--tiles")
    assert tiles.code == 0, tiles.err
    assert "submission.csv" in content(tmp_path / "c")
    for option in (["--gsd", "1"], ["--aoi", "x"], ["--resume"]):
        refused = predict(tile, "-o", tmp_path / "d", *option)
        assert refused.code == 2
        assert "is for scenes, and these are tiles" in refused.err


def test_scenes_of_one_name_keep_their_suffix(predict: Predict, tmp_path: Path) -> None:
    folder = tmp_path / "scenes"
    folder.mkdir()
    save(folder / "s.tif", sea(64, 64))
    save(folder / "s.tiff", sea(64, 64))
    save(folder / "...tif", sea(64, 64))
    result = predict(folder / "s.tif", folder / "s.tiff", folder / "...tif", "-o", tmp_path / "out")
    assert result.code == 0, result.err
    names = sorted(p.name for p in (tmp_path / "out").iterdir() if p.is_dir())
    assert names[1:] == ["s.tif", "s.tiff"]
    assert names[0].startswith("_")


def test_scenes_are_not_read_from_where_results_go(predict: Predict, scenes: Path) -> None:
    inside = scenes / "two" / "two.tif"
    inside.parent.mkdir()
    (scenes / "two.tif").rename(inside)
    result = predict(inside, "-o", scenes)
    assert result.code == 2
    assert "where results are written" in result.err


def test_a_virtual_raster_needs_to_be_allowed(
    predict: Predict, scenes: Path, bundle: Path, tmp_path: Path
) -> None:
    vrt = tmp_path / "two.vrt"
    band = (
        '<VRTRasterBand dataType="Byte" band="{0}"><SimpleSource><SourceFilename '
        'relativeToVRT="1">scenes/two.tif</SourceFilename><SourceBand>{0}</SourceBand>'
        "</SimpleSource></VRTRasterBand>"
    )
    vrt.write_text(
        '<VRTDataset rasterXSize="1500" rasterYSize="400"><SRS>EPSG:32610</SRS><GeoTransform>'
        "500000,1.5,0,4200000,0,-1.5</GeoTransform>"
        + "".join(band.format(n) for n in (1, 2, 3)) + "</VRTDataset>"
    )  # fmt: skip
    refused = predict(vrt, "-o", tmp_path / "a")
    assert refused.code == 3
    assert "reads whatever files it names; where you trust it, add --allow-vrt" in refused.err
    # In a process of its own: what GDAL loads is decided once.
    done = subprocess.run(
        [sys.executable, "-m", "shipseg", "predict", str(vrt), "-o", str(tmp_path / "b"),
         "--bundle", str(bundle), "--formats", "csv,overview", "--allow-vrt"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(boxes(tmp_path / "b" / "two")) == 2
