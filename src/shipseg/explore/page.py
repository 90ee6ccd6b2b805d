"""The report's page: one file with its plots, pictures, style and script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from string import Template

from shipseg.explore.marks import Plot
from shipseg.explore.meaning import Advice
from shipseg.explore.samples import Sample, Sheet
from shipseg.explore.svg import to_svg

_MOST_FAULTS = 200
_OUTLINES = (
    '<label class="switch"><input type="checkbox" id="outlines" checked>Outlines of the '
    "labels</label>"
)


@dataclass(frozen=True, slots=True)
class Report:
    """What the page shows, in its order.

    Attributes:
        title: Of the window and the page.
        lead: A sentence below it.
        stats: Big numbers: value, name, and a remark.
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
    stats: Sequence[tuple[str, str, str]]
    advice: Sequence[Advice]
    plots: Sequence[Plot]
    sheets: Sequence[tuple[Sheet, Sequence[Sample]]]
    faults: Sequence[tuple[str, str, str]]
    unreadable: Sequence[tuple[str, str]]
    numbers: Mapping[str, Mapping[str, str]]
    foot: str


def render(report: Report) -> str:
    """Render the page for light and dark screens; all text is escaped.

    The script that shows values and zooms is allowed by its hash alone, so that nothing else runs
    even where a label table holds markup.
    """
    script = resource("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return Template(resource("page.html")).substitute(
        title=escape(report.title),
        lead=escape(report.lead),
        style=resource("page.css"),
        script=script,
        hash=digest,
        stats="\n".join(_stat(*stat) for stat in report.stats),
        advice="\n".join(map(_advice, report.advice)),
        plots="\n".join(map(_plot, report.plots)),
        sheets=_sheets(report),
        faults=_faults(report),
        numbers=_numbers(report.numbers),
        foot=escape(report.foot),
    )


def resource(name: str) -> str:
    """Read a part of a page that ships with the package."""
    return resources.files("shipseg.explore").joinpath(name).read_text("utf-8")


def _stat(value: str, name: str, remark: str) -> str:
    return (
        f'<div class="stat"><dt>{escape(name)}</dt><dd><strong>{escape(value)}</strong>'
        f"<span>{escape(remark)}</span></dd></div>"
    )


def _advice(advice: Advice) -> str:
    return (
        f"<li><h3>{escape(advice.topic)}</h3><p>{escape(advice.finding)}</p>"
        f'<p class="means">{escape(advice.means)}</p></li>'
    )


def _plot(plot: Plot) -> str:
    hint = '<span class="hint">drag to zoom</span>' if plot.zoom is not None else ""
    return (
        f'<figure class="plot" id="{escape(plot.name)}"><h3>{escape(plot.title)}{hint}</h3>'
        f'<div class="canvas">{to_svg(plot)}</div><figcaption>{escape(plot.alt)}</figcaption>'
        f"<details><summary>Values as a table</summary>{table(plot.header, plot.rows)}</details>"
        "</figure>"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table that scrolls by itself; the first column names its rows."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _sheets(report: Report) -> str:
    if not report.sheets:
        return ""
    parts = [_sheet(sheet, samples) for sheet, samples in report.sheets]
    return f"<section><h2>Sample tiles</h2>{_OUTLINES}{''.join(parts)}</section>"


def _sheet(sheet: Sheet, samples: Sequence[Sample]) -> str:
    tiles = "".join(map(_sample, samples))
    return (
        f'<h3>{escape(sheet.title)}</h3><p>{escape(sheet.note)}</p><div class="tiles">{tiles}</div>'
    )


def _sample(sample: Sample) -> str:
    x0, y0, x1, y1 = sample.choice.window_xyxy
    name, caption = escape(sample.choice.image_id), escape(sample.choice.caption)
    return (
        f'<figure class="tile"><button type="button" aria-label="Enlarge {name}">'
        f'<svg viewBox="{x0} {y0} {x1 - x0} {y1 - y0}" role="img" '
        f'aria-label="{name}: {caption}">'
        f'<image x="{x0}" y="{y0}" width="{x1 - x0}" height="{y1 - y0}" href="{sample.picture}"/>'
        f'<path class="outline" d="{sample.outline}"/></svg></button>'
        f"<figcaption><strong>{name}</strong><span>{caption}</span></figcaption></figure>"
    )


def _faults(report: Report) -> str:
    parts = []
    if report.faults:
        parts.append(f"<h2>Label faults ({len(report.faults):,})</h2>")
        parts.append(table(("Row", "ImageId", "Reason"), report.faults[:_MOST_FAULTS]))
        parts.append(_more(len(report.faults)))
    if report.unreadable:
        parts.append(f"<h2>Tiles that cannot be read ({len(report.unreadable):,})</h2>")
        parts.append(table(("ImageId", "Reason"), report.unreadable[:_MOST_FAULTS]))
        parts.append(_more(len(report.unreadable)))
    return f'<section class="words">{"".join(parts)}</section>' if parts else ""


def _more(count: int) -> str:
    left = count - _MOST_FAULTS
    return f"<p>and {left:,} more, all in figures.json</p>" if left > 0 else ""


def _numbers(numbers: Mapping[str, Mapping[str, str]]) -> str:
    columns = list(dict.fromkeys(name for row in numbers.values() for name in row))
    rows = [[name, *(row.get(column, "") for column in columns)] for name, row in numbers.items()]
    return table(["figure", *columns], rows).replace("wide", "wide whole", 1)
