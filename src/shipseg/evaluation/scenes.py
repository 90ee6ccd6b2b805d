"""Ships found on a scene against true ones: recall, precision, false alarms by area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.errors import BadInputError
from shipseg.evaluation.estimates import Estimate, ratio
from shipseg.evaluation.intervals import poisson_rate, wilson
from shipseg.evaluation.matching import ObjectCounts
from shipseg.evaluation.scene_matching import (
    Outline,
    Pair,
    iou,
    length_of,
    match_by_iou,
    match_by_place,
)

LENGTH_CLASSES_M = (0.0, 50.0, 100.0, 200.0)
LENGTH_CLASSES_PX = (0.0, 20.0, 60.0, 120.0)
"""Where classes of true ships begin, by length; pixels where no scale is known."""


@dataclass(frozen=True, slots=True)
class LengthRecall:
    """Recall of true ships of one length.

    Attributes:
        least: Least length of the class.
        most: Length that the class ends below; None for the last.
        ships: True ships in it.
        found: Found ones of them.
        recall: With Wilson's 95 % interval.
    """

    least: float
    most: float | None
    ships: int
    found: int
    recall: Estimate


@dataclass(frozen=True, slots=True)
class MatchReport:
    """The figures of one way to match.

    Attributes:
        counts: Hits, false ships and missed ships.
        precision: With Wilson's 95 % interval.
        recall: The same.
        f1: 2 TP / (2 TP + FN + FP).
        f2: 5 TP / (5 TP + 4 FN + FP).
        false_alarms_per_1000_km2: With the exact 95 % interval of a Poisson count; None where it is
            not known how much was looked at.
        recall_by_length: Of true ships by their length.
    """

    counts: ObjectCounts
    precision: Estimate
    recall: Estimate
    f1: float | None
    f2: float | None
    false_alarms_per_1000_km2: Estimate | None
    recall_by_length: tuple[LengthRecall, ...]


@dataclass(frozen=True, slots=True)
class SceneReport:
    """All figures of one scene.

    Attributes:
        found: Ships found.
        truth: True ships.
        unit: "m" or "px", of lengths.
        looked_at_km2: What was looked at; None where not known.
        by_iou: Matched by IoU above 1/2.
        by_place: Matched by the distance of centres.
        median_iou: Of the pairs matched by place that overlap or not; None without pairs.
        median_offset: Distance of their centres, in `unit`.
    """

    found: int
    truth: int
    unit: str
    looked_at_km2: float | None
    by_iou: MatchReport
    by_place: MatchReport
    median_iou: float | None
    median_offset: float | None

    def to_dict(self) -> dict[str, Any]:
        """Give the report as dicts, lists, numbers, strings and None, ready for JSON."""
        document = asdict(self)
        for way in ("by_iou", "by_place"):
            document[way]["recall_by_length"] = list(document[way]["recall_by_length"])
        return document


def evaluate_scene(
    found: Sequence[Outline],
    truth: Sequence[Outline],
    *,
    unit: str = "m",
    looked_at_km2: float | None = None,
) -> SceneReport:
    """Score the ships found on a scene.

    Args:
        found: Their outlines on a plane.
        truth: The true ships' outlines on the same plane.
        unit: Of the plane: "m" or "px".
        looked_at_km2: Area that was looked at, for the rate of false alarms.

    Raises:
        BadInputError: An outline is empty or invalid, or the area is not above 0.
    """
    if looked_at_km2 is not None and not looked_at_km2 > 0:
        raise BadInputError(f"{looked_at_km2} km² were looked at, expected more than 0")
    for name, outlines in (("found", found), ("truth", truth)):
        _check(name, outlines)
    lengths = [length_of(outline) for outline in truth]
    placed = match_by_place(found, truth)
    overlaps = [iou(found[i], truth[j]) for i, j, _ in placed]

    def report(pairs: list[Pair]) -> MatchReport:
        return _match_report(pairs, len(found), lengths, unit, looked_at_km2)

    return SceneReport(
        found=len(found),
        truth=len(truth),
        unit=unit,
        looked_at_km2=looked_at_km2,
        by_iou=report(match_by_iou(found, truth)),
        by_place=report(placed),
        median_iou=float(np.median(overlaps)) if placed else None,
        median_offset=float(np.median([d for _, _, d in placed])) if placed else None,
    )


def _match_report(
    pairs: list[Pair], found: int, lengths: list[float], unit: str, km2: float | None
) -> MatchReport:
    hits, truths = len(pairs), len(lengths)
    counts = ObjectCounts(hits, found - hits, truths - hits)
    return MatchReport(
        counts=counts,
        precision=wilson(hits, found),
        recall=wilson(hits, truths),
        f1=ratio(2 * hits, found + truths),
        f2=counts.f2,
        false_alarms_per_1000_km2=(
            None if km2 is None else poisson_rate(counts.false_positives, km2 / 1000)
        ),
        recall_by_length=_by_length(pairs, np.array(lengths), unit),
    )


def _by_length(
    pairs: list[Pair], lengths: npt.NDArray[np.float64], unit: str
) -> tuple[LengthRecall, ...]:
    starts = LENGTH_CLASSES_M if unit == "m" else LENGTH_CLASSES_PX
    of_truth = np.searchsorted(starts, lengths, side="right") - 1
    of_found = of_truth[[j for _, j, _ in pairs]]
    rows = []
    for index, (least, most) in enumerate(zip(starts, [*starts[1:], None], strict=True)):
        ships, found = int((of_truth == index).sum()), int((of_found == index).sum())
        rows.append(LengthRecall(least, most, ships, found, wilson(found, ships)))
    return tuple(rows)


def _check(name: str, outlines: Sequence[Outline]) -> None:
    for index, outline in enumerate(outlines):
        if outline.is_empty or not outline.is_valid or outline.area <= 0:
            raise BadInputError(f"{name}[{index}] is no valid outline with an area")
