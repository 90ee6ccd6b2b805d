"""Do two pieces of picture show the same ground? Decided on their pixels."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from shipseg.dataset.overlap.looks import LEAST_VARIETY, Luma, hash_squares

# Measured on Airbus tiles: ground that is not the same correlates below 0.1; the same ground above
# 0.99 as it is, 0.63 when one side is saved again at JPEG quality 75, 0.41 at 60.
_LEAST_CORRELATION = 0.4
# In multiples of the contrast between neighbouring pixels. The same ground has at most 0.002 of
# it, 0.38 when one side is saved again at quality 75, 0.56 at 60.
_MOST_DIFFERENCE = 0.75


def same_ground(one: Luma, other: Luma) -> bool:
    """Say whether two pieces of picture are one place, seen in one acquisition.

    Fine texture has to correlate, which the waves of two places never do, and brightness has to
    agree. Ground without texture of its own (black edges, burnt-out clouds) is never the same.

    Args:
        one: ``(h, w)`` uint8.
        other: ``(h, w)`` uint8, of the same size.
    """
    if len(np.unique(hash_squares(one))) < LEAST_VARIETY:
        return False
    a, b = _contrast(one), _contrast(other)
    power_a, power_b, together = _mean(a * a), _mean(b * b), _mean(a * b)
    if together < _LEAST_CORRELATION * math.sqrt(power_a * power_b) or not together:
        return False
    difference = _mean(np.abs(one.astype(np.float32) - other))
    return difference <= _MOST_DIFFERENCE * math.sqrt(min(power_a, power_b))


def _contrast(luma: Luma) -> npt.NDArray[np.float32]:
    """Take out all that is not fine: differences to the upper and the left neighbour, added."""
    levels = luma.astype(np.float32)
    return 2 * levels[1:, 1:] - levels[:-1, 1:] - levels[1:, :-1]


def _mean(values: npt.NDArray[np.float32]) -> float:
    return float(values.mean(dtype=np.float64))
