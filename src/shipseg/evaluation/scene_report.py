"""The evaluation of a scene as tables for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shipseg.evaluation.estimates import Estimate
from shipseg.evaluation.scenes import MatchReport, SceneReport
from shipseg.evaluation.tables import figures_table, show_estimate


def render_scene_report(report: SceneReport) -> Group:
    """Lay the report out as rich tables that fit 80 columns.

    Args:
        report: From `evaluate_scene`.
    """
    parts: list[RenderableType] = [Text(_headline(report)), _figures(report), _lengths(report)]
    if report.median_iou is not None and report.median_offset is not None:
        parts.append(
            Text(
                f"Ships matched by place: median IoU {report.median_iou:.2f}, centres "
                f"{report.median_offset:.1f} {report.unit} apart in the median."
            )
        )
    parts.append(Text("In brackets: 95% intervals (Wilson; Poisson for false alarms)."))
    return Group(*parts)


def _headline(report: SceneReport) -> str:
    area = report.looked_at_km2
    words = f"{report.found:,} ships found, {report.truth:,} true ships"
    return words + ("." if area is None else f", {area:,.2f} km² looked at.")


def _figures(report: SceneReport) -> Table:
    ways = (report.by_iou, report.by_place)
    table = figures_table("Ships", "figure", "IoU above 0.5", "centres near")
    table.add_row("recall", *(show_estimate(way.recall) for way in ways))
    table.add_row("precision", *(show_estimate(way.precision) for way in ways))
    table.add_row("F1", *(show_estimate(Estimate(way.f1)) for way in ways))
    table.add_row("F2", *(show_estimate(Estimate(way.f2)) for way in ways))
    table.add_row("false alarms / 1,000 km²", *(_rate(way) for way in ways))
    table.add_row("  ships hit", *(f"{way.counts.true_positives:,}" for way in ways))
    table.add_row("  false ships", *(f"{way.counts.false_positives:,}" for way in ways))
    table.add_row("  ships missed", *(f"{way.counts.false_negatives:,}" for way in ways))
    return table


def _lengths(report: SceneReport) -> Table:
    title = "Recall of true ships by length"
    table = figures_table(title, "length", "ships", "IoU above 0.5", "centres near")
    ways = (report.by_iou.recall_by_length, report.by_place.recall_by_length)
    for by_iou, by_place in zip(*ways, strict=True):
        least, most = by_iou.least, by_iou.most
        unit = report.unit
        span = f"{least:g} {unit} and more" if most is None else f"{least:g} to {most:g} {unit}"
        cells = (show_estimate(by_iou.recall), show_estimate(by_place.recall))
        table.add_row(span, f"{by_iou.ships:,}", *cells)
    return table


def _rate(way: MatchReport) -> str:
    rate = way.false_alarms_per_1000_km2
    if rate is None or rate.high is None:
        return "–"
    # Decimals of a rate over little ground say nothing, and would not fit.
    return show_estimate(rate, "{:,.1f}" if rate.high < 1000 else "{:,.0f}")
