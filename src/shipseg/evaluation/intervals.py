"""Intervals of counts that are not drawn from tiles: a share, and events per exposure."""

from __future__ import annotations

from scipy.stats import chi2

from shipseg.evaluation.estimates import Estimate

# The 97.5 % quantile of the normal distribution.
_Z = 1.959963984540054


def wilson(hits: int, trials: int) -> Estimate:
    """Give a share with Wilson's 95 % interval (Wilson 1927, JASA 22, 209).

    Examples:
        >>> wilson(9, 10)
        Estimate(value=0.9, low=0.5958..., high=0.9821...)
        >>> wilson(0, 0)
        Estimate(value=None, low=None, high=None)
    """
    if not trials:
        return Estimate(None)
    share, square = hits / trials, _Z**2 / trials
    middle = share + square / 2
    half = _Z * (share * (1 - share) / trials + square / (4 * trials)) ** 0.5
    low, high = (middle - half) / (1 + square), (middle + half) / (1 + square)
    return Estimate(share, max(0.0, low) if hits else 0.0, min(1.0, high) if hits < trials else 1.0)


def poisson_rate(count: int, exposure: float) -> Estimate:
    """Give events per exposure with the exact 95 % interval (Garwood 1936, Biometrika 28, 437).

    Examples:
        >>> poisson_rate(0, 2.0)
        Estimate(value=0.0, low=0.0, high=1.8444...)
    """
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    high = chi2.ppf(0.975, 2 * count + 2) / 2
    return Estimate(count / exposure, float(low / exposure), float(high / exposure))
