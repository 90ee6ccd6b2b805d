"""The report as files: a page, its figures as JSON, its plots as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from shipseg.explore.charts import percent
from shipseg.explore.figures import Figures, Measure
from shipseg.explore.frame import Stat
from shipseg.explore.looks import LookFigures
from shipseg.explore.meaning import advice_of
from shipseg.explore.page import Report, SampleSheet
from shipseg.explore.plots import plots_of
from shipseg.explore.spread import Summary, plain
from shipseg.labels import Fault


def document_of(
    figures: Figures, looks: LookFigures | None, faults: Sequence[Fault], *, source: str
) -> dict[str, Any]:
    """Give all figures as one JSON document, undefined ones as null.

    Args:
        figures: Of the label table.
        looks: Of the tiles, where they were read.
        faults: Rows that were set aside.
        source: Name of the label table.
    """
    return {
        "labels": source,
        **plain(figures),
        "looks": plain(looks),
        "meaning": plain(advice_of(figures, looks)),
        "faulty_rows": [
            {"row": fault.row, "ImageId": fault.image_id, "reason": fault.reason}
            for fault in faults
        ],
    }


def report_of(
    figures: Figures,
    looks: LookFigures | None,
    sheets: Sequence[SampleSheet],
    faults: Sequence[Fault],
    *,
    source: str,
    version: str,
) -> Report:
    """Put the page together.

    Args:
        figures: Of the label table.
        looks: Of the tiles, where they were read.
        sheets: Sample tiles.
        faults: Rows that were set aside.
        source: Name of the label table.
        version: Of the program.
    """
    plots = plots_of(figures, looks)
    return Report(
        title=f"What is in {source}",
        lead=_lead(figures, looks),
        stats=_stats(figures),
        advice=advice_of(figures, looks),
        plots=plots,
        sheets=sheets,
        faults=[(str(fault.row), fault.image_id, fault.reason) for fault in faults],
        unreadable=() if looks is None else looks.unreadable,
        numbers=_numbers(figures, looks),
        foot=(
            f"Made by shipseg {version} (shipseg explore) at {figures.gsd_m:g} m per pixel. "
            "Lengths, widths and headings are those of the rectangle with the mask's second "
            "moments. The figures are in figures.json, the plots beside it as PNG."
        ),
    )


def _lead(figures: Figures, looks: LookFigures | None) -> str:
    tiles = figures.tiles
    text = (
        f"{tiles.total:,} tiles of {tiles.height_px} × {tiles.width_px} px with {tiles.ships:,} "
        f"labelled ships, at {figures.gsd_m:g} m per pixel."
    )
    if looks is None:
        return text + " From the labels alone; with --images there are sample tiles too."
    if looks.tiles < looks.of:
        text += f" Brightness and sharpness are those of {looks.tiles:,} of {looks.of:,} tiles."
    return text


def _stats(figures: Figures) -> list[Stat]:
    tiles, coverage = figures.tiles, figures.coverage
    with_ships = tiles.with_ships / max(tiles.total, 1)
    stats = [
        Stat(f"{tiles.total:,}", "tiles", f"{tiles.total - tiles.with_ships:,} without ships"),
        Stat(percent(with_ships), "hold ships", f"{tiles.with_ships:,} tiles"),
    ]
    per_tile, length, area = tiles.ships_per_ship_tile, figures.length.ground, figures.area.px
    if per_tile.mean is not None:
        remark = f"{per_tile.mean:.2f} per tile with ships"
        stats.append(Stat(f"{tiles.ships:,}", "ships", remark))
    if length.median is not None:
        remark = f"{length.p05:.0f} to {length.p95:.0f} m for 90 %"
        stats.append(Stat(f"{length.median:.0f} m", "median length", remark))
    if area.median is not None:
        stats.append(Stat(f"{area.median:,.0f} px", "median area", f"mean {area.mean:,.0f} px"))
        share = coverage.ship_px / coverage.all_px
        stats.append(Stat(percent(share), "of pixels are ship", f"{coverage.ship_px:,} px"))
    if figures.faults:
        stats.append(Stat(f"{figures.faults:,}", "faulty rows", "set aside with their tiles"))
    return stats


def _numbers(figures: Figures, looks: LookFigures | None) -> dict[str, dict[str, str]]:
    rows: dict[str, Summary] = {"ships per tile with ships": figures.tiles.ships_per_ship_tile}
    sides: list[tuple[str, Measure, str]] = [
        ("area", figures.area, "²"),
        ("length", figures.length, ""),
        ("width", figures.width, ""),
    ]
    for name, measure, power in sides:
        rows[f"{name}, px"] = measure.px
        rows[f"{name}, m{power}"] = measure.ground
    rows["share of the tile covered, %"] = _times(figures.coverage.of_ship_tile, 100)
    if looks is not None:
        for name, spread in (("brightness", looks.brightness), ("sharpness", looks.sharpness)):
            rows[f"{name}, tiles with ships"] = spread.with_ships
            rows[f"{name}, tiles without"] = spread.without
    return {name: _row(summary) for name, summary in rows.items()}


def _times(summary: Summary, factor: float) -> Summary:
    values = {
        field.name: None if (value := getattr(summary, field.name)) is None else value * factor
        for field in fields(Summary)
        if field.name != "count"
    }
    return Summary(summary.count, **values)


def _row(summary: Summary) -> dict[str, str]:
    names = ("least", "p05", "p25", "median", "p75", "p95", "most", "mean")
    cells = {"count": f"{summary.count:,}"}
    for name in names:
        value = getattr(summary, name)
        shown = "" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
        cells[name] = shown
    return cells
