from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from shipseg.dataset.ships import measure_ships
from shipseg.explore.faults import kind_of
from shipseg.explore.figures import figures_of
from shipseg.explore.meaning import advice_of
from shipseg.explore.plots import plots_of
from shipseg.labels import LabelTable, read_labels
from shipseg.rle import Runs, mask_to_runs


def box(x0: int, y0: int, x1: int, y1: int, size: int = 64) -> Runs:
    mask = np.zeros((size, size), np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask_to_runs(mask)


@pytest.fixture
def table() -> LabelTable:
    """Four tiles of 64 px: three ships, one cut ship, none, none."""
    return LabelTable.from_ships(
        {
            "a.jpg": [box(10, 10, 30, 14), box(40, 10, 44, 40), box(2, 50, 7, 52)],
            "b.jpg": [box(0, 20, 40, 60)],
            "c.jpg": [],
            "d.jpg": [],
        },
        (64, 64),
    )


def test_counts_and_areas(table: LabelTable) -> None:
    figures = figures_of(table, gsd_m=2.0)
    assert (figures.tiles.total, figures.tiles.with_ships, figures.tiles.ships) == (4, 2, 4)
    assert figures.tiles.by_ships == (2, 1, 0, 1)
    assert figures.area.px.most == 1600
    assert figures.area.ground.most == 6400
    assert figures.area.px.least == 10
    assert figures.coverage.ship_px == 80 + 120 + 10 + 1600
    assert figures.coverage.all_px == 4 * 64 * 64
    assert figures.coverage.ship_tiles_px == 2 * 64 * 64
    assert figures.coverage.of_ship_tile.most == 1600 / 64**2
    assert figures.coverage.top_tenth == 1600 / 1810
    assert [(c.name, c.ships, c.pixels) for c in figures.coverage.size_classes] == [
        ("small", 2, 90),
        ("medium", 1, 120),
        ("large", 1, 1600),
    ]


def test_cut_ships_are_left_out_of_lengths_and_headings(table: LabelTable) -> None:
    figures = figures_of(table, gsd_m=2.0)
    assert figures.positions.cut == 1
    assert figures.length.px.count == 3
    assert figures.length.ground.most == pytest.approx(60)
    assert figures.width.ground.most == pytest.approx(8)
    assert figures.headings.ships == 3


def test_places_are_counted_row_by_row(table: LabelTable) -> None:
    grid = np.array(figures_of(table).positions.grid)
    assert grid.sum() == 4
    # The ship at x 10-30, y 10-14 has its centre at (20, 12); a cell is 64 / 24 px.
    assert grid[int(12 * 24 / 64), int(20 * 24 / 64)] == 1


def test_headings_that_agree_are_strong_across_the_end_of_the_circle() -> None:
    upright = {f"{i}.jpg": [box(20 + i, 10, 24 + i, 50)] for i in range(4)}
    headings = figures_of(LabelTable.from_ships(upright, (64, 64))).headings
    assert headings.strength == pytest.approx(1)
    assert min(headings.mean_deg or 0, 180 - (headings.mean_deg or 0)) == pytest.approx(0, abs=1e-6)
    both = {"a.jpg": [box(5, 5, 9, 45)], "b.jpg": [box(5, 5, 45, 9)]}
    crossed = figures_of(LabelTable.from_ships(both, (64, 64))).headings
    assert crossed.strength == pytest.approx(0, abs=1e-9)


def test_the_chance_of_a_crop_is_that_of_all_crops(
    table: LabelTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shipseg.explore.figures.CROP_PX", 16)
    ships = measure_ships(table)
    chances = []
    for x0, y0, x1, y1 in zip(ships.x0, ships.y0, ships.x1, ships.y1, strict=True):
        places = list(itertools.product(range(64 - 16 + 1), repeat=2))
        hits = [x < x1 and x + 16 > x0 and y < y1 and y + 16 > y0 for x, y in places]
        chances.append(np.mean(hits))
    assert figures_of(table).crop_hit == pytest.approx(np.mean(chances))


def test_thin_ships_are_counted_at_each_size(table: LabelTable) -> None:
    # Widths: 4, 4, 2 and 40 px.
    thin = {shrink.factor: shrink.thin for shrink in figures_of(table).shrinks}
    assert thin == {1.0: 1, 1.5: 3, 2.0: 3, 3.0: 3, 4.0: 3}


@pytest.mark.parametrize("ships", [{}, {"a.jpg": []}], ids=["no tiles", "no ships"])
def test_tables_without_ships_have_figures_plots_and_advice(ships: dict[str, list[Runs]]) -> None:
    figures = figures_of(LabelTable.from_ships(ships))
    assert figures.coverage.top_tenth is None
    assert figures.crop_hit is None
    assert [plot.name for plot in plots_of(figures)] == ["tiles", "ships_per_tile"]
    (advice,) = advice_of(figures)
    assert advice.topic in ("No tiles", "No ships")


def test_a_table_of_cut_ships_alone_has_no_lengths() -> None:
    figures = figures_of(LabelTable.from_ships({"a.jpg": [box(0, 0, 9, 9)]}, (64, 64)))
    assert figures.length.px.count == 0
    assert len(plots_of(figures)) == 10
    assert "Cut ships" in [advice.topic for advice in advice_of(figures)]


FAULTY_CELLS = {
    "a run past the last pixel": "4096 2",
    "a start without a length": "1 2 3",
    "a token that is no number": "1 x",
    "a run of length 0": "5 0",
    "a run before the first pixel": "0 3",
    "runs out of order": "9 2 1 2",
    "runs that overlap within a mask": "1 5 3 5",
}


def test_faults_are_counted_by_kind(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    rows = [f"{i}.jpg,{cell}" for i, cell in enumerate(FAULTY_CELLS.values())]
    rows += ["r.jpg,1 2", "r.jpg,1 2", "o.jpg,1 5", "o.jpg,3 5", "e.jpg,1 2", "e.jpg,", "../x,"]
    path.write_text("ImageId,EncodedPixels\n" + "\n".join(rows) + "\na,b,c\n")
    figures = figures_of(read_labels(path, shape_hw=(64, 64), on_bad_row="skip"))
    assert figures.fault_reasons == dict.fromkeys(
        sorted(
            [
                *FAULTY_CELLS,
                "the row repeats another one",
                "two ships of one tile overlap",
                "an empty row of a tile that has a ship",
                "an ImageId that is no file name",
                "another number of columns",
            ]
        ),
        1,
    )
    assert figures.faults == 12
    assert "Label faults" in [advice.topic for advice in advice_of(figures)]


def test_an_unknown_reason_loses_its_numbers() -> None:
    assert kind_of("something new in row 17") == "something new in row #"
