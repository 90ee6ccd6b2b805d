from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from .conftest import Run, save_tile

pytestmark = pytest.mark.usefixtures("detector")


@pytest.fixture
def split(tmp_path: Path) -> Path:
    path = tmp_path / "split.csv"
    path.write_text("ImageId,split\na.png,val\nb.png,val\nc.png,train\nd.png,val\ngone.png,val\n")
    return path


def test_tables_with_and_without_the_gate(run: Run, tiles: Path, labels: Path) -> None:
    result = run("evaluate", tiles, labels)
    assert result.code == 0, result.err
    words = " ".join(result.out.split())
    assert "4 tiles, 3 with ships, 4 ships" in words
    assert "Gate at threshold 0.9" in words
    assert "with the gate" in words
    assert "without" in words


def test_the_figures_are_those_of_the_tiles(run: Run, tiles: Path, labels: Path) -> None:
    document = json.loads(run("evaluate", tiles, labels, "--json").out)
    assert document["bundle"] == "fake"
    assert document["gate"]["recall"]["value"] == pytest.approx(2 / 3)
    # The gate drops d, whose ship the segmenter finds.
    dice = "mean_dice_on_ship_tiles"
    assert document["two_stage"][dice]["value"] == pytest.approx(1 / 3)
    assert document["ungated"][dice]["value"] == pytest.approx(2 / 3)
    assert set(document["seconds"]) == {"with_the_gate", "without_the_gate"}
    assert document["failed"] == []


def test_a_subset_of_a_split(run: Run, tiles: Path, labels: Path, split: Path) -> None:
    result = run("evaluate", tiles, labels, "--split", split, "--json")
    assert json.loads(result.out)["tile_count"] == 3
    assert "1 of 4 tiles lack picture or truth, gone.png first" in result.err
    train = run("evaluate", tiles, labels, "--split", split, "--subset", "train", "--json")
    assert json.loads(train.out)["tile_count"] == 1


def test_a_subset_that_is_not_there(run: Run, tiles: Path, labels: Path, split: Path) -> None:
    result = run("evaluate", tiles, labels, "--split", split, "--subset", "test")
    assert result.code == 2
    assert "only train, val" in result.err
    assert run("evaluate", tiles, labels, "--subset", "val").code == 2


def test_files_on_request(run: Run, tiles: Path, labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = run("evaluate", tiles, labels, "-o", out, "--json")
    assert json.loads((out / "evaluation.json").read_text()) == json.loads(result.out)
    with (out / "tiles.csv").open(newline="") as file:
        assert [row["image_id"] for row in csv.DictReader(file)] == [f"{i}.png" for i in "abcd"]
    again = run("evaluate", tiles, labels, "-o", out)
    assert again.code == 2
    assert "--overwrite" in again.err
    assert run("evaluate", tiles, labels, "-o", out, "--overwrite").code == 0


def test_a_tile_that_cannot_be_scored_is_named_and_left_out(
    run: Run, tiles: Path, labels: Path
) -> None:
    (tiles / "a.png").write_bytes(b"no picture")
    save_tile(tiles / "c.png", ships=1, size=500)
    result = run("evaluate", tiles, labels, "--json")
    assert result.code == 4
    document = json.loads(result.out)
    assert document["tile_count"] == 2
    assert [failure["ImageId"] for failure in document["failed"]] == ["a.png", "c.png"]
    assert "a.png" in result.err
    assert "500 x 500 px" in result.err
    assert "2 tiles are left out of all figures" in result.err


def test_nothing_that_can_be_scored(run: Run, tiles: Path, labels: Path, tmp_path: Path) -> None:
    for path in tiles.iterdir():
        path.write_bytes(b"no picture")
    result = run("evaluate", tiles, labels, "-o", tmp_path / "out")
    assert result.code == 3
    assert not (tmp_path / "out").exists()


def test_no_tile_in_common(run: Run, tiles: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("ImageId,EncodedPixels\nx.png,\n")
    result = run("evaluate", tiles, other)
    assert result.code == 2
    assert "none of 4 pictures is in the label table" in result.err
