"""How sure the detector is of a ship: from the map's confidence to the probability of a hit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# Maps saturate; a mean of 1.0 is no certainty.
_CLOSEST = 1e-4
_USUAL_AREA_PX = 1000.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turn a mask's mean probability into the probability that it matches a ship at IoU above 0.5.

    sigmoid(intercept + slope logit(mean probability) + area_slope ln(area / 1,000 px)).

    Attributes:
        intercept: In log-odds.
        slope: Of the mean probability's log-odds.
        area_slope: Of the logarithm of the area.
    """

    intercept: float
    slope: float
    area_slope: float

    def __call__(self, mean_probability: npt.ArrayLike, area_px: npt.ArrayLike) -> FloatArray:
        """Return scores in 0..1, of the shape of the arguments.

        Args:
            mean_probability: In 0..1, of the mask's pixels.
            area_px: Of the mask, above 0.
        """
        columns = features(
            np.asarray(mean_probability, np.float64), np.asarray(area_px, np.float64)
        )
        odds = self.intercept + columns @ np.array([self.slope, self.area_slope])
        scores: FloatArray = 1 / (1 + np.exp(-odds))
        return scores


def features(mean_probability: FloatArray, area_px: FloatArray) -> FloatArray:
    """Return what a calibration weighs: (..., 2), log-odds of the probability, log of the area."""
    inside = np.clip(mean_probability, _CLOSEST, 1 - _CLOSEST)
    return np.stack([np.log(inside / (1 - inside)), np.log(area_px / _USUAL_AREA_PX)], axis=-1)
