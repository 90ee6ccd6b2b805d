"""Plots as a few kinds of marks, which the page draws as SVG and files as PNG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Paint: TypeAlias = Literal["ink", "faint", "line", "accent", "second"]
"""A colour by its meaning; page and files have values of their own for each."""

Anchor: TypeAlias = Literal["start", "middle", "end"]
Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Bar:
    """An upright box that stands for a value.

    Attributes:
        x: Left edge.
        y: Top edge.
        width: To the right.
        height: Downwards.
        paint: Its colour.
        tip: What is shown while a reader points at it.
        opacity: 0 to 1.
        zooms: Whether it stretches with its axis.
    """

    x: float
    y: float
    width: float
    height: float
    paint: Paint
    tip: str = ""
    opacity: float = 1.0
    zooms: bool = False


@dataclass(frozen=True, slots=True)
class Wedge:
    """A filled polygon that stands for a value."""

    points: tuple[Point, ...]
    paint: Paint
    tip: str = ""
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the frame or the grid."""

    points: tuple[Point, ...]
    paint: Paint
    tick: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text; `y` is its baseline. `tick` marks the numbers of the zooming axes."""

    x: float
    y: float
    text: str
    anchor: Anchor = "start"
    paint: Paint = "faint"
    tick: bool = False


Mark: TypeAlias = Bar | Wedge | Rule | Words


@dataclass(frozen=True, slots=True)
class Zoom:
    """What a reader can zoom into.

    Attributes:
        area: x0, y0, x1, y1 of the bars' room in the plot.
        domain: Values at x0 and x1.
        top: Value at y0; that at y1 is 0.
        log: Whether the axis is logarithmic.
    """

    area: tuple[float, float, float, float]
    domain: tuple[float, float]
    top: float
    log: bool


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot and all that it says in words and numbers.

    Attributes:
        name: File name without suffix.
        title: Heading.
        alt: What a reader without sight should know of it.
        width: In the marks' units.
        height: In the marks' units.
        marks: In the order of painting.
        header: Names of the table's columns.
        rows: The plotted values, as text.
        zoom: How to zoom, where it helps.
    """

    name: str
    title: str
    alt: str
    width: float
    height: float
    marks: tuple[Mark, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    zoom: Zoom | None = None
