"""An evaluation as a page: figures, curves, and the tiles that went worst, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.evaluation.estimates import Estimate
from shipseg.evaluation.mistakes import Mistakes, mistakes_of, sentence_of
from shipseg.evaluation.report import figure_rows
from shipseg.evaluation.results import EvaluationReport, TileResult, TileScore
from shipseg.explore.frame import Stat, TileView, plot_figures, render_frame, table, tiles
from shipseg.explore.samples import outline_path, picture_uri
from shipseg.explore.score_plots import plots_of_scores
from shipseg.rle import Runs

WORST_TILES = 24
_PICTURE_PX = 640
_SWITCHES = (
    '<label class="switch"><input type="checkbox" id="outlines" checked>True ships</label> '
    '<label class="switch"><input type="checkbox" id="found" checked>Predicted ships</label>'
)

ReadTile = Callable[[str], npt.NDArray[np.uint8] | None]
"""Gives a tile's pixels by ImageId, (H, W, 3) uint8; None where it cannot be read."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A tile that went wrong.

    Attributes:
        result: Its truth and prediction.
        score: What that came to.
        reason: In words.
    """

    result: TileResult
    score: TileScore
    reason: str


def render_scores(
    report: EvaluationReport,
    results: Sequence[TileResult],
    read: ReadTile,
    *,
    bundle: str,
    version: str,
) -> str:
    """Render the page of an evaluation; all text is escaped.

    Args:
        report: From `evaluate`.
        results: What it was made from, in its order.
        read: Gives the pixels of the tiles that are shown.
        bundle: Name of the model.
        version: Of the program.
    """
    mistakes = [
        mistakes_of(tile, passed=score.gate_passed is not False)
        for tile, score in zip(results, report.tiles, strict=True)
    ]
    total = sum(mistakes, start=Mistakes())
    plots = plot_figures(plots_of_scores(report, total))
    return render_frame(
        title=f"How well {bundle} finds ships",
        lead=_lead(report),
        stats=_stats(report),
        body=(
            f"<section><h2>Curves and causes</h2>{plots}</section>"
            f"{_figures(report)}{_gallery(worst_tiles(report, results, mistakes), read)}"
        ),
        foot=(
            f"Made by shipseg {version} (shipseg evaluate). All figures are in evaluation.json, "
            "the scores of each tile in tiles.csv."
        ),
    )


def worst_tiles(
    report: EvaluationReport, results: Sequence[TileResult], mistakes: Sequence[Mistakes]
) -> list[Failure]:
    """Choose the tiles with the least F2, those with the most mistakes first among equals.

    Args:
        report: From `evaluate`.
        results: Its tiles.
        mistakes: Of each of them.
    """
    wrong = [
        (score.f2, -(found.missed + found.false), score.image_id, tile, score, found)
        for tile, score, found in zip(results, report.tiles, mistakes, strict=True)
        if found.missed or found.false
    ]
    return [
        Failure(tile, score, sentence_of(found, score.gate_probability))
        for _, _, _, tile, score, found in sorted(wrong, key=lambda row: row[:3])[:WORST_TILES]
    ]


def _lead(report: EvaluationReport) -> str:
    text = (
        f"{report.tile_count:,} tiles, {report.ship_tile_count:,} of them with "
        f"{report.ship_count:,} ships. Submitting nothing would score F2 "
        f"{report.two_stage.f2_of_nothing:.3f}."
    )
    if report.resamples:
        text += f" In brackets: {report.confidence:.0%} bootstrap intervals over tiles."
    return text


def _stats(report: EvaluationReport) -> list[Stat]:
    ships, gate, scores = report.two_stage, report.gate, report.scores
    stats = [
        ("F2 on tiles with ships", ships.f2_on_ship_tiles),
        ("mean Dice on tiles with ships", ships.mean_dice_on_ship_tiles),
        ("F2 over all, above nothing", ships.gain_over_nothing),
    ]
    if gate is not None:
        stats += [("gate F1", gate.f1), ("gate AUC", gate.auc)]
        stats.append(("empties dropped at 99 % recall", gate.empties_dropped))
    if scores is not None:
        stats.append(("calibration error", scores.ece))
    return [_stat(name, estimate) for name, estimate in stats]


def _stat(name: str, estimate: Estimate) -> Stat:
    value = "–" if estimate.value is None else f"{estimate.value:.3f}"
    known = estimate.low is not None and estimate.high is not None
    return Stat(value, name, f"[{estimate.low:.3f}, {estimate.high:.3f}]" if known else "")


def _figures(report: EvaluationReport) -> str:
    header, rows = figure_rows(report)
    whole = table(header, rows, kind="whole")
    return f"<section><h2>With the gate, and without</h2>{whole}</section>"


def _gallery(failures: Sequence[Failure], read: ReadTile) -> str:
    views = [
        _view(failure, rgb)
        for failure in failures
        if (rgb := read(failure.result.image_id)) is not None
    ]
    if not views:
        return ""
    return (
        "<section><h2>The worst tiles</h2><p>Yellow: true ships. Blue: predicted ones.</p>"
        f"{_SWITCHES}{tiles(views)}</section>"
    )


def _view(failure: Failure, rgb: npt.NDArray[np.uint8]) -> TileView:
    result, score = failure.result, failure.score
    height, width = result.shape_hw
    return TileView(
        image_id=result.image_id,
        window_xyxy=(0, 0, width, height),
        caption=f"F2 {score.f2:.2f}, Dice {score.dice:.2f}. {failure.reason}.",
        picture=picture_uri(rgb, _PICTURE_PX),
        outline=_outlines(result.truth, result.shape_hw),
        found=_outlines(result.predicted, result.shape_hw),
    )


def _outlines(ships: Sequence[Runs], shape_hw: tuple[int, int]) -> str:
    whole = (0, 0, shape_hw[1], shape_hw[0])
    return "".join(outline_path(runs, shape_hw, whole) for runs in ships)
