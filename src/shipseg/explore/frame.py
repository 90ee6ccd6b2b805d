"""What all pages share: the frame with its style and script, tables, and tiles with outlines."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from string import Template

from shipseg.explore.marks import Plot
from shipseg.explore.svg import to_svg

Window = tuple[int, int, int, int]

OUTLINES = (
    '<label class="switch"><input type="checkbox" id="outlines" checked>Outlines of the '
    "labels</label>"
)
"""The switch for the outlines of all tiles on the page."""


@dataclass(frozen=True, slots=True)
class Stat:
    """A big number at the head of a page.

    Attributes:
        value: The number.
        name: What it counts.
        remark: A few words below.
        kind: Class of the style sheet; ``""`` for none.
    """

    value: str
    name: str
    remark: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class TileView:
    """A tile, or a part of it, as the page shows it.

    Attributes:
        image_id: The tile.
        window_xyxy: The part, in the tile's pixels.
        caption: What is to be seen.
        picture: Data URI of its pixels.
        outline: SVG path of the labels, in the tile's pixels.
        found: SVG path of what was predicted, likewise.
    """

    image_id: str
    window_xyxy: Window
    caption: str
    picture: str
    outline: str
    found: str = ""


def render_frame(*, title: str, lead: str, stats: Sequence[Stat], body: str, foot: str) -> str:
    """Render a page for light and dark screens; one file, nothing from elsewhere.

    The script that shows values and zooms is allowed by its hash alone, so that nothing else runs
    even where a label table holds markup.

    Args:
        title: Of the window and the page.
        lead: A sentence below it.
        stats: Big numbers.
        body: HTML, its text escaped.
        foot: Where the figures are from.
    """
    script = _resource("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return Template(_resource("page.html")).substitute(
        title=escape(title),
        lead=escape(lead),
        style=_resource("page.css"),
        script=script,
        hash=digest,
        stats="\n".join(map(_stat, stats)),
        body=body,
        foot=escape(foot),
    )


def _resource(name: str) -> str:
    return resources.files("shipseg.explore").joinpath(name).read_text("utf-8")


def _stat(stat: Stat) -> str:
    return (
        f'<div class="stat {stat.kind}"><dt>{escape(stat.name)}</dt>'
        f"<dd><strong>{escape(stat.value)}</strong><span>{escape(stat.remark)}</span></dd></div>"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, kind: str = "") -> str:
    """Write a table that scrolls by itself.

    Args:
        header: Names of the columns.
        rows: Cells, as text.
        kind: More classes of the style sheet, such as ``"whole"`` for one that does not scroll.
    """
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="wide {kind}" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def plot_figures(plots: Sequence[Plot]) -> str:
    """Write plots side by side, each with its text alternative and its values as a table."""
    return f'<div class="plots">{"".join(map(_plot, plots))}</div>'


def _plot(plot: Plot) -> str:
    hint = '<span class="hint">drag to zoom</span>' if plot.zoom is not None else ""
    return (
        f'<figure class="plot" id="{escape(plot.name)}"><h3>{escape(plot.title)}{hint}</h3>'
        f'<div class="canvas">{to_svg(plot)}</div><figcaption>{escape(plot.alt)}</figcaption>'
        f"<details><summary>Values as a table</summary>{table(plot.header, plot.rows)}</details>"
        "</figure>"
    )


def tiles(views: Sequence[TileView]) -> str:
    """Write tiles side by side; a click enlarges one. ``""`` for none."""
    return f'<div class="tiles">{"".join(map(_tile, views))}</div>' if views else ""


def _tile(view: TileView) -> str:
    x0, y0, x1, y1 = view.window_xyxy
    name, caption = escape(view.image_id), escape(view.caption)
    found = f'<path class="outline found" d="{view.found}"/>' if view.found else ""
    return (
        f'<figure class="tile"><button type="button" aria-label="Enlarge {name}">'
        f'<svg viewBox="{x0} {y0} {x1 - x0} {y1 - y0}" role="img" '
        f'aria-label="{name}: {caption}">'
        f'<image x="{x0}" y="{y0}" width="{x1 - x0}" height="{y1 - y0}" href="{view.picture}"/>'
        f'{found}<path class="outline" d="{view.outline}"/></svg></button>'
        f"<figcaption><strong>{name}</strong><span>{caption}</span></figcaption></figure>"
    )
