"""The page of `shipseg explore`: what the figures mean, the plots, sample tiles, faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from shipseg.explore.frame import (
    OUTLINES,
    Stat,
    TileView,
    plot_figures,
    render_frame,
    table,
    tiles,
)
from shipseg.explore.marks import Plot
from shipseg.explore.meaning import Advice

_MOST_FAULTS = 200


@dataclass(frozen=True, slots=True)
class SampleSheet:
    """Tiles that have something in common."""

    title: str
    note: str
    views: Sequence[TileView]


@dataclass(frozen=True, slots=True)
class Report:
    """What the page shows, in its order.

    Attributes:
        title: Of the window and the page.
        lead: A sentence below it.
        stats: Big numbers.
        advice: What the figures mean.
        plots: Of the figures.
        sheets: Sample tiles.
        faults: Row, ImageId and reason of rows set aside.
        unreadable: ImageId and reason of tiles that could not be read.
        numbers: The figures by name.
        foot: Where the figures are from.
    """

    title: str
    lead: str
    stats: Sequence[Stat]
    advice: Sequence[Advice]
    plots: Sequence[Plot]
    sheets: Sequence[SampleSheet]
    faults: Sequence[tuple[str, str, str]]
    unreadable: Sequence[tuple[str, str]]
    numbers: Mapping[str, Mapping[str, str]]
    foot: str


def render(report: Report) -> str:
    """Render the page; all text is escaped."""
    advice = "\n".join(map(_advice, report.advice))
    parts = [
        _section("What it means for training", f'<ol class="advice">\n{advice}\n</ol>'),
        _section("The figures", plot_figures(report.plots)),
        _sheets(report.sheets),
        _listing("Label faults", ("Row", "ImageId", "Reason"), report.faults),
        _listing("Tiles that cannot be read", ("ImageId", "Reason"), report.unreadable),
        _section("All figures", _numbers(report.numbers)),
    ]
    return render_frame(
        title=report.title,
        lead=report.lead,
        stats=report.stats,
        body="\n".join(part for part in parts if part),
        foot=report.foot,
    )


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>"


def _advice(advice: Advice) -> str:
    return (
        f"<li><h3>{escape(advice.topic)}</h3><p>{escape(advice.finding)}</p>"
        f'<p class="means">{escape(advice.means)}</p></li>'
    )


def _sheets(sheets: Sequence[SampleSheet]) -> str:
    if not sheets:
        return ""
    parts = (
        f"<h3>{escape(sheet.title)}</h3><p>{escape(sheet.note)}</p>{tiles(sheet.views)}"
        for sheet in sheets
    )
    return _section("Sample tiles", OUTLINES + "".join(parts))


def _listing(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    left = len(rows) - _MOST_FAULTS
    more = f"<p>and {left:,} more, all in figures.json</p>" if left > 0 else ""
    listing = table(header, rows[:_MOST_FAULTS], kind="words")
    return _section(f"{title} ({len(rows):,})", listing + more)


def _numbers(numbers: Mapping[str, Mapping[str, str]]) -> str:
    columns = list(dict.fromkeys(name for row in numbers.values() for name in row))
    rows = [[name, *(row.get(column, "") for column in columns)] for name, row in numbers.items()]
    return table(["figure", *columns], rows, kind="whole")
