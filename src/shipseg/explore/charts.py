"""Kinds of plots: from numbers to marks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shipseg.explore.axes import (
    HEIGHT,
    WIDTH,
    Frame,
    axis_name,
    left_axis,
    lower_axis,
    short,
    top_of,
)
from shipseg.explore.marks import Bar, Mark, Paint, Plot, Rule, Wedge, Words, Zoom
from shipseg.explore.spread import Histogram

_TAIL_PX, _TAIL_GAP_PX = 26.0, 22.0
# What a letter of a label takes at most, and the room between two labels.
_WORD_PX, _GAP_PX = 7.4, 12.0
_SERIES: tuple[Paint, Paint] = ("accent", "second")


@dataclass(frozen=True, slots=True)
class Label:
    """The words of a plot: file name, heading, text alternative."""

    name: str
    title: str
    alt: str


def histogram_plot(
    label: Label, histogram: Histogram, *, axis: str, unit: str, of: str = "ships"
) -> Plot:
    """Draw a histogram into which a reader can zoom.

    Args:
        label: Words.
        histogram: Linear or logarithmic, with or without a bin for the tail.
        axis: Name of the lower axis, its unit included.
        unit: Behind the values in tips.
        of: What is counted.
    """
    edges, counts = histogram.edges, histogram.counts
    body = len(counts) - histogram.tail
    spare = _TAIL_PX + _TAIL_GAP_PX if histogram.tail else 0.0
    frame = Frame(edges[0], edges[body], top_of(max(counts)), histogram.log, spare)
    total = max(sum(counts), 1)
    marks: list[Mark] = [*left_axis(frame), *lower_axis(frame, axis)]
    rows = []
    for i, count in enumerate(counts):
        tail = i >= body
        span = f"{short(edges[i])}–{short(edges[i + 1])} {unit}".rstrip()
        span = f"over {short(edges[i])} {unit}".rstrip() if tail else span
        share = percent(count / total)
        rows.append((span, f"{count:,}", share))
        tip = f"{span}: {count:,} {of}, {share}"
        x0, x1 = (_tail_room(frame)) if tail else (frame.x(edges[i]), frame.x(edges[i + 1]))
        y = frame.y(count)
        gap = min(1.5, (x1 - x0) / 5)
        marks.append(
            Bar(
                x0,
                y,
                x1 - x0 - gap,
                frame.area[3] - y,
                "second" if tail else "accent",
                tip,
                zooms=not tail,
            )
        )
    if histogram.tail:
        x0, x1 = _tail_room(frame)
        marks.append(
            Words((x0 + x1) / 2, frame.area[3] + 18, f">{short(edges[body])}", "middle", tick=True)
        )
    zoom = Zoom(frame.area, (frame.lo, frame.hi), frame.top, histogram.log)
    return _plot(label, marks, (axis, of, "share"), rows, zoom=zoom)


def _tail_room(frame: Frame) -> tuple[float, float]:
    left = frame.area[2] + _TAIL_GAP_PX
    return left, left + _TAIL_PX


def columns_plot(
    label: Label,
    names: Sequence[str],
    counts: Sequence[int],
    *,
    axis: str,
    of: str,
    total: int | None = None,
) -> Plot:
    """Draw one column per name, its count above it; shares are of `total`, or of their sum."""
    frame = Frame(0, max(len(names), 1), top_of(max(counts, default=0)))
    whole = max(sum(counts) if total is None else total, 1)
    _, _, _, base = frame.area
    marks: list[Mark] = [*left_axis(frame), axis_name(axis)]
    rows = []
    for i, (name, count) in enumerate(zip(names, counts, strict=True)):
        x0, x1, y = frame.x(i + 0.14), frame.x(i + 0.86), frame.y(count)
        share = percent(count / whole)
        rows.append((name, f"{count:,}", share))
        marks.append(Bar(x0, y, x1 - x0, base - y, "accent", f"{name}: {count:,} {of}, {share}"))
        middle = (x0 + x1) / 2
        marks.append(Words(middle, base + 18, name, "middle"))
        if len(names) <= 16:
            marks.append(Words(middle, y - 5, _brief(count), "middle", "ink"))
    return _plot(label, marks, (axis, of, "share"), rows)


def _brief(count: int) -> str:
    """Write a count in up to five characters: columns are narrow."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.1f}k" if count < 99_950 else f"{count / 1000:.0f}k"


def shares_plot(
    label: Label, lines: Sequence[tuple[str, Sequence[tuple[str, int]]]], *, of: Sequence[str]
) -> Plot:
    """Draw wholes parted into shares, one line each.

    Args:
        label: Words.
        lines: Name of each whole, and name and count of each of its parts.
        of: What each line counts.
    """
    marks: list[Mark] = []
    rows = []
    left, right = 12.0, WIDTH - 12.0
    for row, (name, parts) in enumerate(lines):
        y = 22.0 + 92 * row
        total = max(sum(count for _, count in parts), 1)
        marks.append(Words(left, y, f"{name}: {sum(count for _, count in parts):,}", paint="ink"))
        # Where the next words may begin, and what is still to come needs at the right.
        x, free = left, left
        needs = [_WORD_PX * len(f"{part} {percent(count / total)}") for part, count in parts]
        for i, (part, count) in enumerate(parts):
            width = count / total * (right - left)
            share = percent(count / total)
            rows.append((name, part, f"{count:,}", share))
            tip = f"{part}: {count:,} {of[row]}, {share}"
            opacity = 1 - 0.68 * i / max(len(parts) - 1, 1)
            # A part too small to see still gets a line.
            marks.append(Bar(x, y + 10, max(width - 1.5, 1.0), 30, "accent", tip, opacity))
            text = f"{part} {share}"
            rest = sum(needs[i:]) + _GAP_PX * (len(parts) - 1 - i)
            place = min(max(x, free), right - rest)
            marks.append(Words(place, y + 58, text))
            free = place + needs[i] + _GAP_PX
            x += width
    height = 22.0 + 92 * len(lines) - 16
    return _plot(label, marks, ("of", "part", "count", "share"), rows, height=height)


def heat_plot(label: Label, grid: Sequence[Sequence[int]], *, of: str) -> Plot:
    """Draw a square map of counts; the emptiest cell is the palest."""
    side, left, top = 264.0, 60.0, 8.0
    most = max((max(row) for row in grid), default=0)
    step_y, step_x = side / len(grid), side / len(grid[0])
    marks: list[Mark] = []
    for r, row in enumerate(grid):
        for c, count in enumerate(row):
            tip = f"row {r + 1}, column {c + 1}: {count:,} {of}"
            opacity = 0.04 + 0.96 * count / most if most else 0.04
            box = (left + c * step_x, top + r * step_y, step_x - 0.6, step_y - 0.6)
            marks.append(Bar(*box, "accent", tip, opacity))
    marks += _heat_key(most, of, left + side + 36, top + 30)
    marks.append(Words(left + side / 2, top + side + 20, "the tile, seen from above", "middle"))
    header = ("row", *(str(c + 1) for c in range(len(grid[0]))))
    rows = [(str(r + 1), *(f"{count:,}" for count in row)) for r, row in enumerate(grid)]
    return _plot(label, marks, header, rows)


def _heat_key(most: int, of: str, x: float, y: float) -> list[Mark]:
    steps = 5
    marks: list[Mark] = [Words(x, y - 14, f"{of} per cell", paint="ink")]
    for i in range(steps):
        share = 1 - i / (steps - 1)
        marks.append(Bar(x, y + 24 * i, 24, 22, "accent", opacity=0.04 + 0.96 * share))
        marks.append(Words(x + 34, y + 24 * i + 15, f"{most * share:,.0f}"))
    return marks


def rose_plot(label: Label, histogram: Histogram, *, of: str) -> Plot:
    """Draw directions as a rose: 0° up, clockwise, each direction with its opposite."""
    counts, edges = histogram.counts, histogram.edges
    most, total = max(max(counts), 1), max(sum(counts), 1)
    cx, cy, radius = 192.0, 146.0, 116.0
    marks: list[Mark] = []
    for share in (0.25, 0.5, 0.75, 1.0):
        ring = tuple(_polar(cx, cy, radius * share, deg) for deg in range(0, 361, 4))
        marks.append(Rule(ring, "line"))
    rows = []
    for i, count in enumerate(counts):
        span = f"{edges[i]:.0f}–{edges[i + 1]:.0f}°"
        share_text = percent(count / total)
        rows.append((span, f"{count:,}", share_text))
        for turn in (0, 180):
            wedge = _wedge(
                cx, cy, radius * count / most, edges[i] + turn + 0.4, edges[i + 1] + turn - 0.4
            )
            marks.append(Wedge(wedge, "accent", f"{span}: {count:,} {of}, {share_text}", 0.85))
    for deg, text in ((0, "0°"), (90, "90°"), (180, "180°"), (270, "270°")):
        x, y = _polar(cx, cy, radius + 16, deg)
        marks.append(Words(x, y + 4, text, "middle"))
    marks.append(Words(372, 60, f"outer ring: {most:,} {of}", paint="ink"))
    marks.append(Words(372, 82, "up is the tile's top;"))
    marks.append(Words(372, 100, "bow and stern look alike,"))
    marks.append(Words(372, 118, "so each half repeats"))
    marks.append(Words(372, 136, "the other"))
    return _plot(label, marks, ("heading", of, "share"), rows)


def _polar(cx: float, cy: float, radius: float, deg: float) -> tuple[float, float]:
    angle = math.radians(deg)
    return cx + radius * math.sin(angle), cy - radius * math.cos(angle)


def _wedge(
    cx: float, cy: float, radius: float, first: float, last: float
) -> tuple[tuple[float, float], ...]:
    steps = 4
    arc = [_polar(cx, cy, radius, first + (last - first) * i / steps) for i in range(steps + 1)]
    return ((cx, cy), *arc)


def compare_plot(
    label: Label, edges: Sequence[float], groups: Sequence[tuple[str, Sequence[int]]], *, axis: str
) -> Plot:
    """Draw two histograms with the same bins over each other, each as shares of its own total."""
    log = bool(edges[0] > 0 and edges[-1] / edges[0] > 50)
    shares = [[count / max(sum(counts), 1) for count in counts] for _, counts in groups]
    frame = Frame(edges[0], edges[-1], top_of(max(map(max, shares))), log)
    _, top, right, base = frame.area
    marks: list[Mark] = [*left_axis(frame, percent=True), *lower_axis(frame, axis)]
    for g, (name, counts) in enumerate(groups):
        for i, share in enumerate(shares[g]):
            x0, x1, y = frame.x(edges[i]), frame.x(edges[i + 1]), frame.y(share)
            tip = (
                f"{short(edges[i])}–{short(edges[i + 1])}: "
                f"{counts[i]:,} {name}, {percent(share)} of them"
            )
            if share:
                marks.append(Bar(x0, y, x1 - x0 - 0.8, base - y, _SERIES[g], tip, 0.55))
        y = top + 6 + 18 * g
        marks.append(Bar(right - 150, y - 9, 11, 11, _SERIES[g], opacity=0.7))
        marks.append(Words(right - 133, y + 1, f"{name} ({sum(counts):,})", paint="ink"))
    rows = [
        (f"{short(edges[i])}–{short(edges[i + 1])}", *(f"{counts[i]:,}" for _, counts in groups))
        for i in range(len(edges) - 1)
    ]
    return _plot(label, marks, (axis, *(name for name, _ in groups)), rows)


def percent(share: float) -> str:
    """Write a share with two digits that mean something.

    Examples:
        >>> percent(0.2214), percent(0.00113), percent(0.99887)
        ('22.1 %', '0.11 %', '99.89 %')
    """
    if 0 < share < 0.01 or 0.99 < share < 1:
        return f"{share * 100:.2f} %" if share >= 0.0001 else f"{share * 100:.1g} %"
    return f"{share * 100:.1f} %"


def _plot(
    label: Label,
    marks: Sequence[Mark],
    header: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    *,
    height: float = HEIGHT,
    zoom: Zoom | None = None,
) -> Plot:
    return Plot(
        name=label.name,
        title=label.title,
        alt=label.alt,
        width=WIDTH,
        height=height,
        marks=tuple(marks),
        header=header,
        rows=tuple(rows),
        zoom=zoom,
    )
