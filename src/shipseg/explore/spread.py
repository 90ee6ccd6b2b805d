"""How values are spread: a few quantiles, and counts in bins that a reader can name."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]

# Ten even steps per power of ten, rounded as ISO 3 does (R10): uneven ones draw teeth.
_DECADE = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)


@dataclass(frozen=True, slots=True)
class Summary:
    """Quantiles of values; all but the count are None where there are none.

    Attributes:
        count: Number of values.
        least: Minimum.
        p05: 5 % are not above it.
        p25: 25 % are not above it.
        median: Half are not above it.
        p75: 75 % are not above it.
        p95: 95 % are not above it.
        most: Maximum.
        mean: Arithmetic mean.
    """

    count: int
    least: float | None = None
    p05: float | None = None
    p25: float | None = None
    median: float | None = None
    p75: float | None = None
    p95: float | None = None
    most: float | None = None
    mean: float | None = None


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of values in bins; every value is in one of them.

    Attributes:
        edges: ``n + 1`` rising edges; bins hold their left edge, the last one both.
        counts: ``n`` counts.
        log: Whether the bins are meant for a logarithmic axis.
        tail: Whether the last bin is a wide one for the few largest values.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    log: bool = False
    tail: bool = False


def summarise(values: Values) -> Summary:
    """Summarise ``(n,)`` finite numbers."""
    if not len(values):
        return Summary(0)
    shares = {"least": 0, "p05": 5, "p25": 25, "median": 50, "p75": 75, "p95": 95, "most": 100}
    points = np.percentile(values, list(shares.values())).tolist()
    quantiles = dict(zip(shares, points, strict=True))
    return Summary(len(values), **quantiles, mean=float(np.mean(values)))


def linear_histogram(values: Values, bins: int = 40) -> Histogram:
    """Count ``(n,)`` numbers ≥ 0 in about `bins` bins of one round width, from 0 to the largest.

    Examples:
        >>> linear_histogram(np.array([0.5, 3.0, 9.0]), bins=5).edges
        (0.0, 2.0, 4.0, 6.0, 8.0, 10.0)
    """
    most = float(values.max()) if len(values) else 0.0
    step = round_step(max(most, 1e-12) / bins) if most > 0 else 1.0
    # One more bin where the largest value lies on the last edge or floats fall short of it.
    count = max(math.ceil(most / step), 1)
    edges = tuple(float(f"{step * i:.12g}") for i in range(count + 1))
    return histogram_of(values, edges if edges[-1] >= most else (*edges, edges[-1] + step))


def log_histogram(values: Values) -> Histogram:
    """Count ``(n,)`` numbers > 0 in ten bins per power of ten: 1, 1.25, 1.6, 2, 2.5 and so on.

    Examples:
        >>> log_histogram(np.array([2.0, 3.5])).edges
        (2.0, 2.5, 3.15, 4.0)
    """
    if not len(values):
        return Histogram((1.0, 10.0), (0,), log=True)
    least, most = float(values.min()), float(values.max())
    # A decade more at both ends: log10 rounds a number just below a power of ten up to it.
    decades = range(math.floor(math.log10(least)) - 1, math.floor(math.log10(most)) + 2)
    edges = [float(f"{digit}e{power}") for power in decades for digit in _DECADE]
    first = max(i for i, edge in enumerate(edges) if edge <= least)
    last = next(i for i, edge in enumerate(edges) if edge >= most and i > first)
    return histogram_of(values, tuple(edges[first : last + 1]), log=True)


def tailed_histogram(values: Values, bins: int = 50) -> Histogram:
    """Count ``(n,)`` numbers ≥ 0 in bins that suit 99 of 100 values, and one bin for the rest.

    Examples:
        >>> tailed_histogram(np.append(np.arange(200.0), 5000.0), bins=4).edges
        (0.0, 50.0, 100.0, 150.0, 200.0, 5000.0)
    """
    if not len(values):
        return linear_histogram(values, bins)
    most = float(values.max())
    edges = linear_histogram(values[values <= np.percentile(values, 99)], bins).edges
    if edges[-1] >= most:
        return histogram_of(values, edges)
    return histogram_of(values, (*edges, most), tail=True)


def histogram_of(
    values: Values, edges: tuple[float, ...], *, log: bool = False, tail: bool = False
) -> Histogram:
    """Count ``(n,)`` numbers between given edges."""
    counts, _ = np.histogram(values, np.array(edges))
    return Histogram(edges, tuple(counts.tolist()), log, tail)


def round_step(least: float) -> float:
    """Round up to 1, 2, 2.5 or 5 times a power of ten.

    Examples:
        >>> round_step(0.7), round_step(12), round_step(2.1)
        (1.0, 20.0, 2.5)
    """
    power = 10.0 ** math.floor(math.log10(least))
    factor = next(f for f in (1.0, 2.0, 2.5, 5.0, 10.0) if f * power >= least * (1 - 1e-9))
    return factor * power


def plain(figures: Any) -> Any:
    """Turn figures into values for JSON, floats with six digits: more is noise."""
    if isinstance(figures, dict):
        return {key: plain(value) for key, value in figures.items()}
    if isinstance(figures, list | tuple):
        return [plain(value) for value in figures]
    if isinstance(figures, float):
        return float(f"{figures:.6g}")
    if hasattr(figures, "__dataclass_fields__"):
        return plain(asdict(figures))
    return figures
