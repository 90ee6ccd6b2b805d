"""The page of an evaluation: its figures, its worst tiles with reasons, nothing unescaped."""

from __future__ import annotations

import numpy as np
import pytest

from shipseg.evaluation.evaluate import evaluate
from shipseg.evaluation.mistakes import mistakes_of
from shipseg.evaluation.results import TileResult
from shipseg.explore.score_page import render_scores, worst_tiles
from shipseg.rle import parse_rle

SHIP, OTHER, FALSE = parse_rle("1 50 769 50"), parse_rle("90000 60"), parse_rle("99000 70")
NASTY = "<script>alert(1)</script>.jpg"


@pytest.fixture
def results() -> list[TileResult]:
    return [
        TileResult("good.jpg", (SHIP,), (SHIP,), (SHIP,), 0.9, (0.8,)),
        TileResult(NASTY, (OTHER,), (FALSE,), (FALSE,), 0.8, (0.3,)),
        TileResult("dropped.jpg", (SHIP, OTHER), (), (SHIP,), 0.2, ()),
        TileResult("empty.jpg", (), (), (), 0.1, ()),
    ]


def grey(_: str) -> np.ndarray:
    return np.full((768, 768, 3), 90, np.uint8)


def page_of(results: list[TileResult], read=grey) -> str:
    report = evaluate(results, gate_threshold=0.5, resamples=20)
    return render_scores(report, results, read, bundle="a & b", version="1")


def test_the_worst_tiles_come_with_their_reasons(results) -> None:
    page = page_of(results)
    assert "2 ships lost: the gate dropped the tile (0.20)" in page
    assert "1 ship not seen; 1 false ship" in page
    assert "good.jpg" not in page
    assert page.count('class="outline found"') == 1


def test_worst_first(results) -> None:
    report = evaluate(results, gate_threshold=0.5, resamples=0)
    mistakes = [mistakes_of(tile, passed=tile.gate_probability >= 0.5) for tile in results]
    names = [failure.result.image_id for failure in worst_tiles(report, results, mistakes)]
    # Both score 0 with two mistakes: the name decides.
    assert names == [NASTY, "dropped.jpg"]


def test_names_are_text(results) -> None:
    page = page_of(results)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "How well a &amp; b finds ships" in page


def test_figures_and_plots_are_there(results) -> None:
    page = page_of(results)
    for name in ("recall", "mistakes", "precision-recall", "calibration", "gate"):
        assert f'id="{name}"' in page
    assert "F2 on ship tiles" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_tiles_that_cannot_be_read_any_more_are_left_out(results) -> None:
    page = page_of(results, read=lambda _: None)
    assert "The worst tiles" not in page
    assert "Curves and causes" in page


def test_without_gate_and_scores() -> None:
    results = [TileResult("a.jpg", (SHIP,), (SHIP,))]
    assert "calibration" not in page_of(results).split("</style>")[1].split("<script>")[0]
