"""Figures, and how sure they are: ratios of sums over tiles with bootstrap intervals.

Every figure of a report is a ratio of two sums over tiles: a mean is Σ value / Σ 1, a mean over the
tiles with ships is Σ value·[ships] / Σ [ships], a recall is Σ found / Σ ships, the pixel Dice is
Σ 2|A∩B| / Σ (|A|+|B|). So one bootstrap of sums serves them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.errors import BadInputError, UsageError

FloatArray = npt.NDArray[np.float64]
Columns = dict[str, tuple[npt.ArrayLike, npt.ArrayLike]]
"""Name of a ratio to its numerators and denominators, each (n,) with one entry per tile."""

# Numbers held at once while resampling (8 bytes each): 32 MiB, whatever the number of tiles.
_BLOCK_NUMBERS = 1 << 22


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its bootstrap interval.

    Attributes:
        value: The figure; None where it is undefined (a mean over no tiles).
        low: Lower end of the interval, None where there is none.
        high: Upper end of the interval, None where there is none.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


def ratio(numerator: float, denominator: float) -> float | None:
    """Divide, or say None where there is nothing to divide by.

    None instead of NaN on purpose: `NaN < floor` is False, so a quality gate would pass in silence.

    Example:
        >>> ratio(1, 4), ratio(0, 0)
        (0.25, None)
    """
    return float(numerator / denominator) if denominator else None


def bootstrap_interval(
    values: npt.ArrayLike,
    denominators: npt.ArrayLike | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Give the percentile bootstrap interval of Σ values / Σ denominators over tiles.

    Tiles are drawn with replacement, as many as there are, `resamples` times; the interval runs
    from the (1 − confidence)/2 quantile of the resampled ratios to the (1 + confidence)/2 quantile
    (Efron and Tibshirani 1993, chapter 13). Resamples with a zero denominator are left out. Where
    all tiles agree the interval has no width, however few they are.

    Overlapping tiles are not independent, which makes the interval too narrow. To draw whole
    acquisitions instead, pass one sum of values and one of denominators for each acquisition.

    Args:
        values: (n,) finite numbers, one per tile.
        denominators: (n,) finite numbers ≥ 0; ones by default, which makes the ratio a mean.
        confidence: Share of the resamples inside the interval, in (0, 1).
        resamples: How many times to draw, at least 1.
        seed: The same seed and input give the same interval.

    Returns:
        (low, high), or None where the ratio is undefined in every resample.

    Raises:
        BadInputError: If the arrays are not 1-D, finite and of one length.
        UsageError: If `confidence` or `resamples` is out of range.

    Example:
        >>> bootstrap_interval([0.5, 0.5, 0.5])
        (0.5, 0.5)
        >>> low, high = bootstrap_interval([0, 1] * 50)
        >>> 0.35 < low < 0.5 < high < 0.65
        True
    """
    tops = _column(values, "values")
    bottoms = np.ones_like(tops) if denominators is None else _column(denominators, "denominators")
    found = estimate_ratios(
        {"ratio": (tops, bottoms)}, confidence=confidence, resamples=resamples, seed=seed
    )["ratio"]
    return None if found.low is None or found.high is None else (found.low, found.high)


def estimate_ratios(
    columns: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Estimate several ratios of sums from the same resamples of tiles.

    Args:
        columns: Name to (numerators, denominators), each (n,) with one entry per tile.
        confidence: Share of the resamples inside an interval, in (0, 1).
        resamples: How many times to draw the n tiles; 0 gives figures without intervals.
        seed: The same seed and input give the same intervals.

    Returns:
        Name to Estimate, in the order given.

    Raises:
        BadInputError: If the arrays are not 1-D, finite and of one length.
        UsageError: If `confidence` or `resamples` is out of range.

    Example:
        >>> estimate_ratios({"recall": ([1, 2], [2, 2])}, resamples=0)
        {'recall': Estimate(value=0.75, low=None, high=None)}
    """
    if not 0.0 < confidence < 1.0:
        raise UsageError(f"confidence is {confidence}, expected a number between 0 and 1")
    if resamples < 0:
        raise UsageError(f"resamples is {resamples}, expected 0 or more")
    if not columns:
        return {}
    pairs = [
        (_column(top, f"{name}: numerators"), _column(bottom, f"{name}: denominators"))
        for name, (top, bottom) in columns.items()
    ]
    lengths = {len(column) for pair in pairs for column in pair}
    if len(lengths) != 1:
        raise BadInputError(
            f"the columns have {sorted(lengths)} entries, expected one entry per tile in each"
        )
    tops = np.stack([top for top, _ in pairs], axis=1)
    bottoms = np.stack([bottom for _, bottom in pairs], axis=1)
    values = [ratio(*sums) for sums in zip(tops.sum(axis=0), bottoms.sum(axis=0), strict=True)]
    if resamples == 0 or not len(tops):
        return {name: Estimate(value) for name, value in zip(columns, values, strict=True)}

    sums = _resampled_sums(np.concatenate([tops, bottoms], axis=1), resamples, seed)
    top_sums, bottom_sums = sums[:, : len(columns)], sums[:, len(columns) :]
    tail = (1.0 - confidence) / 2.0
    estimates: dict[str, Estimate] = {}
    for i, (name, value) in enumerate(zip(columns, values, strict=True)):
        defined = bottom_sums[:, i] > 0
        if value is None or not defined.any():
            estimates[name] = Estimate(value)
            continue
        drawn = top_sums[defined, i] / bottom_sums[defined, i]
        low, high = np.quantile(drawn, [tail, 1.0 - tail])
        estimates[name] = Estimate(value, float(low), float(high))
    return estimates


def _resampled_sums(columns: FloatArray, resamples: int, seed: int) -> FloatArray:
    """Sum the (n, k) columns over `resamples` draws of n rows: (resamples, k)."""
    rng = np.random.default_rng(seed)
    n = len(columns)
    block = max(1, _BLOCK_NUMBERS // n)
    sums = np.empty((resamples, columns.shape[1]))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = rng.integers(n, size=(rows, n))
        # One bincount over all the resamples of the block: resample r counts in [r·n, (r+1)·n).
        drawn += np.arange(rows)[:, None] * n
        times = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        # einsum, not @: BLAS may add in another order with another number of threads, and the same
        # input has to give the same bytes.
        sums[start : start + rows] = np.einsum("rn,nk->rk", times.astype(np.float64), columns)
    return sums


def _column(values: npt.ArrayLike, name: str) -> FloatArray:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise BadInputError(f"{name} has shape {column.shape}, expected one dimension")
    if not np.isfinite(column).all():
        where = int(np.flatnonzero(~np.isfinite(column))[0])
        raise BadInputError(f"{name}[{where}] is {column[where]}, expected a finite number")
    return column
