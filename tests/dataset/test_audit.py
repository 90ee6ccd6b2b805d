from __future__ import annotations

import doctest
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shipseg.dataset.audit import KINDS, Finding, Limits, audit, findings, rows
from shipseg.dataset.audit.pairs import Labels, overlap_findings
from shipseg.dataset.audit.rows import rows_of_ships, window_around
from shipseg.dataset.audit.tiles import check_tile, look_for_faults
from shipseg.dataset.overlap import Overlap
from shipseg.dataset.ships import measure_ships
from shipseg.errors import BadInputError, LabelError, UsageError
from shipseg.labels import LabelTable, read_labels
from shipseg.rle import Runs, encode_rle, mask_to_runs

from .tiles import Tiles, write_tiles

SIZE = 128
LIMITS = Limits((SIZE, SIZE), block_px=64)


@pytest.fixture
def tiles(tmp_path: Path) -> Tiles:
    """Ten tiles; those with an even number hold ships."""
    return write_tiles(tmp_path / "set", 10, size=SIZE)


def found_in(tiles: Tiles, **options: object) -> list[Finding]:
    settings = {"limits": LIMITS, "overlaps": False, "workers": 2} | options
    return list(audit(tiles.labels, tiles.images, **settings).findings)  # type: ignore[arg-type]


def of(findings: list[Finding], code: str) -> list[Finding]:
    return [finding for finding in findings if finding.code == code]


def add_rows(tiles: Tiles, *rows: str) -> None:
    with tiles.labels.open("a") as file:
        file.write("".join(f"{row}\n" for row in rows))


def test_doctests() -> None:
    for module in (findings, rows):
        result = doctest.testmod(module)
        assert result.attempted
        assert not result.failed


def test_a_sound_set_has_no_errors(tiles: Tiles) -> None:
    result = audit(tiles.labels, tiles.images, limits=LIMITS, overlaps=False)
    assert result.tiles == 10
    assert result.pairs is None
    assert {finding.code for finding in result.findings} <= {"ship-cut", "duplicate-exact"}


def test_a_broken_file_is_one_finding_and_stops_nothing(tiles: Tiles) -> None:
    before = len(found_in(tiles))
    rgb = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), np.uint8)
    jpeg, page, small = (tiles.images / name for name in tiles.ids[1:6:2])
    Image.fromarray(rgb).save(jpeg, "JPEG")
    jpeg.write_bytes(jpeg.read_bytes()[:2000])
    page.write_bytes(b"<html>not found</html>")
    Image.fromarray(rgb[:100]).save(small, "PNG")
    found = found_in(tiles)
    assert [f.image_id for f in of(found, "tile-truncated")] == [jpeg.name]
    assert [f.image_id for f in of(found, "tile-undecodable")] == [page.name]
    (size,) = of(found, "tile-size")
    assert (size.image_id, size.reason) == (
        small.name,
        "the tile is 100 × 128 px, expected 128 × 128",
    )
    assert len(found) >= before - 2


def test_files_and_labels_that_lack_each_other(tiles: Tiles) -> None:
    (tiles.images / tiles.ids[0]).unlink()
    shutil.copy(tiles.images / tiles.ids[2], tiles.images / "stray.jpg")
    (tiles.images / "notes.txt").write_text("no tile")
    found = found_in(tiles)
    assert [f.image_id for f in of(found, "label-without-tile")] == [tiles.ids[0]]
    assert [f.image_id for f in of(found, "tile-without-label")] == ["stray.jpg"]
    (same,) = [f for f in of(found, "duplicate-exact") if f.image_id == "stray.jpg"]
    assert same.other == tiles.ids[2]


def test_faulty_rows_are_named_with_their_row(tiles: Tiles) -> None:
    last = len(tiles.labels.read_text().splitlines())
    ship = encode_rle(tiles.masks[tiles.ids[0]])
    add_rows(
        tiles,
        f"{tiles.ids[1]},5 0",
        f"{tiles.ids[3]},1 9",
        f"{tiles.ids[3]},5 9",
        f"{tiles.ids[2]},",
        f"{tiles.ids[0]},{ship}",
        "../etc/passwd,1 2",
        "=cmd(),1 2",
    )
    found = found_in(tiles)
    malformed = {(f.row, f.image_id) for f in of(found, "row-malformed")}
    assert (last + 1, tiles.ids[1]) in malformed
    assert (last + 6, "../etc/passwd") in malformed
    assert (last + 7, "=cmd()") in malformed
    (overlap,) = of(found, "row-overlap")
    assert (overlap.row, overlap.image_id) == (last + 3, tiles.ids[3])
    assert f"row {last + 2}" in overlap.reason
    assert "left out" not in overlap.reason
    # Tile 1 has an empty row, and so has tile 3.
    assert {f.image_id for f in of(found, "row-contradicts")} == set(tiles.ids[1:4])
    assert [f.row for f in of(found, "row-repeat")] == [last + 5]
    assert not of(found, "tile-without-label")


def test_a_table_damaged_as_a_whole_is_an_error(tiles: Tiles) -> None:
    tiles.labels.write_text("ImageId;EncodedPixels\n")
    with pytest.raises(LabelError):
        found_in(tiles)


def test_another_folder_is_refused(tiles: Tiles, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(BadInputError, match="none of the 10"):
        audit(tiles.labels, tmp_path / "other", limits=LIMITS)
    with pytest.raises(UsageError, match="no folder"):
        audit(tiles.labels, tmp_path / "nowhere", limits=LIMITS)


def test_tiny_and_cut_masks_have_row_and_place(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    Image.new("RGB", (SIZE, SIZE), (9, 60, 90)).save(folder / "images" / "a.png")
    small, edge = np.zeros((2, SIZE, SIZE), np.bool_)
    small[60:63, 60:64] = True
    edge[0:20, 30:60] = True
    table = folder / "labels.csv"
    table.write_text(
        f"EncodedPixels,ImageId\n{encode_rle(edge)},a.png\n{encode_rle(small)},a.png\n"
    )
    found = list(audit(table, folder / "images", limits=LIMITS, overlaps=False).findings)
    (tiny,) = of(found, "ship-tiny")
    assert tiny.row == 3
    assert "12 px" in tiny.reason
    assert tiny.window_xyxy == (0, 0, SIZE, SIZE)
    assert [f.row for f in of(found, "ship-cut")] == [2]


def picture(paint: Callable[[np.ndarray], None]) -> np.ndarray:
    rgb = np.random.default_rng(1).integers(40, 90, (SIZE, SIZE, 3), np.uint8)
    paint(rgb)
    return rgb


def fill(rows: slice, columns: slice, colour: tuple[int, int, int]):  # type: ignore[no-untyped-def]
    def paint(rgb: np.ndarray) -> None:
        rgb[rows, columns] = colour

    return paint


ALL = slice(None)


@pytest.mark.parametrize(
    ("paint", "codes"),
    [
        (fill(ALL, ALL, (0, 0, 0)), ["tile-black"]),
        (fill(ALL, ALL, (5, 3, 8)), ["tile-black"]),
        (fill(ALL, ALL, (255, 255, 255)), ["tile-white"]),
        (fill(slice(80, 110), ALL, (0, 0, 255)), ["tile-blue-band"]),
        (fill(ALL, slice(80, None), (10, 20, 250)), ["tile-blue-band"]),
        (fill(slice(0, 30), ALL, (0, 0, 0)), ["tile-black-edge"]),
        (fill(ALL, slice(100, None), (0, 0, 0)), ["tile-black-edge"]),
        # A black bar inside, dark sea, a thin line, a deep blue sea and a bright cloud are fine.
        (fill(slice(40, 80), ALL, (0, 0, 0)), []),
        (fill(slice(0, 30), ALL, (1, 1, 1)), []),
        (fill(slice(0, 4), ALL, (0, 0, 0)), []),
        (fill(slice(80, 110), ALL, (10, 30, 80)), []),
        (fill(slice(0, 100), ALL, (250, 250, 250)), []),
        (fill(ALL, ALL, (9, 9, 9)), []),
    ],
)
def test_pictures_that_show_nothing(paint: Callable[[np.ndarray], None], codes: list[str]) -> None:
    assert [code for code, _ in look_for_faults(picture(paint))] == codes


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    check = check_tile("a.jpg", tmp_path, (SIZE, SIZE))
    assert check.digest is None
    assert [f.code for f in check.findings] == ["tile-undecodable"]


def test_duplicates_with_other_labels_are_errors(tiles: Tiles) -> None:
    shutil.copy(tiles.images / tiles.ids[0], tiles.images / "zz.jpg")
    add_rows(tiles, "zz.jpg,")
    (conflict,) = of(found_in(tiles), "duplicate-conflict")
    assert (conflict.image_id, conflict.other) == ("zz.jpg", tiles.ids[0])


def box(x0: int, y0: int, x1: int, y1: int) -> Runs:
    mask = np.zeros((SIZE, SIZE), np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask_to_runs(mask)


def compared(first: list[Runs], second: list[Runs], shift: tuple[int, int]) -> list[Finding]:
    table = LabelTable.from_ships({"a.jpg": first, "b.jpg": second}, (SIZE, SIZE))
    ships = measure_ships(table)
    rows = np.arange(2, 2 + len(ships))
    labels = Labels(table, ships, rows, 0.5, {"a.jpg": 0, "b.jpg": 1})
    return list(overlap_findings(labels, [Overlap("a.jpg", "b.jpg", shift, "pixels")]))


def test_ships_of_shared_ground_that_agree_are_no_finding() -> None:
    # b lies 64 px further right: x 70 of a is x 6 of b.
    assert not compared([box(70, 20, 90, 40)], [box(6, 20, 26, 40)], (64, 0))
    # Elsewhere each tile may show what the other cannot.
    assert not compared([box(10, 20, 30, 40)], [box(90, 20, 110, 40)], (64, 0))
    # Touching ships may be one row here and two there.
    assert not compared([box(70, 20, 110, 40)], [box(6, 20, 26, 40), box(26, 20, 46, 40)], (64, 0))


def test_a_ship_labelled_in_one_tile_is_found_in_the_other() -> None:
    (finding,) = compared([box(70, 20, 90, 40)], [], (64, 0))
    assert (finding.code, finding.image_id, finding.other) == ("ship-missing", "b.jpg", "a.jpg")
    assert finding.row == 2
    assert "400 px in row 2 of 'a.jpg'" in finding.reason
    (mirrored,) = compared([], [box(6, 20, 26, 40)], (64, 0))
    assert (mirrored.image_id, mirrored.other) == ("a.jpg", "b.jpg")


def test_a_sliver_on_shared_ground_may_be_missing() -> None:
    assert not compared([box(20, 20, 66, 40)], [], (64, 0))
    assert not compared([box(70, 20, 74, 24)], [], (64, 0))


def test_masks_that_differ_are_found_with_both_tiles() -> None:
    (finding,) = compared([box(70, 20, 90, 40)], [box(20, 20, 40, 40)], (64, 0))
    assert (finding.code, finding.image_id, finding.other) == ("ship-disagrees", "a.jpg", "b.jpg")
    # 6 of 20 columns are shared: 120 of 680 pixels.
    assert "0.18" in finding.reason


def test_two_pictures_of_one_place_are_near_duplicates() -> None:
    (finding,) = compared([box(70, 20, 90, 40)], [box(70, 20, 90, 40)], (0, 0))
    assert (finding.code, finding.image_id, finding.other) == ("duplicate-near", "b.jpg", "a.jpg")


def test_overlaps_are_found_from_the_pixels(tmp_path: Path) -> None:
    """Cut two tiles from one drawn sea; the second lacks the label of the ship that both show."""
    ground = np.random.default_rng(3).integers(20, 200, (SIZE, 192, 3), np.uint8)
    ground[40:52, 80:110] = 250
    (tmp_path / "images").mkdir()
    for name, x in (("a.png", 0), ("b.png", 64)):
        Image.fromarray(ground[:, x : x + SIZE]).save(tmp_path / "images" / name)
    mask = np.zeros((SIZE, SIZE), np.bool_)
    mask[40:52, 80:110] = True
    table = tmp_path / "labels.csv"
    table.write_text(f"ImageId,EncodedPixels\na.png,{encode_rle(mask)}\nb.png,\n")
    result = audit(table, tmp_path / "images", limits=LIMITS, workers=1)
    assert result.pairs == 1
    (finding,) = result.findings
    assert (finding.code, finding.image_id, finding.row) == ("ship-missing", "b.png", 2)


@given(st.integers(0, 120), st.integers(0, 120), st.integers(1, 60), st.integers(1, 60))
def test_windows_lie_inside_and_hold_the_box(x0: int, y0: int, width: int, height: int) -> None:
    x1, y1 = min(x0 + width, 300), min(y0 + height, 250)
    left, top, right, bottom = window_around((x0, y0, x1, y1), (250, 300))
    assert 0 <= left <= x0 < x1 <= right <= 300
    assert 0 <= top <= y0 < y1 <= bottom <= 250


def test_rows_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("ImageId,EncodedPixels\nb,1 2\n\na,9 1\nb,5 2\nb,5 2\nc,\nb,20 1\n")
    table = read_labels(path, shape_hw=(8, 8), on_bad_row="skip")
    assert rows_of_ships(path, table).tolist() == [2, 5, 8, 4]


def test_kinds_stand_from_the_gravest_on() -> None:
    order = ["error", "warning", "info"]
    grave = [order.index(kind.severity) for kind in KINDS.values()]
    assert grave == sorted(grave)


def test_every_kind_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    for code, kind in KINDS.items():
        assert any(f"`{code}`" in line and f"| {kind.severity} |" in line for line in lines), code
