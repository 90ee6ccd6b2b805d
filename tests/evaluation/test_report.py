from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from shipseg.evaluation.estimates import Estimate
from shipseg.evaluation.evaluate import evaluate
from shipseg.evaluation.matching import ObjectCounts
from shipseg.evaluation.report import render_report, report_json, tiles_csv
from shipseg.evaluation.results import TileResult
from shipseg.rle import parse_rle

SHIP, FALSE = parse_rle("1 50 769 50"), parse_rle("99000 70")


@pytest.fixture
def report():
    tiles = [
        TileResult("a.jpg", (SHIP,), (SHIP,), (SHIP,), 0.9),
        TileResult("odd, name.jpg", (), (), (FALSE,), 0.25),
        TileResult("c.jpg", (), (), (), 0.125),
    ]
    return evaluate(tiles, gate_threshold=0.5, resamples=50)


def shown(report) -> list[str]:
    console = Console(width=80, file=io.StringIO(), force_terminal=False)
    console.print(render_report(report))
    return console.file.getvalue().splitlines()


def row(lines: list[str], label: str) -> list[str]:
    (line,) = [line for line in lines if label in line]
    return [cell.strip() for cell in line.replace("┃", "│").strip("│ ").split("│")]


def test_tables_show_the_figures_side_by_side(report):
    lines = shown(report)
    assert lines[0].startswith("3 tiles, 1 with ships, 1 ships. Submitting nothing scores F2 0.667")
    assert row(lines, "area")[1:] == ["ships", "with the gate", "without"]
    assert row(lines, "F2 over all tiles")[1:] == ["1.000 [1.000, 1.000]", "0.667 [0.333, 1.000]"]
    assert row(lines, "ships hit")[1:] == ["1", "1"]
    assert row(lines, "  false ships")[1:] == ["0", "1"]
    assert row(lines, "medium, 100–1,000 px")[1] == "1"
    assert row(lines, "small, 1–99 px")[2:] == ["–", "–"]
    assert row(lines, "large, over 1,000 px")[1] == "0"
    assert row(lines, "best F1")[1] == "1.000 at 0.575"
    assert row(lines, "empty tiles kept / dropped")[1] == "0 / 2"
    assert "95% intervals from 50 bootstrap" in lines[-1]


def test_tables_of_the_largest_figures_fit_eighty_columns_uncut(report):
    minus, plenty = Estimate(-0.123, -0.123, -0.123), ObjectCounts(81_723, 81_723, 81_723)
    way = replace(report.two_stage, gain_over_nothing=minus, object_counts=plenty)
    sizes = tuple(
        replace(size, ships=81_723, recall=Estimate(0.5, 0.5, 0.5)) for size in way.recall_by_size
    )
    way = replace(way, recall_by_size=sizes)
    lines = shown(replace(report, two_stage=way, ungated=way, tile_count=192_556))
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)


def test_tables_without_gate_and_intervals():
    report = evaluate([TileResult("a.jpg", (SHIP,), (SHIP,))], resamples=0)
    lines = shown(report)
    assert row(lines, "F2 over all tiles")[1:] == ["1.000"]
    assert not any("Gate" in line or "bootstrap" in line for line in lines)


def test_json_is_one_document(report):
    assert json.loads(report_json(report)) == report.to_dict()
    assert json.loads(report_json(report, with_tiles=True)) == report.to_dict(with_tiles=True)
    assert report_json(report).endswith("}\n")


def test_csv_has_one_row_per_tile(report):
    rows = list(csv.DictReader(io.StringIO(tiles_csv(report))))
    assert [r["image_id"] for r in rows] == ["a.jpg", "odd, name.jpg", "c.jpg"]
    assert [float(r["gate_probability"]) for r in rows] == [0.9, 0.25, 0.125]
    assert [r["gate_passed"] for r in rows] == ["true", "false", "false"]
    assert [float(r["f2"]) for r in rows] == [1.0, 1.0, 1.0]
    assert [float(r["f2_ungated"]) for r in rows] == [1.0, 0.0, 1.0]


def test_csv_leaves_unknown_cells_empty():
    text = tiles_csv(evaluate([TileResult("a.jpg", (SHIP,), (SHIP,))], resamples=0))
    header, values = text.splitlines()
    assert header.startswith("image_id,truth_ships,predicted_ships,gate_probability,gate_passed,")
    assert values == "a.jpg,1,1,,,1.0,1.0,1.0,,,,"
