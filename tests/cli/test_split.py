from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from dataset.acquisitions import BLOCK, TILE, true_pairs, write_set

from shipseg.labels import read_split

from .conftest import Result, Run

SMALL = ("--tile-size", TILE, "--stride", BLOCK)
GROUPS = [{"a0.jpg", "a1.jpg", "a2.jpg"}, {"b0.jpg", "b1.jpg", "b2.jpg"}, {"a3.jpg"}, {"b3.jpg"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two acquisitions of four tiles; a ship on two of the first."""
    write_set(tmp_path)
    return tmp_path


def split(run: Run, folder: Path, *arguments: object, images: bool = True) -> Result:
    shown = ("--images", folder / "images") if images else ()
    return run("split", folder / "labels.csv", *shown, *SMALL, *arguments)


def write_parts(path: Path, parts: dict[str, str]) -> Path:
    path.write_text("ImageId,split\n" + "".join(f"{k},{v}\n" for k, v in parts.items()))
    return path


def test_a_split_keeps_groups_whole_and_is_found_tight(run: Run, folder: Path) -> None:
    out = folder / "new" / "split.csv"
    result = split(run, folder, "-o", out, "--val", 0.25, "--test", 0)
    assert result.code == 0, result.err
    assert result.err == ""
    words = " ".join(result.out.split())
    assert "8 in 4 groups" in words
    assert "4 pairs: 4 by pixels, 0 by ships alone" in words
    parts = read_split(out)
    assert set(parts.values()) == {"train", "val"}
    assert all(len({parts[name] for name in group}) == 1 for group in GROUPS)
    assert out.read_text().splitlines()[0] == "ImageId,split,acquisition"
    with out.open() as file:
        acquisitions = {row["ImageId"]: row["acquisition"] for row in csv.DictReader(file)}
    assert [{acquisitions[name] for name in group} for group in GROUPS] == [
        {"0"},
        {"2"},
        {"1"},
        {"3"},
    ]
    check = split(run, folder, "--check", out)
    assert check.code == 0, check.err
    assert "0 pairs of 0 tiles" in check.out


def test_a_split_that_leaks_is_found_with_its_pairs(run: Run, folder: Path) -> None:
    parts = {f"{letter}{key}.jpg": "train" for letter in "ab" for key in "0123"}
    leaky = write_parts(folder / "leaky.csv", parts | {"b1.jpg": "val", "b3.jpg": "val"})
    result = split(run, folder, "--check", leaky)
    assert result.code == 6
    lines = [line.strip() for line in result.out.splitlines() if " and " in line]
    assert lines == [
        f"b0.jpg (train) and b1.jpg (val) at (+{2 * BLOCK}, +0) px, by pixels",
        f"b1.jpg (val) and b2.jpg (train) at (+{BLOCK}, +{BLOCK}) px, by pixels",
    ]
    assert "2 pairs share ground across its parts" in result.err
    document = json.loads(split(run, folder, "--check", leaky, "--json").out)
    assert (document["compared"], document["torn_groups"], len(document["leaks"])) == (8, 1, 2)
    assert document["leaks"][0] == {
        "first": "b0.jpg",
        "second": "b1.jpg",
        "shift_xy": [2 * BLOCK, 0],
        "evidence": "pixels",
        "first_part": "train",
        "second_part": "val",
    }


def test_many_leaks_are_counted_not_listed(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shipseg.cli.split_results.MOST_NOTES", 1)
    parts = {f"{letter}{key}.jpg": f"p{key}" for letter in "ab" for key in "0123"}
    result = split(run, folder, "--check", write_parts(folder / "leaky.csv", parts))
    assert result.out.count(" and ") == 1
    assert "and 3 more; --json names all" in result.err


def test_ships_alone_find_what_ships_show(run: Run, folder: Path) -> None:
    pairs = folder / "pairs.csv"
    result = split(
        run, folder, "-o", folder / "s.csv", "--folds", 2, "--pairs", pairs, images=False
    )
    assert result.code == 0, result.err
    assert "tiles without any may share ground" in result.err
    assert pairs.read_text() == f"first,second,dx,dy,evidence\na0.jpg,a1.jpg,{2 * BLOCK},0,ships\n"
    assert set(read_split(folder / "s.csv").values()) == {"fold0", "fold1"}


def test_pairs_are_those_that_were_drawn(run: Run, folder: Path) -> None:
    path = folder / "pairs.csv"
    split(run, folder, "-o", folder / "s.csv", "--folds", 2, "--pairs", path)
    with path.open() as file:
        found = {
            (row["first"], row["second"], (int(row["dx"]), int(row["dy"])))
            for row in csv.DictReader(file)
        }
    assert found == true_pairs(
        {
            f"{a}{key}.jpg": place
            for a in "ab"
            for key, place in zip("012", [(0, 0), (2, 0), (3, 1)], strict=True)
        }
    )


def test_the_document_has_the_figures(run: Run, folder: Path) -> None:
    result = split(run, folder, "-o", folder / "s.csv", "--folds", 2, "--seed", 3, "--json")
    document = json.loads(result.out)
    assert document["seed"] == 3
    assert (document["tiles"], document["groups"], document["pairs"]) == (8, 4, 4)
    assert [part["name"] for part in document["parts"]] == ["fold0", "fold1"]
    assert sum(part["ships"] for part in document["parts"]) == 2
    assert sum(part["tiles"] for part in document["parts"]) == 8


def test_the_same_call_gives_the_same_bytes(run: Run, folder: Path) -> None:
    paths = [folder / f"{number}.csv" for number in range(2)]
    for workers, path in zip((1, 3), paths, strict=True):
        split(run, folder, "-o", path, "--folds", 3, "--seed", 5, "--workers", workers)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_excluded_tiles_are_in_no_part(run: Run, folder: Path) -> None:
    excluded = folder / "exclude.csv"
    excluded.write_text("ImageId,reason\nb1.jpg,near duplicate\nelsewhere.jpg,blank\n")
    # What is excluded may be broken.
    (folder / "images" / "b1.jpg").write_bytes(b"no picture")
    out = folder / "s.csv"
    result = split(run, folder, "-o", out, "--folds", 2, "--exclude", excluded)
    assert result.code == 0, result.err
    assert "1 tiles left out" in result.err
    assert set(read_split(out)) == {f"{a}{k}.jpg" for a in "ab" for k in "0123"} - {"b1.jpg"}
    excluded.write_text("ImageId\n" + "".join(f"{a}{k}.jpg\n" for a in "ab" for k in "0123"))
    assert split(run, folder, "-o", folder / "t.csv", "--exclude", excluded).code == 2


def test_a_broken_tile_is_named_and_stops_nothing(run: Run, folder: Path) -> None:
    path = folder / "images" / "b1.jpg"
    path.write_bytes(path.read_bytes()[:2000])
    out = folder / "s.csv"
    result = split(run, folder, "-o", out, "--folds", 2)
    assert result.code == 4
    assert "b1.jpg: truncated or corrupt JPEG" in result.err
    assert len(read_split(out)) == 8
    assert "8 in 6 groups" in " ".join(result.out.split())
    for name in read_split(out):
        (folder / "images" / name).write_text("<html>")
    result = split(run, folder, "-o", folder / "t.csv", "--folds", 2)
    assert result.code == 3
    assert "none of the 8 tiles" in result.err
    assert not (folder / "t.csv").exists()


def test_labelled_tiles_without_a_file_are_left_out_but_link(run: Run, folder: Path) -> None:
    # b3 shows other ground than a1, although both have the ship; with 'far' nobody can tell.
    labels = folder / "labels.csv"
    lines = labels.read_text().splitlines()
    ship = next(line for line in lines if line.startswith("a1.jpg")).removeprefix("a1.jpg")
    lines = [line for line in lines if line != "b3.jpg,"] + [f"b3.jpg{ship}"]
    labels.write_text("\n".join(lines) + "\n")
    assert "8 in 4 groups" in split(run, folder, "-o", folder / "s.csv", "--folds", 2).out
    labels.write_text("\n".join([*lines, f"far.jpg{ship}"]) + "\n")
    result = split(run, folder, "-o", folder / "t.csv", "--folds", 2)
    assert result.code == 0, result.err
    assert "1 of 9 labelled tiles have no file" in result.err
    assert "8 in 3 groups" in result.out
    assert "far.jpg" not in read_split(folder / "t.csv")


def test_nothing_is_written_over(run: Run, folder: Path) -> None:
    out = folder / "s.csv"
    out.write_text("mine")
    result = split(run, folder, "-o", out, "--folds", 2)
    assert result.code == 2
    assert "--overwrite" in result.err
    assert out.read_text() == "mine"
    assert split(run, folder, "-o", out, "--folds", 2, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no file to write the split to"),
        (("-o", "s.csv", "--check", "s.csv"), "--check makes no split"),
        (("--check", "s.csv", "--val", "0.2"), "--val says nothing"),
        (("-o", "s.csv", "--folds", "3", "--test", "0.2"), "--test says nothing"),
        (("-o", "s.csv", "--val", "0.6", "--test", "0.4"), "leave 0 for 'train'"),
        (("-o", "s.csv", "--val", "0", "--test", "0"), "leave 1 for 'train'"),
        (("-o", "s.csv", "--val", "nan"), "no number from 0 to 1"),
        (("-o", "s.csv", "--folds", "1"), "folds"),
        (("--check", "missing.csv"), "missing.csv"),
    ],
)
def test_options_that_do_not_go_together(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str], message: str
) -> None:
    monkeypatch.chdir(folder)
    result = split(run, folder, *arguments, images=False)
    assert result.code == 2
    assert message in result.err
    assert not (folder / "s.csv").exists()


def test_too_few_groups_are_told(run: Run, folder: Path) -> None:
    result = split(run, folder, "-o", folder / "s.csv", "--folds", 5)
    assert result.code == 3
    assert "'fold4' stays empty" in result.err


def test_bad_rows_are_named_or_set_aside(run: Run, folder: Path) -> None:
    with (folder / "labels.csv").open("a") as file:
        file.write("b0.jpg,1 0\n=cmd(),1 2\n")
    result = split(run, folder, "-o", folder / "s.csv", "--folds", 2)
    assert result.code == 3
    assert "row 10" in result.err
    result = split(run, folder, "-o", folder / "s.csv", "--folds", 2, "--on-bad-row", "skip")
    assert result.code == 0, result.err
    assert "set aside" in result.err
    assert "b0.jpg" not in read_split(folder / "s.csv")


def test_a_foreign_split_is_checked_as_far_as_it_goes(run: Run, folder: Path) -> None:
    path = folder / "theirs.csv"
    # Its own acquisitions lie across its parts; what is looked for is ground.
    path.write_text("ImageId,split,acquisition\na0.jpg,x,1\na3.jpg,y,1\nelse.jpg,y,2\n")
    result = split(run, folder, "--check", path)
    assert result.code == 0, result.err
    assert "1 tiles of" in result.err
    assert "not compared" in result.err
    # a0 and a2 share no ground, but each does with a1, which is in no part: told, but no leak.
    path.write_text("ImageId,split\na0.jpg,x\na2.jpg,y\n")
    document = json.loads(split(run, folder, "--check", path, "--json").out)
    assert (document["torn_groups"], document["leaks"]) == (1, [])
    path.write_text("ImageId,split\nelse.jpg,y\n")
    assert split(run, folder, "--check", path).code == 3
    path.write_text("ImageId,split\na0.jpg,x\na0.jpg,y\n")
    assert split(run, folder, "--check", path).code == 3
