"""The gate's figures among those of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping

from shipseg.evaluation.classification import (
    BoolArray,
    IntArray,
    best_f1,
    confusion_at,
    roc_auc,
    threshold_for_recall,
)
from shipseg.evaluation.estimates import Columns, Estimate, FloatArray
from shipseg.evaluation.resampled import Statistic
from shipseg.evaluation.results import GateReport

KEPT_SHIP_TILES = 0.99
"""Share of the tiles with ships that a gate keeps where it is asked how many empties it drops."""


def gate_columns(passed: BoolArray, has_ships: BoolArray) -> Columns:
    """Lay out the ratios as numerators and denominators, one entry per tile."""
    hits = passed & has_ships
    return {
        "gate.f1": (2.0 * hits, passed.astype(float) + has_ships),
        "gate.precision": (hits, passed),
        "gate.recall": (hits, has_ships),
        "gate.false_alarm_rate": (passed & ~has_ships, ~has_ships),
    }


def gate_report(
    probabilities: FloatArray,
    has_ships: BoolArray,
    threshold: float,
    estimates: Mapping[str, Estimate],
) -> GateReport:
    """Put the report together from the tiles and from what was estimated of them."""
    best = best_f1(probabilities, has_ships)
    return GateReport(
        threshold=threshold,
        counts=confusion_at(probabilities, has_ships, threshold),
        auc=estimates["gate.auc"],
        empties_dropped=estimates["gate.empties_dropped"],
        f1=estimates["gate.f1"],
        precision=estimates["gate.precision"],
        recall=estimates["gate.recall"],
        false_alarm_rate=estimates["gate.false_alarm_rate"],
        best_f1=best.counts.f1 if best else None,
        best_f1_threshold=best.threshold if best else None,
    )


def gate_statistics(probabilities: FloatArray | None, has_ships: BoolArray) -> dict[str, Statistic]:
    """Give the figures that are no ratio of sums, as functions of tiles."""
    if probabilities is None:
        return {}

    def auc(tiles: IntArray) -> float | None:
        return roc_auc(probabilities[tiles], has_ships[tiles])

    def empties_dropped(tiles: IntArray) -> float | None:
        if not has_ships[tiles].any():
            return None
        point = threshold_for_recall(probabilities[tiles], has_ships[tiles], KEPT_SHIP_TILES)
        passed = point.counts.false_alarm_rate
        return None if passed is None else 1.0 - passed

    return {"gate.auc": auc, "gate.empties_dropped": empties_dropped}
