from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from shipseg.errors import LabelError
from shipseg.labels import read_labels
from shipseg.rle import parse_rle
from shipseg.writers import open_submission, open_tiles
from shipseg.writers.rows import format_row, open_rows


def test_submission_is_kaggles_format_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    with open_submission(path) as submission:
        submission.write("b.jpg", [parse_rle("1 3 10 2"), parse_rle("700 4")])
        submission.write("a.jpg", [])
    assert path.read_bytes() == b"ImageId,EncodedPixels\nb.jpg,1 3 10 2\nb.jpg,700 4\na.jpg,\n"


def test_submission_reads_back_as_a_label_table(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    ships = [parse_rle("1 3"), parse_rle("769 5 1537 5")]
    names = ["b.jpg", 'say "hi", twice.jpg', "a;b.jpg"]
    with open_submission(path) as submission:
        for name in names:
            submission.write(name, ships)
    table = read_labels(path)
    assert list(table.image_ids) == names
    assert [runs.tolist() for runs in table.ships_of("b.jpg")] == [s.tolist() for s in ships]


def test_a_name_like_a_formula_stays_the_name_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    with open_submission(path) as submission:
        submission.write("=cmd().jpg", [])
    assert path.read_text() == "ImageId,EncodedPixels\n=cmd().jpg,\n"
    # On its way back in it is set aside, with its row.
    with pytest.raises(LabelError, match="row 2"):
        read_labels(path)


def test_tiles_have_one_row_each_and_errors_stay_on_it(tmp_path: Path) -> None:
    path = tmp_path / "tiles.csv"
    with open_tiles(path) as tiles:
        tiles.write("a.jpg", 0.0000123, 0)
        tiles.write("b.jpg", np.float32(0.9), 3)
        tiles.write_error("c.jpg", "truncated,\r\n  at byte 7")
    assert path.read_text().splitlines() == [
        "ImageId,ship_probability,ships,error",
        "a.jpg,0.000012,0,",
        "b.jpg,0.900000,3,",
        'c.jpg,,,"truncated, at byte 7"',
    ]


@pytest.mark.parametrize("cell", ["a\rb", "a\nb", 'a"b', "a,b", "\r\n"])
def test_hostile_cells_read_back_as_one_cell(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(format_row([cell, "next"]) + format_row(["x", "y"]), newline="")
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [[cell, "next"], ["x", "y"]]


def test_a_name_that_is_no_unicode_leaves_the_table_utf8(tmp_path: Path) -> None:
    path = tmp_path / "tiles.csv"
    with open_tiles(path) as tiles:
        tiles.write("a\udcff.jpg", 0.5, 1)
    assert "a\\udcff.jpg" in path.read_text("utf-8")


def test_nothing_appears_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with open_rows(path, ["a"]) as rows:
        rows.write([["1"]])
        assert not path.exists()
    assert path.read_text() == "a\n1\n"


def write_a_row_then_raise(path: Path, error: BaseException) -> None:
    with open_rows(path, ["a"]) as rows:
        rows.write([["1"]])
        raise error


def test_an_interrupt_keeps_the_rows_so_far(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with pytest.raises(KeyboardInterrupt):
        write_a_row_then_raise(path, KeyboardInterrupt())
    assert path.read_text() == "a\n1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_another_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="broken"):
        write_a_row_then_raise(path, ValueError("broken"))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
