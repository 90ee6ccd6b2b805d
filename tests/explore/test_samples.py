from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays
from PIL import Image

from shipseg.dataset.ships import measure_ships
from shipseg.explore.samples import Choice, choose_sheets, load_sample, outline_path
from shipseg.labels import LabelTable
from shipseg.rle import mask_to_runs

from .test_figures import box

WINDOW = (1, 0, 5, 4)


def edges_of(path: str) -> set[tuple[str, int, int]]:
    """Take an SVG path apart into single pixel edges."""
    found = set()
    for x, y, way, length in re.findall(r"M(\d+) (\d+)([hv])(\d+)", path):
        for step in range(int(length)):
            dx, dy = (step, 0) if way == "h" else (0, step)
            found.add((way, int(x) + dx, int(y) + dy))
    return found


@given(arrays(np.bool_, (5, 6)))
def test_an_outline_is_every_edge_between_ship_and_water(mask: np.ndarray) -> None:
    x0, y0, x1, y1 = WINDOW
    seen = np.zeros((7, 8), np.bool_)
    seen[y0 + 1 : y1 + 1, x0 + 1 : x1 + 1] = mask[y0:y1, x0:x1]
    expected = set()
    for y in range(6):
        for x in range(7):
            if seen[y + 1, x + 1] != seen[y, x + 1]:
                expected.add(("h", x, y))
            if seen[y + 1, x + 1] != seen[y + 1, x]:
                expected.add(("v", x, y))
    assert edges_of(outline_path(mask_to_runs(mask), (5, 6), WINDOW)) == expected


def small_set() -> LabelTable:
    tiles = {f"{i}.jpg": [box(10 + i, 10, 14 + i, 30)] for i in range(8)}
    tiles["many.jpg"] = [box(4 * i, 20, 4 * i + 2, 22) for i in range(1, 12)]
    tiles["cut.jpg"] = [box(0, 0, 20, 40)]
    tiles["empty.jpg"] = []
    tiles["away.jpg"] = [box(5, 5, 60, 60)]
    return LabelTable.from_ships(tiles, (64, 64))


def test_sheets_show_what_they_say() -> None:
    table = small_set()
    present = [name for name in table.image_ids if name != "away.jpg"]
    sheets = choose_sheets(table, measure_ships(table), present, 1.5)
    shown = {sheet.name: [choice.image_id for choice in sheet.choices] for sheet in sheets}
    assert shown["many"] == ["many.jpg"]
    assert shown["cut"] == ["cut.jpg"]
    assert shown["tiny"][0] == "many.jpg"
    assert shown["huge"][0] == "cut.jpg"
    assert len(shown["few"]) == 6
    assert not {"empty.jpg", "away.jpg"} & {name for names in shown.values() for name in names}
    assert all(len(names) == len(set(names)) for names in shown.values())
    assert sheets == choose_sheets(table, measure_ships(table), present, 1.5)


def test_no_tile_means_no_sheet() -> None:
    table = small_set()
    assert choose_sheets(table, measure_ships(table), [], 1.5) == []


def test_a_sample_holds_the_window_and_its_outline(tmp_path: Path) -> None:
    table = small_set()
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[:, 32:] = 200
    Image.fromarray(rgb).save(tmp_path / "0.jpg", "PNG")
    sample = load_sample(Choice("0.jpg", (0, 0, 32, 64), "one"), tmp_path, table)
    assert sample is not None
    data = base64.b64decode(sample.picture.removeprefix("data:image/jpeg;base64,"))
    picture = np.asarray(Image.open(io.BytesIO(data)))
    assert picture.shape == (64, 32, 3)
    assert picture.max() < 30
    assert ("h", 10, 10) in edges_of(sample.outline)


def test_what_cannot_be_read_or_does_not_fit_is_no_sample(tmp_path: Path) -> None:
    table = small_set()
    (tmp_path / "0.jpg").write_bytes(b"broken")
    Image.new("RGB", (8, 8)).save(tmp_path / "1.jpg")
    for name in ("0.jpg", "1.jpg", "2.jpg"):
        assert load_sample(Choice(name, (0, 0, 64, 64), ""), tmp_path, table) is None
