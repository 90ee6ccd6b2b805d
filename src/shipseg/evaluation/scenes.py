"""Ships found on a scene against true ones: matched by overlap, and by place for loose outlines.

Two ways, because truths of scenes are often drawn loosely: by IoU above 1/2, as on tiles, and by
place, where the centre of a found ship lies within half the true ship's length of its centre. In
both each ship is matched at most once, the best pair first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2
from shapely import MultiPolygon, Polygon, STRtree, minimum_rotated_rectangle

from shipseg.errors import BadInputError
from shipseg.evaluation.estimates import Estimate, ratio
from shipseg.evaluation.matching import ObjectCounts

Outline: TypeAlias = "Polygon | MultiPolygon"
Pair = tuple[int, int, float]
"""Index of the found ship, of the true one, and their IoU or distance."""

_IOU = 0.5
# The 97.5 % quantile of the normal distribution.
_Z = 1.959963984540054
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


def match_by_iou(found: Sequence[Outline], truth: Sequence[Outline]) -> list[Pair]:
    """Match outlines whose IoU is above 1/2, the largest first.

    Args:
        found: Valid outlines on a plane.
        truth: The same.

    Returns:
        Pairs with their IoU, falling.

    Examples:
        >>> from shapely import box
        >>> match_by_iou([box(0, 0, 4, 1)], [box(9, 0, 10, 1), box(0, 0, 3, 1)])
        [(0, 1, 0.75)]
    """
    near = STRtree(list(truth)).query(list(found), predicate="intersects").T.tolist()
    pairs = [(i, j, iou(found[i], truth[j])) for i, j in near]
    return _one_to_one([pair for pair in pairs if pair[2] > _IOU], key=lambda pair: -pair[2])


def match_by_place(found: Sequence[Outline], truth: Sequence[Outline]) -> list[Pair]:
    """Match outlines whose centres lie within half the true ship's length, the nearest first.

    Args:
        found: Valid outlines on a plane.
        truth: The same.

    Returns:
        Pairs with their distance, rising.

    Examples:
        >>> from shapely import box
        >>> match_by_place([box(1, 0, 5, 1), box(0, 0, 4, 1)], [box(0, 0, 4, 1)])
        [(1, 0, 0.0)]
    """
    centres = [outline.centroid for outline in found]
    targets = [outline.centroid for outline in truth]
    reach = [length_of(outline) / 2 for outline in truth]
    tree = STRtree(centres)
    pairs = [
        (int(i), j, centres[i].distance(target))
        for j, target in enumerate(targets)
        for i in tree.query(target, predicate="dwithin", distance=reach[j])
    ]
    return _one_to_one(pairs, key=lambda pair: pair[2])


def iou(first: Outline, second: Outline) -> float:
    """Give the area of the intersection over that of the union, 0..1."""
    shared = first.intersection(second).area
    return float(shared / (first.area + second.area - shared))


def length_of(outline: Outline) -> float:
    """Give the longer side of an outline's oriented box."""
    # A sliver thinner than rounding has a line for its box.
    rectangle: Any = minimum_rotated_rectangle(outline)
    corners = np.asarray(getattr(rectangle, "exterior", rectangle).coords)
    return float(np.hypot(*np.diff(corners[:3], axis=0).T).max())


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


def _one_to_one(pairs: list[Pair], key: Any) -> list[Pair]:
    """Take the best pair, then the best of those whose ships are both free; ties by index."""
    chosen: list[Pair] = []
    found: set[int] = set()
    truth: set[int] = set()
    for pair in sorted(pairs, key=lambda pair: (key(pair), pair[0], pair[1])):
        if pair[0] not in found and pair[1] not in truth:
            found.add(pair[0])
            truth.add(pair[1])
            chosen.append(pair)
    return chosen


def _check(name: str, outlines: Sequence[Outline]) -> None:
    for index, outline in enumerate(outlines):
        if outline.is_empty or not outline.is_valid or outline.area <= 0:
            raise BadInputError(f"{name}[{index}] is no valid outline with an area")
