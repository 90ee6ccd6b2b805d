"""Curves and their likes: values of one share against another, both from 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shipseg.explore.axes import HEIGHT, WIDTH, Frame, left_axis, lower_axis
from shipseg.explore.charts import Label, percent
from shipseg.explore.marks import Bar, Mark, Plot, Rule, Wedge, Words

_DOT = 4.5
# A curve of thousands of points looks the same with some hundreds.
_MOST_POINTS = 400


@dataclass(frozen=True, slots=True)
class Spot:
    """A point to point at.

    Attributes:
        x: 0..1.
        y: 0..1.
        text: What stands beside it.
    """

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Whisker:
    """A value with its interval.

    Attributes:
        name: Below it.
        value: 0..1; None where there is none.
        low: Lower end; None without an interval.
        high: Upper end.
        count: How many it is of.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    count: int


def curve_plot(
    label: Label,
    xs: Sequence[float],
    ys: Sequence[float],
    *,
    axis: str,
    value: str,
    spot: Spot | None = None,
) -> Plot:
    """Draw a curve in the unit square.

    Args:
        label: Words.
        xs: (n,) in 0..1.
        ys: (n,) in 0..1.
        axis: Name of the lower axis.
        value: Name of what rises.
        spot: The point that is used.
    """
    frame = Frame(0, 1, 1.0)
    step = max(1, len(xs) // _MOST_POINTS)
    kept = [*range(0, len(xs) - 1, step), len(xs) - 1] if len(xs) else []
    points = [(frame.x(xs[i]), frame.y(ys[i])) for i in kept]
    marks: list[Mark] = [*left_axis(frame, percent=True), *lower_axis(frame, axis)]
    marks += _stroke(points)
    marks += [
        Bar(x - 5, y - 5, 10, 10, "accent", _tip(value, ys[i], axis, xs[i]), 0.0)
        for i, (x, y) in zip(kept, points, strict=True)
    ]
    if spot is not None:
        marks += _spot(frame, spot)
    rows = [(percent(xs[i]), percent(ys[i])) for i in kept]
    return _plot(label, marks, (axis, value), rows)


def reliability_plot(
    label: Label, bins: Sequence[tuple[float, float, int, float | None, float | None]]
) -> Plot:
    """Draw what share of ships is real at each score, beside what the score says.

    Args:
        label: Words.
        bins: Low, high, ships, mean score and share of hits of each stretch of scores.
    """
    frame = Frame(0, 1, 1.0)
    marks: list[Mark] = [*left_axis(frame, percent=True), *lower_axis(frame, "score")]
    base = frame.area[3]
    rows = []
    for low, high, ships, mean, hits in bins:
        span = f"{low:.1f}–{high:.1f}"
        rows.append((span, str(ships), _or_dash(mean), _or_dash(hits)))
        if mean is None or hits is None:
            continue
        x0, x1, y = frame.x(low) + 1, frame.x(high) - 1, frame.y(hits)
        tip = f"score {span}: {ships} ships, {percent(hits)} real, mean score {mean:.2f}"
        marks.append(Bar(x0, y, x1 - x0, max(base - y, 1.0), "accent", tip, 0.75))
        marks.append(Words((x0 + x1) / 2, min(y, base - 2) - 5, str(ships), "middle", "ink"))
    marks.append(Rule(((frame.x(0), frame.y(0)), (frame.x(1), frame.y(1))), "ink"))
    return _plot(label, marks, ("score", "ships", "mean score", "share real"), rows)


def whisker_plot(label: Label, whiskers: Sequence[Whisker], *, of: str) -> Plot:
    """Draw shares as columns with their intervals.

    Args:
        label: Words.
        whiskers: From left to right.
        of: What each counts.
    """
    frame = Frame(0, max(len(whiskers), 1), 1.0)
    marks: list[Mark] = list(left_axis(frame, percent=True))
    base = frame.area[3]
    rows = []
    for i, whisker in enumerate(whiskers):
        middle = frame.x(i + 0.5)
        marks.append(Words(middle, base + 18, whisker.name, "middle"))
        marks.append(Words(middle, base + 36, f"{whisker.count:,} {of}", "middle"))
        rows.append(
            (whisker.name, f"{whisker.count:,}", *map(_or_dash, (whisker.value, whisker.low,
             whisker.high)))
        )  # fmt: skip
        if whisker.value is None:
            continue
        y, half = frame.y(whisker.value), (frame.x(1) - frame.x(0)) * 0.28
        tip = f"{whisker.name}: {percent(whisker.value)} of {whisker.count:,} {of}"
        marks.append(Bar(middle - half, y, 2 * half, max(base - y, 1.0), "accent", tip, 0.75))
        if whisker.low is not None and whisker.high is not None:
            marks += _bracket(middle, frame.y(whisker.low), frame.y(whisker.high))
    return _plot(label, marks, ("what", of, "share", "low", "high"), rows)


def _bracket(x: float, low: float, high: float) -> list[Mark]:
    lines = [((x, low), (x, high)), ((x - 6, low), (x + 6, low)), ((x - 6, high), (x + 6, high))]
    return [Rule(line, "ink") for line in lines]


def _stroke(points: Sequence[tuple[float, float]]) -> list[Mark]:
    """Draw a line two units wide, as thin quadrangles: marks have no wide line."""
    marks: list[Mark] = []
    for (x0, y0), (x1, y1) in pairwise(points):
        length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-9)
        dx, dy = (y0 - y1) / length, (x1 - x0) / length
        quad = ((x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy))
        marks.append(Wedge(quad, "accent"))
    return marks


def _spot(frame: Frame, spot: Spot) -> list[Mark]:
    x, y = frame.x(spot.x), frame.y(spot.y)
    left = spot.x > 0.6
    return [
        Bar(x - _DOT, y - _DOT, 2 * _DOT, 2 * _DOT, "second", spot.text),
        Words(x + (-10 if left else 10), y + 20, spot.text, "end" if left else "start", "ink"),
    ]


def _tip(value: str, y: float, axis: str, x: float) -> str:
    return f"{value} {percent(y)}, {axis} {percent(x)}"


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _plot(
    label: Label,
    marks: Sequence[Mark],
    header: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
) -> Plot:
    return Plot(
        label.name, label.title, label.alt, WIDTH, HEIGHT, tuple(marks), header, tuple(rows)
    )
