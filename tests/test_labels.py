"""The label table: what is read is right, and what is wrong is named with its row."""

from __future__ import annotations

import csv
import gzip
import io
import os
import pickle
import struct
import threading
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipseg.errors import LabelError, RleError, UsageError
from shipseg.labels import (
    Fault,
    LabelTable,
    read_exclusions,
    read_labels,
    read_split,
    write_labels,
)
from shipseg.rle import encode_rle, format_rle, parse_rle

HEADER = "ImageId,EncodedPixels\n"
GOOD = HEADER + "a.jpg,1 3 10 2\na.jpg,5 2\nb.jpg,\nc.jpg,589824 1\n"


def put(folder: Path, content: str | bytes, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def zipped(*members: tuple[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def ships(table: LabelTable) -> dict[str, list[str]]:
    return {
        image_id: [format_rle(runs) for runs in table.ships_of(image_id)]
        for image_id in table.image_ids
    }


GOOD_SHIPS = {"a.jpg": ["1 3 10 2", "5 2"], "b.jpg": [], "c.jpg": ["589824 1"]}


# --- what is read -------------------------------------------------------------------------------


def test_a_table_knows_its_images_and_ships(tmp_path: Path) -> None:
    table = read_labels(put(tmp_path, GOOD))
    assert table.image_ids == ("a.jpg", "b.jpg", "c.jpg")
    assert ships(table) == GOOD_SHIPS
    assert len(table) == 3
    assert table.ship_count == 3
    assert [table.has_ships(image_id) for image_id in table.image_ids] == [True, False, True]
    assert table.ship_areas().tolist() == [5, 2, 1]
    assert table.ship_areas().dtype == np.int64
    assert table.ships_per_image().tolist() == [2, 0, 1]
    assert "b.jpg" in table
    assert "d.jpg" not in table
    assert table.shape_hw == (768, 768)
    assert table.faults == ()


def test_a_mask_unites_the_ships_of_an_image(tmp_path: Path) -> None:
    table = read_labels(put(tmp_path, HEADER + "a,1 2 7 1\na,3 1\nb,\n"), shape_hw=(2, 4))
    assert table.mask_of("a").astype(int).tolist() == [[1, 1, 0, 1], [1, 0, 0, 0]]
    assert table.runs_of("a").tolist() == [[0, 3], [6, 1]]
    assert not table.mask_of("b").any()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\xef\xbb\xbf" + GOOD.encode(), "labels.csv"),
        (GOOD.replace("\n", "\r\n"), "labels.csv"),
        (GOOD.replace("\n", "\r"), "labels.csv"),
        (GOOD + "\n\n", "labels.csv"),
        (GOOD.rstrip("\n"), "labels.csv"),
        (GOOD.replace("b.jpg,\n", "\nb.jpg, \n"), "labels.csv"),
        (GOOD.replace(",", " , ").replace("1 3 10", "1  3\t10"), "labels.csv"),
        ("".join(f'"{a}","{b}"\n' for a, b in csv.reader(GOOD.splitlines())), "labels.csv"),
        (GOOD.replace("1 3 10 2", '"1 3\n10 2"'), "labels.csv"),
        ("".join(f"x,{b},{a}\n" for a, b in csv.reader(GOOD.splitlines())), "labels.csv"),
        (gzip.compress(GOOD.encode()), "labels.csv.gz"),
        (gzip.compress(GOOD[:40].encode()) + gzip.compress(GOOD[40:].encode()), "labels.csv.gz"),
        (gzip.compress(GOOD.encode()) + b"\0" * 512, "labels.csv.gz"),
        (gzip.compress(GOOD.encode()), "named_by_mistake.csv"),
        (zipped(("labels.csv", GOOD)), "labels.csv.zip"),
        (zipped(("x/LABELS.CSV", GOOD), ("__MACOSX/x/._L.csv", "x"), ("r.txt", "")), "l.csv.zip"),
    ],
    ids=["bom", "crlf", "cr", "blank-end", "no-newline", "blank-row", "spaces", "quoted",
         "newline-in-cell", "columns-moved", "gz", "gz-two-members", "gz-padded", "gz-other-name",
         "zip", "zip-macos"],
)  # fmt: skip
def test_every_way_of_saving_gives_the_same_table(
    tmp_path: Path, content: str | bytes, name: str
) -> None:
    assert ships(read_labels(put(tmp_path, content, name))) == GOOD_SHIPS


def test_rows_of_an_image_need_not_be_neighbours(tmp_path: Path) -> None:
    table = read_labels(put(tmp_path, HEADER + "b,9 1\na,7 1\nc,\nb,3 1\na,1 1\n"))
    assert ships(table) == {"b": ["9 1", "3 1"], "a": ["7 1", "1 1"], "c": []}


def test_touching_runs_and_touching_ships_are_no_fault(tmp_path: Path) -> None:
    table = read_labels(put(tmp_path, HEADER + "a,1 3 4 2\na,6 1 9 1\nb,7 1 8 1\n"))
    assert ships(table) == {"a": ["1 5", "6 1 9 1"], "b": ["7 2"]}


def test_a_cell_longer_than_the_csv_modules_limit_is_read(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    cell = " ".join(f"{start} 1" for start in range(1, 589824, 2))
    assert len(cell) > limit
    table = read_labels(put(tmp_path, f'{HEADER}"a.jpg","{cell}"\n'))
    assert table.ship_areas().tolist() == [294912]
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("content", [HEADER, HEADER.strip()])
def test_a_table_without_rows_is_an_empty_table(tmp_path: Path, content: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy has warned of empty text before
        table = read_labels(put(tmp_path, content))
    assert len(table) == table.ship_count == 0
    assert table.ship_areas().shape == (0,)


def test_a_table_without_ships_is_read(tmp_path: Path) -> None:
    table = read_labels(put(tmp_path, HEADER + "a,\nb,\n"))
    assert ships(table) == {"a": [], "b": []}


# --- what is wrong with a file ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "row 1 is empty, expected the header 'ImageId,EncodedPixels'"),
        (GOOD.replace(",", ";"), "row 1: delimiter ';' found, expected ','"),
        (GOOD.replace(",", "\t"), r"row 1: delimiter '\\t' found, expected ','"),
        ("ImageId,Pixels\na,\n", "row 1: column 'EncodedPixels' is missing.*'ImageId', 'Pixels'"),
        ("a.jpg,1 3\n", "row 1: column 'ImageId' is missing"),
        ("ImageId,EncodedPixels,ImageId\na,,b\n", "row 1: column 'ImageId' is there twice"),
        (GOOD.encode("utf-16"), "UTF-16, expected UTF-8"),
        (GOOD.encode() + b"\xe9.jpg,\n", "row 6: byte 0xe9 is not UTF-8"),
        (b"\xef\xbb\xbf" + GOOD.encode() + b"\xe9", "row 6: byte 0xe9 is not UTF-8"),
        (HEADER + 'a,"1 2"\nb,"3 4\nc,\n', "row 3: the quotes do not pair up"),
        (HEADER + 'a,"1 2"x\n', "row 2: the quotes do not pair up"),
        (gzip.compress(GOOD.encode())[:-9], "damaged"),
        (gzip.compress(GOOD.encode())[:-8] + b"\0" * 8, "damaged"),
        (gzip.compress(GOOD.encode()) + b"more", "damaged"),
        (b"\x1f\x8b", "damaged"),
        (b"PK\x03\x04", "damaged"),
        (zipped(("labels.csv", GOOD))[:-30], "damaged"),
        (zipped(), "0 .csv files in the ZIP, expected exactly 1"),
        (zipped(("a.csv", GOOD), ("b.csv", GOOD)), "2 .csv files in the ZIP"),
        (zipped(*[(f"{i}.txt", "") for i in range(1001)]), "1001 entries in the ZIP"),
        (b"\xff\xd8\xff\xe0JFIF", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    path = put(tmp_path, content)
    for on_bad_row in ("error", "skip"):
        with pytest.raises(LabelError, match=said) as caught:
            read_labels(path, on_bad_row=on_bad_row)  # type: ignore[arg-type]
        assert caught.value.message.startswith("labels.csv: ")
        assert caught.value.exit_code == 3


def test_a_damaged_zip_member_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped(("labels.csv", GOOD)))
    data[50] ^= 0xFF  # within the deflated bytes, which begin at 40
    with pytest.raises(LabelError, match="damaged"):
        read_labels(put(tmp_path, bytes(data)))


def test_an_encrypted_or_oddly_packed_zip_is_refused(tmp_path: Path) -> None:
    data = zipped(("labels.csv", GOOD))
    entry = data.index(b"PK\x01\x02")
    encrypted = bytearray(data)
    encrypted[entry + 8] |= 1
    with pytest.raises(LabelError, match="encrypted"):
        read_labels(put(tmp_path, bytes(encrypted)))
    odd = data[: entry + 10] + struct.pack("<H", 14) + data[entry + 12 :]
    with pytest.raises(LabelError, match="stored or deflated"):
        read_labels(put(tmp_path, odd))


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped(("a.csv", data)), bytes])
def test_a_bomb_is_refused_after_the_limit(tmp_path: Path, pack: object) -> None:
    bomb = HEADER.encode() + b"\n" * 300_000
    path = put(tmp_path, pack(bomb))  # type: ignore[operator]
    with pytest.raises(LabelError, match=r"over the limit of 0\.25 MiB unpacked"):
        read_labels(path, max_bytes=2**18)
    assert len(read_labels(path, max_bytes=len(bomb))) == 0


def test_a_bomb_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = put(tmp_path, gzip.compress(b"\0" * (64 * 2**20), 1))
    tracemalloc.start()
    with pytest.raises(LabelError, match="over the limit"):
        read_labels(path, max_bytes=2**20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


def test_a_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(GOOD,))
    writer.start()
    assert ships(read_labels(pipe)) == GOOD_SHIPS
    writer.join()


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"does not exist, expected a \.csv"):
        read_labels(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="is a folder"):
        read_labels(tmp_path)
    with pytest.raises(UsageError, match="expected 'error' or 'skip'"):
        read_labels(put(tmp_path, GOOD), on_bad_row="ignore")  # type: ignore[arg-type]


# --- what is wrong with a row -------------------------------------------------------------------

# Each is the table's row 3, below a good image 'ok' and above another row of the same image.
BAD_ROWS = {
    "odd count": ("bad,9 3 7", "token 3 .* is a start without a length"),
    "start 0": ("bad,0 3", "starts at pixel 0, expected a start ≥ 1"),
    "length 0": ("bad,9 0", "has the length 0"),
    "past the end": ("bad,589824 2", "ends past the last pixel, 589824"),
    "int64 overflow": ("bad,9223372036854775808 1", "ends past the last pixel"),
    "overlapping runs": ("bad,9 3 11 2", "run 2 .* overlaps run 1"),
    "unsorted runs": ("bad,9 3 5 2", "run 2 .* starts before run 1"),
    "decimal": ("bad,9 1.5", "token 2 is '1.5'"),
    "NaN": ("bad,NaN", "token 1 is 'NaN', expected a whole number"),
    "nan in a run": ("bad,nan 2", "token 1 is 'nan'"),
    "None": ("bad,None", "token 1 is 'None'"),
    "formula": ("bad,=cmd()", r"token 1 is '=cmd\(\)'"),
    "no-break space": ("bad,\u00a0", r"token 1 is '\\xa0'"),
    "NUL in the cell": ("bad,9 \x002", r"token 2 is '\\x002'"),
    "a column too many": ("bad,9 3,5", "the row has 3 columns, expected 2"),
    "a column missing": ("bad", "the row has 1 columns, expected 2"),
    "empty row and ship": ("bad,", "the row says no ship, but row 4 has one"),
}


@pytest.mark.parametrize(("row", "said"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_bad_row_is_named_and_its_image_left_out(tmp_path: Path, row: str, said: str) -> None:
    path = put(tmp_path, f"{HEADER}ok,1 2\n{row}\nbad,100 5\nempty,\n")
    with pytest.raises(
        LabelError, match=rf"labels.csv: 1 faulty row\n  row 3 \(bad\): .*{said}"
    ) as e:
        read_labels(path)
    assert "--on-bad-row skip" in (e.value.hint or "")
    assert "left out" not in e.value.message

    table = read_labels(path, on_bad_row="skip")
    assert ships(table) == {"ok": ["1 2"], "empty": []}
    assert [(fault.row, fault.image_id) for fault in table.faults] == [(3, "bad")]
    assert "the whole image is left out" in table.faults[0].reason


@pytest.mark.parametrize(
    ("image_id", "said"),
    [
        ("", "the ImageId is empty"),
        ("../../etc/passwd", "is a path"),
        ("x/a.jpg", "is a path"),
        ("x\\a.jpg", "is a path"),
        ("..", "is a path"),
        ("a\x00.jpg", "holds a control character"),
        ("a\u202egpj.exe", "holds a control character"),
        ("=cmd()", "starts with '=', as a spreadsheet formula does"),
        ("@x", "starts with '@'"),
        ("a" * 256, "has 256 bytes, expected at most 255"),
        ("é" * 128, "has 256 bytes"),
    ],
)
def test_an_image_id_that_is_no_file_name_is_refused(
    tmp_path: Path, image_id: str, said: str
) -> None:
    path = put(tmp_path, f"{HEADER}ok,1 2\n{image_id},9 3\n{image_id},\n")
    with pytest.raises(
        LabelError, match=rf"2 faulty rows\n  row 3.*{said}.*\n  row 4.*{said}"
    ) as e:
        read_labels(path)
    assert e.value.message.replace("\n", "").isprintable()
    table = read_labels(path, on_bad_row="skip")
    assert table.image_ids == ("ok",)


@pytest.mark.parametrize("image_id", ["a b.jpg", "é.jpg", "船.png", "a(1).jpg", ".a", "a" * 255])
def test_an_unusual_file_name_is_an_image_id(tmp_path: Path, image_id: str) -> None:
    assert read_labels(put(tmp_path, f"{HEADER}{image_id},\n")).image_ids == (image_id,)


def test_rows_are_counted_as_a_spreadsheet_does(tmp_path: Path) -> None:
    plain = f"{HEADER}\na,1 2\n\nb,0 1\n"
    quoted = f'{HEADER}"x","3\n1"\na,1 2\n\nb,0 1\n'  # a cell of two lines is in one row
    for content in (plain, quoted):
        table = read_labels(put(tmp_path, content), on_bad_row="skip")
        assert [fault.row for fault in table.faults] == [5]


def test_overlapping_ships_are_named_with_both_rows(tmp_path: Path) -> None:
    content = HEADER + "a,5 3 50 2\nb,5 3\na,100 5\na,7 1\nc,5 3\nc,1 4\n"
    path = put(tmp_path, content)
    with pytest.raises(LabelError, match=r"row 5 \(a\): the ship overlaps the one of row 2$"):
        read_labels(path)
    table = read_labels(path, on_bad_row="skip")
    assert ships(table) == {"b": ["5 3"], "c": ["5 3", "1 4"]}


def test_interleaved_ships_do_not_overlap(tmp_path: Path) -> None:
    content = HEADER + "a,1 2 11 2 21 2\na,3 2 13 2 23 2\na,5 1 15 1\n"
    assert read_labels(put(tmp_path, content)).ship_areas().tolist() == [6, 6, 2]


def test_a_ship_inside_another_is_found_beyond_its_neighbour(tmp_path: Path) -> None:
    # The long run of row 2 still reaches over row 4, though row 3 lies between their starts.
    path = put(tmp_path, HEADER + "a,1 100\na,10 1\na,50 1\n")
    faults = read_labels(path, on_bad_row="skip").faults
    assert [(fault.row, fault.reason.split(";")[0]) for fault in faults] == [
        (3, "the ship overlaps the one of row 2"),
        (4, "the ship overlaps the one of row 2"),
    ]


def test_a_repeated_row_is_a_fault_but_its_image_stays(tmp_path: Path) -> None:
    # Row 4 is row 2 written in touching runs.
    path = put(tmp_path, HEADER + "a,5 3\na,9 1\na,5 1 6 2\na,9 1\nb,\nb,\nb,\nc,5 3\n")
    with pytest.raises(LabelError, match=r"row 4 \(a\): the row repeats row 2\n"):
        read_labels(path)
    table = read_labels(path, on_bad_row="skip")
    assert ships(table) == {"a": ["5 3", "9 1"], "b": [], "c": ["5 3"]}
    assert table.faults == (
        Fault(4, "a", "the row repeats row 2"),
        Fault(5, "a", "the row repeats row 3"),
        Fault(7, "b", "the row repeats row 6"),
        Fault(8, "b", "the row repeats row 6"),
    )


def test_an_image_whose_ships_are_all_bad_is_no_empty_tile(tmp_path: Path) -> None:
    path = put(tmp_path, HEADER + "a,0 1\na,nan\nb,1 1\n")
    table = read_labels(path, on_bad_row="skip")
    assert "a" not in table
    with pytest.raises(LabelError, match="image 'a' is not among the 1 of the label table"):
        table.mask_of("a")


def test_the_message_lists_ten_faults_and_their_number(tmp_path: Path) -> None:
    path = put(tmp_path, HEADER + "".join(f"{i}.jpg,0 1\n" for i in range(25)))
    with pytest.raises(LabelError) as caught:
        read_labels(path)
    lines = caught.value.message.splitlines()
    assert lines[0] == "labels.csv: 25 faulty rows"
    assert [line.split()[1] for line in lines[1:11]] == [str(row) for row in range(2, 12)]
    assert lines[11:] == ["  and 15 more"]


# --- never a wrong mask -------------------------------------------------------------------------

SHAPE = (5, 6)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[np.ndarray]]:
    """Images with up to three disjoint ships each, as masks."""
    truth = {}
    for index in range(draw(st.integers(1, 5))):
        owner = draw(st.lists(st.integers(0, 6), min_size=30, max_size=30))
        owners = np.array(owner).reshape(SHAPE)
        truth[f"{index}.jpg"] = [owners == k for k in (1, 2, 3) if (owners == k).any()]
    return truth


def rows_of(truth: dict[str, list[np.ndarray]]) -> list[tuple[str, str]]:
    return [
        (image_id, cell)
        for image_id, masks in truth.items()
        for cell in ([encode_rle(mask) for mask in masks] or [""])
    ]


@given(tables())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read(tmp_path: Path, truth: dict[str, list[np.ndarray]]) -> None:
    path = tmp_path / "labels.csv"
    text = HEADER + "".join(f"{image_id},{cell}\n" for image_id, cell in rows_of(truth))
    path.write_text(text)
    table = read_labels(path, shape_hw=SHAPE)
    assert table.ship_areas().tolist() == [m.sum() for masks in truth.values() for m in masks]
    for image_id, masks in truth.items():
        assert np.array_equal(table.mask_of(image_id), np.any([np.zeros(SHAPE), *masks], axis=0))
    write_labels(path, table)
    assert path.read_text() == text


BREAKS = {
    "odd": lambda cell: f"{cell} 3".strip(),
    "word": lambda cell: f"{cell} nan".strip(),
    "zero": lambda cell: f"0 1 {cell}".strip(),
    "past": lambda cell: f"{cell} 31 1".strip(),
    "column": lambda cell: f"{cell},x",
    "minus": lambda cell: f"-{cell or 1}",
}


@given(tables(), st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_skipping_never_gives_a_wrong_mask(
    tmp_path: Path, truth: dict[str, list[np.ndarray]], data: st.DataObject
) -> None:
    lines, broken, expected = [], set(), set()
    for image_id, cell in rows_of(truth):
        kind = data.draw(st.sampled_from(["", "", "", "again", "clash", "overlap", *BREAKS]))
        lines.append(f"{image_id},{BREAKS[kind](cell) if kind in BREAKS else cell}")
        row = len(lines) + 1
        if kind in BREAKS:
            broken.add(image_id)
            expected.add(row)
        elif kind == "again":
            lines.append(lines[-1])
            expected.add(row + 1)
        elif kind == "clash":  # a ship on an empty tile, or "no ship" on one with ships
            lines.append(f"{image_id},{'' if cell else '1 1'}")
            broken.add(image_id)
            expected.add(row + 1 if cell else row)
        elif kind == "overlap" and cell:
            first = int(cell.split()[0])
            other = f"{first} {31 - first}"
            if parse_rle(other, SHAPE).tolist() != parse_rle(cell, SHAPE).tolist():
                lines.append(f"{image_id},{other}")
                broken.add(image_id)
                expected.add(row + 1)
    path = tmp_path / "labels.csv"
    path.write_text(HEADER + "\n".join(lines) + "\n")
    table = read_labels(path, shape_hw=SHAPE, on_bad_row="skip")

    assert set(table.image_ids) == set(truth) - broken
    assert expected <= {fault.row for fault in table.faults}
    assert broken <= {fault.image_id for fault in table.faults}
    faulty = {fault.image_id for fault in table.faults if "left out" in fault.reason}
    assert faulty == broken
    for image_id in table.image_ids:
        mask = np.any([np.zeros(SHAPE), *truth[image_id]], axis=0)
        assert np.array_equal(table.mask_of(image_id), mask)
        assert len(table.ships_of(image_id)) == len(truth[image_id])
    if table.faults:
        with pytest.raises(LabelError, match=rf"{len(table.faults)} faulty row"):
            read_labels(path, shape_hw=SHAPE)


# --- the table in memory ------------------------------------------------------------------------


def test_a_subset_keeps_the_order_asked_for(tmp_path: Path) -> None:
    table = read_labels(put(tmp_path, GOOD))
    part = table.subset(["c.jpg", "a.jpg", "c.jpg"])
    assert ships(part) == {key: GOOD_SHIPS[key] for key in ("c.jpg", "a.jpg")}
    assert list(part.image_ids) == ["c.jpg", "a.jpg"]
    assert part.ship_areas().tolist() == [1, 5, 2]
    assert len(table.subset([])) == 0
    with pytest.raises(LabelError, match=r"image 'x\.jpg' is not among the 3"):
        table.subset(["a.jpg", "x.jpg"])


def test_an_unknown_image_is_an_error_with_a_hint(tmp_path: Path) -> None:
    table = read_labels(put(tmp_path, GOOD))
    for ask in (table.ships_of, table.runs_of, table.mask_of, table.has_ships):
        with pytest.raises(LabelError, match=r"image 'x\.jpg' is not among the 3") as caught:
            ask("x.jpg")
        assert "empty EncodedPixels cell" in (caught.value.hint or "")


def test_a_table_cannot_be_changed(tmp_path: Path) -> None:
    table = read_labels(put(tmp_path, GOOD))
    with pytest.raises(ValueError, match="read-only"):
        table.ships_of("a.jpg")[0][0, 0] = 5
    with pytest.raises(AttributeError):
        table.image_ids = ()  # type: ignore[misc]


def test_a_table_travels_to_a_worker_process(tmp_path: Path) -> None:
    table = pickle.loads(pickle.dumps(read_labels(put(tmp_path, GOOD))))
    assert ships(table) == GOOD_SHIPS
    assert "b.jpg" in table


def test_a_table_is_made_from_runs() -> None:
    table = LabelTable.from_ships({"a": [np.array([[0, 3], [3, 1]])], "b": []}, (2, 4))
    assert ships(table) == {"a": ["1 4"], "b": []}
    with pytest.raises(LabelError, match="a: ships overlap"):
        LabelTable.from_ships({"a": [np.array([[0, 3]]), np.array([[2, 1]])]}, (2, 4))
    with pytest.raises(LabelError, match="a: a ship has no runs"):
        LabelTable.from_ships({"a": [np.zeros((0, 2), np.int64)]}, (2, 4))
    with pytest.raises(RleError, match="past the last pixel"):
        LabelTable.from_ships({"a": [np.array([[7, 2]])]}, (2, 4))


# --- writing ------------------------------------------------------------------------------------


def test_the_file_is_kaggles_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    table = LabelTable.from_ships({"b.jpg": [], "a.jpg": [np.array([[0, 3], [9, 2]])]})
    write_labels(path, table)
    assert path.read_bytes() == b"ImageId,EncodedPixels\nb.jpg,\na.jpg,1 3 10 2\n"


def test_pairs_are_written_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write_labels(path, (pair for pair in [("b,1.jpg", "1 2"), ("a.jpg", ""), ("b,1.jpg", "7 1")]))
    assert path.read_text() == HEADER + '"b,1.jpg",1 2\na.jpg,\n"b,1.jpg",7 1\n'
    assert ships(read_labels(path)) == {"b,1.jpg": ["1 2", "7 1"], "a.jpg": []}


def test_a_failing_source_of_pairs_leaves_the_old_file(tmp_path: Path) -> None:
    path = put(tmp_path, GOOD)

    def pairs() -> object:
        yield "a.jpg", "1 2"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_labels(path, pairs())  # type: ignore[arg-type]
    assert path.read_text() == GOOD
    assert [item.name for item in tmp_path.iterdir()] == ["labels.csv"]


def test_every_row_that_overlaps_an_earlier_one_is_named(tmp_path: Path) -> None:
    # The last ship lies over both others: a sweep that compares with the widest one alone would
    # name it, and miss that the second lies on the first.
    lines = ["a,10 3", "a,11 5", "a,1 25", "a,29 1", "b,1 2"]
    path = put(tmp_path, HEADER + "\n".join(lines) + "\n")
    faults = read_labels(path, shape_hw=SHAPE, on_bad_row="skip").faults
    named = {fault.row: fault.reason for fault in faults if "overlaps" in fault.reason}
    assert sorted(named) == [3, 4]
    assert all("row 2" in reason for reason in named.values())


# --- the split ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "ImageId,split\na.jpg,train\nb.jpg,val\n",
        "ImageId,split,acquisition\r\na.jpg,train,7\r\nb.jpg,val,8\r\n\r\n",
        "acquisition,split,ImageId\n7,train,a.jpg\n8, val,b.jpg\n",
    ],
)
def test_a_split_is_read(tmp_path: Path, content: str) -> None:
    assert read_split(put(tmp_path, content)) == {"a.jpg": "train", "b.jpg": "val"}
    assert read_split(put(tmp_path, gzip.compress(content.encode()), "s.csv.gz"))["b.jpg"] == "val"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("ImageId;split\na;val\n", "delimiter ';' found"),
        ("ImageId,part\na,val\n", "column 'split' is missing"),
        ("ImageId,split\na,val\nb,\n", r"row 3 \(b\): the cell 'split' is empty"),
        ("ImageId,split\n,val\n", "row 2: the cell 'ImageId' is empty"),
        ("ImageId,split\na,val\nb,val\na,val\n", r"row 4 \(a\): the image is already in row 2"),
        ("ImageId,split\na,val,3\n", "row 2: the row has 3 columns, expected 2"),
        (
            "ImageId,split,acquisition\na,val,7\nb,train,8\nc,train,7\n",
            r"row 4 \(c\): acquisition '7' is in split 'train' here and in 'val' in row 2",
        ),
    ],
)
def test_a_wrong_split_is_named_with_its_row(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(LabelError, match=said):
        read_split(put(tmp_path, content))


def test_exclusions_are_one_column_of_a_table(tmp_path: Path) -> None:
    found = read_exclusions(put(tmp_path, "ImageId,reason\na.jpg,blank\nb.jpg,\na.jpg,twice\n"))
    assert found == {"a.jpg", "b.jpg"}


@pytest.mark.parametrize(
    ("content", "said"),
    [("image\na.jpg\n", "ImageId"), ("reason,ImageId\nblank,a.jpg\nblank\nx, \n", "rows? 3")],
)
def test_faulty_exclusions_name_their_rows(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(LabelError, match=said):
        read_exclusions(put(tmp_path, content))
