from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shipseg.labels import read_labels

from .conftest import SHIP, Run, save_tile
from .fakes import FakeDetector

pytestmark = pytest.mark.usefixtures("detector")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_tables_alone_by_default(run: Run, tiles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("predict", tiles, "-o", out)
    assert result.code == 0, result.err
    assert files_in(out) == ["submission.csv", "tiles.csv"]
    submission = rows_of(out / "submission.csv")
    assert [row["ImageId"] for row in submission] == ["a.png", "a.png", "b.png", "c.png", "d.png"]
    # Column 20, row 100 of a tile of 768 rows.
    assert submission[0]["EncodedPixels"].startswith(f"{20 * 768 + 101} 12 ")
    assert [row["EncodedPixels"] for row in submission[2:5:2]] == ["", ""]
    assert rows_of(out / "tiles.csv") == [
        {"ImageId": "a.png", "ship_probability": "1.000000", "ships": "2", "error": ""},
        {"ImageId": "b.png", "ship_probability": "0.156863", "ships": "0", "error": ""},
        {"ImageId": "c.png", "ship_probability": "1.000000", "ships": "1", "error": ""},
        {"ImageId": "d.png", "ship_probability": "0.823529", "ships": "0", "error": ""},
    ]


def test_the_submission_is_a_label_table(run: Run, tiles: Path, tmp_path: Path) -> None:
    run("predict", tiles, "-o", tmp_path / "out")
    table = read_labels(tmp_path / "out" / "submission.csv")
    assert table.ship_count == 3
    assert table.mask_of("c.png").sum() == 12 * 40


def test_the_summary_says_what_came_of_it(run: Run, tiles: Path, tmp_path: Path) -> None:
    result = run("predict", tiles, "-o", tmp_path / "out")
    words = " ".join(result.out.split())
    assert "tiles 4 " in words
    assert "passed the gate 2 (50%)" in words
    assert "ships 3 on 2 tiles" in words
    assert "tiles a second" in words
    assert str(tmp_path / "out" / "submission.csv") in result.out
    assert result.err == ""


def test_pictures_on_request(run: Run, tiles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("predict", tiles, "-o", out, "--masks", "--overlays")
    assert result.code == 0, result.err
    assert files_in(out) == [
        "masks/a.png", "masks/b.png", "masks/c.png", "masks/d.png",
        "overlays/a.png", "overlays/c.png", "submission.csv", "tiles.csv",
    ]  # fmt: skip
    with Image.open(out / "masks" / "c.png") as image:
        mask = np.asarray(image)
    expected = np.zeros((768, 768), np.uint8)
    expected[SHIP[0], 20:60] = 255
    assert np.array_equal(mask, expected)
    with Image.open(out / "overlays" / "c.png") as image:
        overlay = np.asarray(image)
    # The hull is as it was, its outline is not sea.
    assert (overlay[102:110, 22:58] == 255).all()
    assert (overlay[106, 12:20] != 40).any()


def test_labels_bring_comparisons_and_scores(
    run: Run, tiles: Path, labels: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run("predict", tiles, "-o", out, "--labels", labels, "--json")
    assert result.code == 0, result.err
    # b is empty in truth and prediction: nothing to compare.
    assert files_in(out / "comparisons") == ["a.png", "c.png", "d.png"]
    truth = json.loads(result.out)["truth"]
    assert truth["tiles"] == 4
    assert truth["ship_tiles"] == 3
    assert truth["mean_dice_on_ship_tiles"] == pytest.approx(1 / 3)
    assert truth["f2"] == pytest.approx(0.5)
    assert truth["f2_of_nothing"] == pytest.approx(0.25)


def test_tiles_without_truth_or_of_another_size_go_without_comparison(
    run: Run, tiles: Path, labels: Path, tmp_path: Path
) -> None:
    save_tile(tiles / "a.png", ships=1, size=500)
    save_tile(tiles / "unknown.png", ships=1)
    out = tmp_path / "out"
    result = run("predict", tiles, "-o", out, "--labels", labels)
    assert result.code == 0
    assert files_in(out / "comparisons") == ["c.png", "d.png"]
    assert "a.png: is 500 x 500 px" in result.err


def test_without_the_gate_every_tile_is_segmented(run: Run, tiles: Path, tmp_path: Path) -> None:
    result = run("predict", tiles, "-o", tmp_path / "out", "--no-gate", "--json")
    document = json.loads(result.out)
    assert document["gated"] is False
    assert document["ships"] == 4


def test_the_gate_threshold_can_be_named(run: Run, tiles: Path, tmp_path: Path) -> None:
    result = run("predict", tiles, "-o", tmp_path / "out", "--gate-threshold", 0.8, "--json")
    document = json.loads(result.out)
    assert (document["gate_threshold"], document["passed"], document["ships"]) == (0.8, 3, 4)


def test_json_is_one_document_on_stdout(run: Run, tiles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    document = json.loads(run("predict", tiles, "-o", out, "--masks", "--json").out)
    assert document["tiles"] == 4
    assert document["failed"] == []
    assert document["outputs"] == {
        "submission": str(out / "submission.csv"),
        "tiles": str(out / "tiles.csv"),
        "masks": f"{out / 'masks'}/",
    }


@pytest.mark.usefixtures("broken")
def test_one_broken_tile_stops_nothing_and_is_named(run: Run, tiles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("predict", tiles, "-o", out, "--masks", "--json")
    assert result.code == 4
    assert "broken.jpg: " in result.err
    table = {row["ImageId"]: row for row in rows_of(out / "tiles.csv")}
    assert table["broken.jpg"]["error"].startswith("found an HTML page")
    assert table["broken.jpg"]["ship_probability"] == ""
    assert table["c.png"]["ships"] == "1"
    submission = {row["ImageId"]: row["EncodedPixels"] for row in rows_of(out / "submission.csv")}
    assert submission["broken.jpg"] == ""
    assert "masks/broken.png" not in files_in(out)
    (failure,) = json.loads(result.out)["failed"]
    assert (failure["ImageId"], failure["code"]) == ("broken.jpg", "image-unsupported")


def test_nothing_but_broken_tiles_is_bad_input(run: Run, broken: Path, tmp_path: Path) -> None:
    result = run("predict", broken, "-o", tmp_path / "out")
    assert result.code == 3
    assert "error" in (tmp_path / "out" / "tiles.csv").read_text()


def test_many_broken_tiles_do_not_flood_the_terminal(run: Run, tiles: Path, tmp_path: Path) -> None:
    for i in range(50):
        (tiles / f"x{i}.jpg").write_text("no picture")
    result = run("predict", tiles, "-o", tmp_path / "out")
    assert result.code == 4
    assert len(result.err.splitlines()) == 21
    assert "and 30 more; see" in result.err


def test_results_are_not_written_over(run: Run, tiles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("predict", tiles, "-o", out).code == 0
    (out / "tiles.csv").write_text("mine")
    result = run("predict", tiles, "-o", out)
    assert result.code == 2
    assert "already there" in result.err
    assert "--overwrite" in result.err
    assert (out / "tiles.csv").read_text() == "mine"
    assert run("predict", tiles, "-o", out, "--overwrite").code == 0
    assert (out / "tiles.csv").read_text() != "mine"


def test_overwriting_removes_pictures_that_no_longer_hold(
    run: Run, tiles: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run("predict", tiles, "-o", out, "--overlays")
    save_tile(tiles / "c.png", ships=0)
    (out / "overlays" / "other.png").write_text("of another tile")
    run("predict", tiles, "-o", out, "--overlays", "--overwrite")
    assert files_in(out / "overlays") == ["a.png", "other.png"]


def test_folders_of_others_are_left_alone(run: Run, tiles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "masks").mkdir(parents=True)
    (out / "masks" / "a.png").write_text("mine")
    assert run("predict", tiles, "-o", out).code == 0
    assert (out / "masks" / "a.png").read_text() == "mine"
    assert run("predict", tiles, "-o", out / "x" / ".." / "..", "--masks").code == 0


def test_inputs_are_never_written_over(run: Run, tiles: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "masks"
    folder.parent.mkdir()
    tiles.rename(folder)
    result = run("predict", folder, "-o", folder.parent, "--masks", "--overwrite")
    assert result.code == 2
    assert "is to be read" in result.err
    assert len(files_in(folder)) == 4


def test_an_interrupt_keeps_what_is_finished(
    run: Run, tiles: Path, tmp_path: Path, detector: type[FakeDetector]
) -> None:
    # A tile costs two looks: one by the gate, one by the segmenter.
    detector.interrupt_after = 4
    out = tmp_path / "out"
    result = run("predict", tiles, "-o", out, "--workers", 1)
    assert result.code == 130
    assert "interrupted: 2 of 4 tiles are finished" in result.err
    assert result.out == ""
    assert [row["ImageId"] for row in rows_of(out / "tiles.csv")] == ["a.png", "b.png"]
    assert len(rows_of(out / "submission.csv")) == 3
    assert files_in(out) == ["submission.csv", "tiles.csv"]


@pytest.mark.parametrize("value", ["nan", "inf", "-0.1", "1.1", "1e309", "x"])
@pytest.mark.parametrize("option", ["--threshold", "--gate-threshold"])
def test_thresholds_are_probabilities(run: Run, tiles: Path, option: str, value: str) -> None:
    result = run("predict", tiles, "-o", tiles.parent / "out", option, value)
    assert result.code == 2
    assert option in result.err


def test_what_is_missing_is_said(run: Run, tiles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("predict", tmp_path / "nowhere", "-o", out).code == 2
    assert run("predict", tiles).code == 2
    assert run("predict", tiles, "-o", out, "--labels", tmp_path / "no.csv").code == 2
    assert not out.exists()


def test_bad_labels_are_bad_input_or_set_aside(
    run: Run, tiles: Path, labels: Path, tmp_path: Path
) -> None:
    labels.write_text(labels.read_text() + "e.png,1 2 3\n")
    arguments = ("predict", tiles, "-o", tmp_path / "out", "--labels", labels)
    result = run(*arguments)
    assert result.code == 3
    assert "row 7" in result.err
    assert run(*arguments, "--on-bad-row", "skip").code == 0


def test_a_folder_that_cannot_be_made(run: Run, tiles: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("predict", tiles, "-o", tmp_path / "file" / "out")
    assert result.code == 2
    assert "cannot be made" in result.err


def test_the_same_tiles_give_the_same_bytes_whatever_the_workers(
    run: Run, tiles: Path, tmp_path: Path
) -> None:
    for workers in (1, 4):
        run("predict", tiles, "-o", tmp_path / str(workers), "--overlays", "-j", workers)
    one, four = tmp_path / "1", tmp_path / "4"
    assert files_in(one) == files_in(four)
    assert all((one / name).read_bytes() == (four / name).read_bytes() for name in files_in(one))


def test_shards_together_are_the_whole(run: Run, tiles: Path, tmp_path: Path) -> None:
    # Two tiles that share a stem, and fall to different shards.
    (tiles / "c.png").rename(tiles / "twin.png")
    Image.open(tiles / "a.png").save(tiles / "twin.bmp")
    run("predict", tiles, "-o", tmp_path / "whole", "--masks")
    shares = [tmp_path / "1", tmp_path / "2"]
    for number, share in enumerate(shares, start=1):
        assert run("predict", tiles, "-o", share, "--masks", "--shard", f"{number}/2").code == 0
    assert all(len(rows_of(share / "tiles.csv")) > 0 for share in shares)
    masks = [name for share in shares for name in files_in(share / "masks")]
    assert {"twin.bmp.png", "twin.png.png"} <= set(masks)
    assert sorted(masks) == files_in(tmp_path / "whole" / "masks")
    rows = [row["ImageId"] for share in shares for row in rows_of(share / "tiles.csv")]
    assert sorted(rows) == [row["ImageId"] for row in rows_of(tmp_path / "whole" / "tiles.csv")]
