"""`shipseg evaluate-scene`: files and options to figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import box, mapping
from writers.scenes.drawn import result_at, write_raster

from shipseg.scenes.measure_positions import Positions
from shipseg.scenes.result import SceneResult
from shipseg.writers.scenes import write_scene

from .conftest import Run


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "scene.tif", result_at())


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """The true ships in pixels, as a CSV."""
    return write_scene(result_at(), tmp_path / "truth", formats=["csv"])[0]


@pytest.fixture
def found(tmp_path: Path) -> Path:
    """Three of the five ships, and one false alarm, on the Earth."""
    result = result_at()
    ships = [*result.ships[:3], type(result.ships[0])(box(300, 5, 340, 15), 0.4, False)]
    ours = SceneResult(result.name, result.grid, ships, 100_000)
    return write_scene(ours, tmp_path / "found", formats=["geojson"])[0]


def test_figures_of_files_in_pixels_and_on_the_earth(
    run: Run, scene: Path, truth: Path, found: Path
) -> None:
    result = run("evaluate-scene", found, truth, "--scene", scene, "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert (report["found"], report["truth"], report["unit"]) == (4, 5, "m")
    counts = report["by_iou"]["counts"]
    assert counts == {"true_positives": 3, "false_positives": 1, "false_negatives": 2}
    km2 = 100_000 * result_at().grid.gsd_m ** 2 / 1e6
    assert report["looked_at_km2"] == pytest.approx(km2, rel=1e-4)
    rate = report["by_iou"]["false_alarms_per_1000_km2"]["value"]
    assert rate == pytest.approx(1000 / km2, rel=1e-4)


def test_tables_fit_a_terminal_of_80_columns(
    run: Run, scene: Path, truth: Path, found: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = run("evaluate-scene", found, truth, "--scene", scene)
    assert result.code == 0, result.err
    assert "4 ships found, 5 true ships" in result.out
    assert "false alarms / 1,000 km²" in result.out
    assert "…" not in result.out


def test_the_scenes_data_is_what_was_looked_at(run: Run, scene: Path, truth: Path) -> None:
    """The CSV does not say; five of 420 columns hold no data."""
    report = json.loads(run("evaluate-scene", truth, truth, "--scene", scene, "--json").out)
    assert report["looked_at_km2"] == pytest.approx(
        415 * 300 * result_at().grid.gsd_m ** 2 / 1e6, rel=1e-6
    )


def test_an_area_of_interest_limits_ships_and_surface(
    run: Run, tmp_path: Path, scene: Path, truth: Path, found: Path
) -> None:
    grid = result_at().grid
    corners = np.array([[0, 0], [210, 0], [210, 300], [0, 300]], float)
    outline = [*map(tuple, Positions(grid).lonlat(corners))]
    aoi = tmp_path / "aoi.geojson"
    aoi.write_text(json.dumps(mapping(box(0, 0, 1, 1)) | {"coordinates": [[*outline, outline[0]]]}))
    arguments = ("evaluate-scene", found, truth, "--scene", scene, "--json")
    inside = json.loads(run(*arguments, "--aoi", aoi).out)
    outside = json.loads(run(*arguments, "--exclude", aoi).out)
    assert (inside["found"], inside["truth"]) == (1, 2)
    assert (outside["found"], outside["truth"]) == (3, 3)
    half = 205 * 300 * grid.gsd_m**2 / 1e6
    assert inside["looked_at_km2"] == pytest.approx(half, rel=0.01)
    assert outside["looked_at_km2"] == pytest.approx(210 * 300 * grid.gsd_m**2 / 1e6, rel=0.01)


def test_without_a_scene_the_false_alarms_are_left_out_with_a_note(run: Run, truth: Path) -> None:
    result = run("evaluate-scene", truth, truth)
    assert result.code == 0
    assert "--area-km2" in result.err
    named = run("evaluate-scene", truth, truth, "--area-km2", "12.5", "--json")
    assert json.loads(named.out)["looked_at_km2"] == 12.5
    assert named.err == ""


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (["--aoi", "x.geojson"], "need the scene", 2),
        (["--area-km2", "0"], "above 0", 2),
        (["--area-km2", "nan"], "above 0", 2),
        (["--scene", "gone.tif"], "gone.tif", 2),
    ],
)
def test_options_that_do_not_go_together(
    run: Run, truth: Path, options: list[str], words: str, code: int
) -> None:
    result = run("evaluate-scene", truth, truth, *options)
    assert result.code == code
    assert words in result.err
    assert result.out == ""


def test_a_file_in_pixels_against_one_on_the_earth_needs_the_scene(
    run: Run, truth: Path, found: Path
) -> None:
    result = run("evaluate-scene", found, truth)
    assert result.code == 3
    assert "--scene" in result.err
