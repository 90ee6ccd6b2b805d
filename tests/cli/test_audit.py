from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from dataset.tiles import Tiles, write_tiles

from shipseg.labels import read_exclusions

from .conftest import Run
from .test_explore import Page


@pytest.fixture
def spoiled(tmp_path: Path) -> Tiles:
    """Twelve tiles: one broken, one with a faulty row whose name is markup, one without file."""
    tiles = write_tiles(tmp_path / "set", 12)
    (tiles.images / tiles.ids[0]).write_bytes(b"<html>")
    with tiles.labels.open("a") as file:
        file.write("<script>x.jpg,1 2 3\ngone.jpg,\n")
    return tiles


def audit(run: Run, tiles: Tiles, folder: Path, *more: object):  # type: ignore[no-untyped-def]
    common = ("--images", tiles.images, "--tile-size", 128, "--stride", 64, "-o", folder)
    return run("audit", tiles.labels, *common, *more)


def test_findings_page_and_exclusions_are_written(run: Run, spoiled: Tiles, tmp_path: Path) -> None:
    result = audit(run, spoiled, tmp_path / "out")
    assert result.code == 0
    assert "tile-undecodable" in result.out
    with (tmp_path / "out" / "findings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    by_code = {row["code"]: row for row in rows}
    assert by_code["tile-undecodable"]["ImageId"] == spoiled.ids[0]
    assert by_code["row-malformed"]["severity"] == "error"
    assert int(by_code["row-malformed"]["row"]) > 12
    excluded = read_exclusions(tmp_path / "out" / "exclusions.csv")
    assert excluded == {spoiled.ids[0], "<script>x.jpg", "gone.jpg"}
    text = (tmp_path / "out" / "audit.html").read_text()
    page = Page(text)
    assert "image" in page.tags
    assert "<script>x" not in text
    assert "&lt;script&gt;x.jpg" in text


def test_the_page_stands_alone(run: Run, spoiled: Tiles, tmp_path: Path) -> None:
    audit(run, spoiled, tmp_path / "out", "--no-overlaps")
    text = (tmp_path / "out" / "audit.html").read_text()
    assert "https://" not in text
    assert "default-src 'none'" in text


def test_json_holds_every_finding(run: Run, spoiled: Tiles, tmp_path: Path) -> None:
    result = audit(run, spoiled, tmp_path / "out", "--json")
    document = json.loads(result.out)
    with (tmp_path / "out" / "findings.csv").open() as file:
        assert len(document["findings"]) == len(list(csv.DictReader(file)))
    assert document["severities"]["error"] == 3
    assert sum(document["codes"].values()) == len(document["findings"])
    assert document["excluded_tiles"] == 3


@pytest.mark.parametrize(("level", "code"), [("error", 6), ("info", 6)])
def test_grave_findings_fail_once_all_is_written(
    run: Run, spoiled: Tiles, tmp_path: Path, level: str, code: int
) -> None:
    result = audit(run, spoiled, tmp_path / "out", "--fail-on", level)
    assert result.code == code
    assert f"at or above '{level}'" in result.err
    assert (tmp_path / "out" / "audit.html").exists()


def test_a_level_that_is_not_reached_does_not_fail(run: Run, tmp_path: Path) -> None:
    tiles = write_tiles(tmp_path / "set", 6, seed=4)
    assert audit(run, tiles, tmp_path / "out", "--fail-on", "error").code == 0


def test_warnings_are_left_out_where_that_is_asked_for(
    run: Run, spoiled: Tiles, tmp_path: Path
) -> None:
    audit(run, spoiled, tmp_path / "a", "--tiny", 100_000)
    audit(run, spoiled, tmp_path / "b", "--tiny", 100_000, "--exclude-from", "warning")
    errors = read_exclusions(tmp_path / "a" / "exclusions.csv")
    both = read_exclusions(tmp_path / "b" / "exclusions.csv")
    with_ships = {name for name, mask in spoiled.masks.items() if mask.any()}
    assert errors < both
    assert with_ships <= both


def test_workers_do_not_show(run: Run, spoiled: Tiles, tmp_path: Path) -> None:
    for name, workers in (("a", 1), ("b", 3)):
        audit(run, spoiled, tmp_path / name, "--workers", workers)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_results_are_not_written_over(run: Run, spoiled: Tiles, tmp_path: Path) -> None:
    audit(run, spoiled, tmp_path / "out", "--no-overlaps")
    again = audit(run, spoiled, tmp_path / "out")
    assert again.code == 2
    assert "--overwrite" in again.err


def test_a_folder_that_is_not_there_is_named(run: Run, spoiled: Tiles, tmp_path: Path) -> None:
    result = run("audit", spoiled.labels, "--images", tmp_path / "nowhere", "-o", tmp_path / "out")
    assert result.code == 2
    assert "no folder of tiles" in result.err
    assert not (tmp_path / "out").exists()
