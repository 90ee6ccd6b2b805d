"""Plots as SVG for the page: colours and fonts come from its style sheet."""

from __future__ import annotations

from html import escape

from shipseg.explore.marks import Bar, Mark, Plot, Point, Rule, Wedge, Words


def to_svg(plot: Plot) -> str:
    """Draw a plot as an SVG element with a text alternative.

    What stands for a value carries a `data-tip`; where a reader can zoom, the root carries the
    axes as `data-zoom` and the parts that change have the class `bar` or `tick`.
    """
    inner = "".join(map(_draw, plot.marks))
    zoom = ""
    if plot.zoom is not None:
        numbers = (*plot.zoom.area, *plot.zoom.domain, plot.zoom.top, int(plot.zoom.log))
        zoom = f' data-zoom="{" ".join(f"{number:.10g}" for number in numbers)}"'
    return (
        f'<svg viewBox="0 0 {plot.width:g} {plot.height:g}" role="img" tabindex="0" '
        f'aria-label="{escape(plot.title)}. {escape(plot.alt)}"{zoom}>{inner}</svg>'
    )


def _draw(mark: Mark) -> str:
    match mark:
        case Bar():
            shape = (
                f'x="{_n(mark.x)}" y="{_n(mark.y)}" width="{_n(mark.width)}" '
                f'height="{_n(max(mark.height, 0))}"'
            )
            kind = f"{mark.paint} bar" if mark.zooms else mark.paint
            return f'<rect class="{kind}" {shape}{_extras(mark.opacity, mark.tip)}/>'
        case Wedge():
            extras = _extras(mark.opacity, mark.tip)
            return f'<path class="{mark.paint}" d="{_path(mark.points)}Z"{extras}/>'
        case Rule():
            kind = f"rule {mark.paint}" + (" tick" if mark.tick else "")
            return f'<path class="{kind}" d="{_path(mark.points)}"/>'
        case Words():
            kind = mark.paint + (" tick" if mark.tick else "")
            return (
                f'<text class="{kind}" x="{_n(mark.x)}" y="{_n(mark.y)}" '
                f'text-anchor="{mark.anchor}">{escape(mark.text)}</text>'
            )


def _extras(opacity: float, tip: str) -> str:
    shade = f' fill-opacity="{opacity:.3g}"' if opacity < 1 else ""
    return shade + (f' data-tip="{escape(tip)}"' if tip else "")


def _path(points: tuple[Point, ...]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
