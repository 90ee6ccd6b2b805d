"""The folder as a whole: what is refused, what is kept, and the same bytes each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shipseg.errors import MissingDependencyError, OutputExistsError, UsageError
from shipseg.writers.scenes import FORMATS, check_formats, write_scene

from .drawn import result_at, write_raster


def test_the_same_ships_give_the_same_bytes(tmp_path: Path) -> None:
    result = result_at()
    scene = write_raster(tmp_path / "scene.tif", result)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        written = write_scene(result, folder, formats=list(FORMATS), scene=scene)
        assert written == [folder / name for name in FORMATS.values()]
    first, second = (
        {p.relative_to(f): p.read_bytes() for p in sorted(f.rglob("*")) if p.is_file()}
        for f in folders
    )
    assert list(first) == list(second)
    assert len(first) == 7 + 5
    assert [name for name in first if first[name] != second[name]] == []


def test_nothing_is_written_over_unless_told_to(tmp_path: Path) -> None:
    result = result_at()
    (tmp_path / "ships.csv").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"ships\.csv"):
        write_scene(result, tmp_path, formats=["geojson", "csv"])
    assert [p.name for p in tmp_path.iterdir()] == ["ships.csv"]
    assert (tmp_path / "ships.csv").read_text() == "mine"
    write_scene(result, tmp_path, formats=["geojson", "csv", "csv"], overwrite=True)
    assert (tmp_path / "ships.csv").read_text().startswith("scene,")


@pytest.mark.parametrize("form", ["shp", "", "GeoJSON"])
def test_an_unknown_format_names_the_known_ones(tmp_path: Path, form: str) -> None:
    with pytest.raises(UsageError) as refusal:
        write_scene(result_at(), tmp_path / "out", formats=["csv", form])
    assert "geojson, gpkg" in refusal.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["chips", "overview"])
def test_pictures_need_the_raster(tmp_path: Path, form: str) -> None:
    with pytest.raises(UsageError, match="no raster"):
        write_scene(result_at(), tmp_path, formats=[form])


def test_without_the_extra_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyogrio", None)
    with pytest.raises(MissingDependencyError) as refusal:
        write_scene(result_at(), tmp_path / "out", formats=["csv", "gpkg"])
    assert refusal.value.hint == 'pip install "shipseg[geo]"'
    assert "gpkg" in refusal.value.message
    assert not (tmp_path / "out").exists()
    check_formats(["geojson", "csv", "coco", "mask", "chips", "overview"])


def test_a_failing_writer_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shipseg.writers.scenes.mask as mask

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mask.rasterio.shutil, "copy", full)
    with pytest.raises(OSError, match="space"):
        write_scene(result_at(), tmp_path, formats=["csv", "mask"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ships.csv"]


def test_writers_without_the_extra_load_neither_it_nor_torch(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from writers.scenes.drawn import result_at
from shipseg.writers.scenes import write_scene
write_scene(result_at(), {str(tmp_path)!r}, formats=["geojson", "csv", "coco", "mask"])
print([name for name in ("torch", "geopandas", "pyarrow", "pandas") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
