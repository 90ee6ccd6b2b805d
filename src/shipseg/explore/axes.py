"""Frames of plots: grids, ticks and the names of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from shipseg.explore.marks import Mark, Rule, Words
from shipseg.explore.spread import round_step

WIDTH, HEIGHT = 560.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 54.0, 14.0, 16.0, 48.0


@dataclass(frozen=True, slots=True)
class Frame:
    """Where values lie in a plot: x from `lo` to `hi`, y from 0 to `top`, in `WIDTH` × `HEIGHT`.

    Attributes:
        lo: Value at the left.
        hi: Value at the right.
        top: Value at the upper edge.
        log: Whether x is logarithmic.
        spare: Room left free at the right, for the bar of the largest values.
    """

    lo: float
    hi: float
    top: float
    log: bool = False
    spare: float = 0.0

    @property
    def area(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of the values' room."""
        return _LEFT, _TOP, WIDTH - _RIGHT - self.spare, HEIGHT - _BOTTOM

    def x(self, value: float) -> float:
        """Place a value along the lower axis."""
        x0, _, x1, _ = self.area
        if self.log:
            share = math.log(value / self.lo) / math.log(self.hi / self.lo)
        else:
            share = (value - self.lo) / (self.hi - self.lo)
        return x0 + share * (x1 - x0)

    def y(self, value: float) -> float:
        """Place a value along the left axis."""
        _, y0, _, y1 = self.area
        return y1 - value / self.top * (y1 - y0)


def top_of(most: float) -> float:
    """Give the upper end of an axis with four or five round steps that holds `most`."""
    if most <= 0:
        return 1.0
    step = round_step(most / 5)
    return step * math.ceil(most / step - 1e-9)


def left_axis(frame: Frame, *, percent: bool = False) -> list[Mark]:
    """Draw grid lines and numbers for y."""
    x0, _, _, _ = frame.area
    step = round_step(frame.top / 5)
    marks: list[Mark] = []
    for i in range(round(frame.top / step) + 1):
        y = frame.y(i * step)
        text = f"{i * step * 100:.3g} %" if percent else short(i * step)
        marks.append(Rule(((x0, y), (WIDTH - _RIGHT, y)), "line", tick=i > 0))
        marks.append(Words(x0 - 8, y + 4, text, "end", tick=i > 0))
    return marks


def lower_axis(frame: Frame, name: str) -> list[Mark]:
    """Draw numbers and the name for x."""
    _, _, _, y1 = frame.area
    values = log_ticks(frame.lo, frame.hi) if frame.log else linear_ticks(frame.lo, frame.hi)
    marks: list[Mark] = [
        Words(frame.x(value), y1 + 18, short(value), "middle", tick=True) for value in values
    ]
    return [*marks, axis_name(name)]


def axis_name(name: str) -> Words:
    """Write the name of the lower axis."""
    return Words((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 8, name, "middle", "ink")


def linear_ticks(lo: float, hi: float) -> list[float]:
    """Give five to ten round values between two.

    Examples:
        >>> linear_ticks(0, 450)
        [0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0, 350.0, 400.0, 450.0]
    """
    step = round_step((hi - lo) / 10)
    first, last = math.ceil(lo / step - 1e-9), math.floor(hi / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def log_ticks(lo: float, hi: float) -> list[float]:
    """Give powers of ten between two values, with steps of 1, 2, 5 where they are few.

    Examples:
        >>> log_ticks(3, 2000)
        [10.0, 100.0, 1000.0]
        >>> log_ticks(3, 40)
        [5.0, 10.0, 20.0]
    """
    wide = hi / lo >= 300
    powers = range(math.floor(math.log10(lo)), math.ceil(math.log10(hi)) + 1)
    values = [
        float(f"{digit}e{power}") for power in powers for digit in ((1,) if wide else (1, 2, 5))
    ]
    return [value for value in values if lo * (1 - 1e-9) <= value <= hi * (1 + 1e-9)]


def short(value: float) -> str:
    """Write a number in few characters.

    Examples:
        >>> short(27500), short(1000000), short(0.05), short(1250)
        ('27.5k', '1M', '0.05', '1,250')
    """
    if value >= 1e6:
        return f"{value / 1e6:.3g}M"
    if value >= 1e4:
        return f"{value / 1e3:.3g}k"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
