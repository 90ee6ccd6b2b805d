"""Bootstrap intervals of figures that are no ratio of sums: ranks, curves, calibration."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
import numpy.typing as npt

from shipseg.evaluation.estimates import Estimate

IntArray = npt.NDArray[np.int64]
Statistic = Callable[[IntArray], float | None]


def estimate_statistics(
    statistics: Mapping[str, Statistic],
    tile_count: int,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    centred: Collection[str] = (),
) -> dict[str, Estimate]:
    """Estimate several figures from the same resamples of tiles.

    Tiles are drawn with replacement, as many as there are, and the interval runs between quantiles
    of what each draw gives (Efron and Tibshirani 1993, chapter 13). Draws on which a figure is
    undefined are left out.

    Args:
        statistics: Name to a function of the (m,) indices of tiles, some more than once; it gives
            None where the figure is undefined.
        tile_count: Number of tiles.
        confidence: Share of the draws inside an interval, in (0, 1).
        resamples: How many times to draw; 0 gives figures without intervals.
        seed: The same seed and input give the same intervals.
        centred: Names of figures that are never negative and that chance makes larger, such as a
            calibration error: a draw adds its own chance to that of the tiles. Their interval is
            moved down by the bias that the draws show (the same book, chapter 10), to 0 at most.

    Returns:
        Name to Estimate, in the order given.

    Example:
        >>> values = np.array([1.0, 2.0, 4.0])
        >>> estimate_statistics({"median": lambda i: float(np.median(values[i]))}, 3, resamples=99)
        {'median': Estimate(value=2.0, low=1.0, high=4.0)}
    """
    everything = np.arange(tile_count)
    values = {name: statistic(everything) for name, statistic in statistics.items()}
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in statistics}
    for _ in range(resamples):
        indices = rng.integers(tile_count, size=tile_count)
        for name, statistic in statistics.items():
            found = statistic(indices)
            if found is not None:
                drawn[name].append(found)
    tail = (1.0 - confidence) / 2.0
    estimates = {}
    for name, value in values.items():
        if value is None or not drawn[name]:
            estimates[name] = Estimate(value)
            continue
        low, high = np.quantile(drawn[name], [tail, 1.0 - tail])
        if name in centred:
            bias = float(np.mean(drawn[name])) - value
            low, high = max(0.0, low - bias), max(0.0, high - bias)
        estimates[name] = Estimate(value, float(low), float(high))
    return estimates
