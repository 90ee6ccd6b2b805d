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

    sigmoid(intercept + slope logit(mean probability) + area_slope ln(area / 1,000 px)
    + fit_slope logit(fit)).

    Attributes:
        intercept: In log-odds.
        slope: Of the mean probability's log-odds.
        area_slope: Of the logarithm of the area.
        fit_slope: Of the log-odds of the IoU that a refiner expects; 0 where there is none.
    """

    intercept: float
    slope: float
    area_slope: float
    fit_slope: float = 0.0

    def __call__(
        self,
        mean_probability: npt.ArrayLike,
        area_px: npt.ArrayLike,
        fit: npt.ArrayLike | None = None,
    ) -> FloatArray:
        """Return scores in 0..1, of the shape of the arguments.

        Args:
            mean_probability: In 0..1, of the mask's pixels.
            area_px: Of the mask, above 0.
            fit: In 0..1, the IoU that a refiner expects of its rectangle; None where none said.
        """
        columns = features(
            np.asarray(mean_probability, np.float64),
            np.asarray(area_px, np.float64),
            None if fit is None else np.asarray(fit, np.float64),
        )
        weights = np.array([self.slope, self.area_slope, self.fit_slope])
        odds = self.intercept + columns @ weights
        scores: FloatArray = 1 / (1 + np.exp(-odds))
        return scores


def features(
    mean_probability: FloatArray, area_px: FloatArray, fit: FloatArray | None = None
) -> FloatArray:
    """Return what a calibration weighs: (..., 3).

    Log-odds of the probability, logarithm of the area, and log-odds of the fit, 0 without one.
    """
    odds = _log_odds(mean_probability)
    of_fit = np.zeros_like(odds) if fit is None else _log_odds(fit)
    return np.stack([odds, np.log(area_px / _USUAL_AREA_PX), of_fit], axis=-1)


def _log_odds(share: FloatArray) -> FloatArray:
    inside = np.clip(share, _CLOSEST, 1 - _CLOSEST)
    odds: FloatArray = np.log(inside / (1 - inside))
    return odds
