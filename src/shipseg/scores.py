"""How sure the detector is of a ship: from what speaks for one to probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# Maps saturate; a mean of 1.0 is no certainty.
_CLOSEST = 1e-4
_USUAL_AREA_PX = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What speaks for a ship, or for each of several: numbers, or arrays of one shape.

    Attributes:
        mean_probability: In 0..1, of the pixels of the mask as the segmenter drew it.
        area_px: Of that mask, above 0.
        fit: In 0..1, the IoU that a refiner expects of its rectangle; None where none said.
        cell: In 0..1, the gate's highest probability of a cell beneath it; None where it was not
            to be asked.
    """

    mean_probability: npt.ArrayLike
    area_px: npt.ArrayLike
    fit: npt.ArrayLike | None = None
    cell: npt.ArrayLike | None = None

    def features(self) -> FloatArray:
        """Return what a calibration weighs, (..., 4).

        Log-odds of the probability, logarithm of the area, and log-odds of fit and cell, 0 without.
        """
        odds = _log_odds(self.mean_probability)
        area = np.log(np.asarray(self.area_px, np.float64) / _USUAL_AREA_PX)
        others = (
            np.zeros_like(odds) if share is None else _log_odds(share)
            for share in (self.fit, self.cell)
        )
        return np.stack([odds, area, *others], axis=-1)

    @classmethod
    def of_all(cls, ships: Sequence[Evidence]) -> Evidence:
        """Set the evidence of several ships side by side; what one lacks, all lack."""

        def column(name: str) -> FloatArray | None:
            values = [getattr(ship, name) for ship in ships]
            return None if None in values else np.array(values, np.float64).reshape(len(ships))

        return cls(
            np.array([ship.mean_probability for ship in ships], np.float64),
            np.array([ship.area_px for ship in ships], np.float64),
            column("fit"),
            column("cell"),
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turn evidence into a probability.

    sigmoid(intercept + slope logit(mean probability) + area_slope ln(area / 1,000 px)
    + fit_slope logit(fit) + cell_slope logit(cell)).

    Attributes:
        intercept: In log-odds.
        slope: Of the mean probability's log-odds.
        area_slope: Of the logarithm of the area.
        fit_slope: Of the log-odds of the IoU that a refiner expects; 0 where there is none.
        cell_slope: Of the log-odds of the gate's cell; 0 where it plays no part.
    """

    intercept: float
    slope: float
    area_slope: float
    fit_slope: float = 0.0
    cell_slope: float = 0.0

    def __call__(self, evidence: Evidence) -> FloatArray:
        """Return probabilities in 0..1, of the shape of the evidence."""
        weights = np.array([self.slope, self.area_slope, self.fit_slope, self.cell_slope])
        odds = self.intercept + evidence.features() @ weights
        probabilities: FloatArray = 1 / (1 + np.exp(-odds))
        return probabilities


@dataclass(frozen=True, slots=True)
class Objectness:
    """Tell what is a ship, however badly outlined, from what is none.

    Attributes:
        calibration: Gives the probability that there is a ship.
        least: What has less is not reported.
    """

    calibration: Calibration
    least: float

    def refuses(self, evidence: Evidence) -> bool:
        """Tell whether one ship's evidence is too weak; never where the gate was not asked."""
        return evidence.cell is not None and bool(self.calibration(evidence) < self.least)


@dataclass(frozen=True, slots=True)
class Scoring:
    """What is made of the evidence for a ship.

    Attributes:
        calibration: Gives the score, the probability of a match at IoU above 0.5; None makes the
            mask's mean probability the score.
        objectness: Says what is reported at all; None reports everything.
    """

    calibration: Calibration | None = None
    objectness: Objectness | None = None

    def __call__(self, evidence: Evidence) -> float | None:
        """Return one ship's score in 0..1; None where it is not to be reported."""
        if self.objectness is not None and self.objectness.refuses(evidence):
            return None
        if self.calibration is None:
            return float(np.asarray(evidence.mean_probability))
        return float(self.calibration(evidence))


def _log_odds(share: npt.ArrayLike) -> FloatArray:
    inside = np.clip(np.asarray(share, np.float64), _CLOSEST, 1 - _CLOSEST)
    odds: FloatArray = np.log(inside / (1 - inside))
    return odds
