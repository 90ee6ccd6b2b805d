"""Show an evaluation: tables for the terminal, JSON, and a CSV with one row per tile."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shipseg.evaluation.results import (
    EvaluationReport,
    GateReport,
    ScoreReport,
    ShipReport,
    TileScore,
)
from shipseg.evaluation.tables import figures_table, show_estimate

# Labels of 24 characters and cells of 23, "-0.123 [-0.123, -0.123]", fill 80 columns.
_SHIP_FIGURES = {
    "F2 on ship tiles": "f2_on_ship_tiles",
    "F2 over all tiles": "f2_all",
    "  gain over nothing": "gain_over_nothing",
    "mean Dice on ship tiles": "mean_dice_on_ship_tiles",
    "mean IoU on ship tiles": "mean_iou_on_ship_tiles",
    "Dice over all pixels": "pixel_dice",
    "IoU over all pixels": "pixel_iou",
    "empty tiles, false ships": "empty_tiles_with_ships",
    "ship recall, IoU 0.5": "object_recall",
    "ship precision, IoU 0.5": "object_precision",
    "ship F2, IoU 0.5": "object_f2",
}
_SHIP_COUNTS = {
    "  ships hit": "true_positives",
    "  false ships": "false_positives",
    "  ships missed": "false_negatives",
}


def render_report(report: EvaluationReport) -> Group:
    """Lay the report out as rich tables that fit 80 columns.

    Args:
        report: From `evaluate`.

    Returns:
        A renderable for `rich.console.Console.print`.
    """
    tables: list[RenderableType] = [_headline(report)]
    if report.gate is not None:
        tables.append(_gate_table(report.gate))
    tables += [_ship_table(report), _size_table(report)]
    if report.scores is not None:
        tables.append(_score_table(report.scores))
    if report.resamples:
        tables.append(
            Text(
                f"In brackets: {report.confidence:.0%} intervals from {report.resamples} bootstrap "
                "draws of the tiles."
            )
        )
    return Group(*tables)


def report_json(report: EvaluationReport, *, with_tiles: bool = False) -> str:
    """Write the report as one JSON document, a newline at its end; undefined figures are null.

    Args:
        report: From `evaluate`.
        with_tiles: Keep the scores of each tile.
    """
    return json.dumps(report.to_dict(with_tiles=with_tiles), indent=2, allow_nan=False) + "\n"


def tiles_csv(report: EvaluationReport) -> str:
    """Write the scores of each tile as CSV: a header, then one row per tile in the order scored.

    The columns are the fields of `TileScore`; what is not known is an empty cell.

    Args:
        report: From `evaluate`.
    """
    names = [field.name for field in fields(TileScore)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(getattr(tile, name)) for name in names] for tile in report.tiles)
    return text.getvalue()


def figure_rows(report: EvaluationReport) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Give the figures of masks and ships as text, for pages.

    Args:
        report: From `evaluate`.

    Returns:
        The header, and a row per figure: its name, then one cell per way to predict.
    """
    ways = _ways(report)
    rows = [
        (label.strip(), *(show_estimate(getattr(way, name)) for way in ways.values()))
        for label, name in _SHIP_FIGURES.items()
    ]
    return ("figure", *ways), rows


def _headline(report: EvaluationReport) -> Text:
    nothing = report.two_stage.f2_of_nothing
    return Text(
        f"{report.tile_count:,} tiles, {report.ship_tile_count:,} with ships, "
        f"{report.ship_count:,} ships. Submitting nothing scores F2 {nothing:.3f}."
    )


def _gate_table(gate: GateReport) -> Table:
    table = figures_table(f"Gate at threshold {gate.threshold:.4g}", "figure", "value")
    counts = gate.counts
    table.add_row("recall: tiles with ships kept", show_estimate(gate.recall))
    table.add_row("false alarms: empty tiles kept", show_estimate(gate.false_alarm_rate))
    table.add_row("precision", show_estimate(gate.precision))
    table.add_row("F1", show_estimate(gate.f1))
    if gate.best_f1 is not None and gate.best_f1_threshold is not None:
        best = f"{gate.best_f1:.3f} at {gate.best_f1_threshold:.4g}"
        table.add_row("best F1 of any threshold", best)
    table.add_row("ROC AUC", show_estimate(gate.auc))
    table.add_row("empties dropped, 99 % of ships", show_estimate(gate.empties_dropped))
    table.add_row(
        "tiles with ships kept / dropped", _of(counts.true_positives, counts.false_negatives)
    )
    table.add_row("empty tiles kept / dropped", _of(counts.false_positives, counts.true_negatives))
    return table


def _ship_table(report: EvaluationReport) -> Table:
    ways = _ways(report)
    table = figures_table("Masks and ships", "figure", *ways)
    for label, name in _SHIP_FIGURES.items():
        table.add_row(label, *(show_estimate(getattr(way, name)) for way in ways.values()))
    for label, name in _SHIP_COUNTS.items():
        table.add_row(label, *(f"{getattr(way.object_counts, name):,}" for way in ways.values()))
    return table


def _size_table(report: EvaluationReport) -> Table:
    ways = _ways(report)
    table = figures_table("Recall of ships by size, at IoU 0.5", "area", "ships", *ways)
    for rows in zip(*(way.recall_by_size for way in ways.values()), strict=True):
        size = rows[0]
        if size.most_px is None:
            area = f"over {size.least_px - 1:,}"
        else:
            area = f"{size.least_px:,}–{size.most_px:,}"
        table.add_row(
            f"{size.name}, {area} px",
            f"{size.ships:,}",
            *(show_estimate(row.recall) for row in rows),
        )
    return table


def _score_table(scores: ScoreReport) -> Table:
    table = figures_table("Scores of ships, at IoU 0.5", "figure", "value")
    table.add_row("average precision", show_estimate(scores.average_precision))
    table.add_row("calibration error, ECE", show_estimate(scores.ece))
    return table


def _ways(report: EvaluationReport) -> dict[str, ShipReport]:
    if report.gate is None and report.ungated is None:
        return {"value": report.two_stage}
    ways = {"with the gate": report.two_stage}
    return ways if report.ungated is None else ways | {"without": report.ungated}


def _of(kept: int, dropped: int) -> str:
    return f"{kept:,} / {dropped:,}"


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value
