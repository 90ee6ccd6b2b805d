"""Choose what a bundle leaves open, and measure it: thresholds, rectangles, scores, figures.

Without torch: a bundle of graphs and tiles with truth are all that is needed.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

from shipseg.bundle.calibration import Fitted, ece_of_means, fit_scoring
from shipseg.bundle.choices import Choices
from shipseg.bundle.format import Bundle
from shipseg.bundle.manifest import Manifest, RefinerSpec, SegmenterSpec
from shipseg.bundle.measure import (
    GateView,
    Measuring,
    detect_tiles,
    figures_of,
    gate_views,
)
from shipseg.bundle.straightening import choose_straightening, for_refiner, straighten_results
from shipseg.bundle.thresholds import (
    LEAST_AREA_PX,
    THRESHOLDS,
    SegmenterPoint,
    choose_cell_threshold,
    choose_gate_threshold,
    choose_pixel_threshold,
)
from shipseg.evaluation.classification import OperatingPoint, confusion_at
from shipseg.evaluation.detection import f2_score
from shipseg.evaluation.evaluate import evaluate
from shipseg.inference.straighten import Straightening
from shipseg.scores import Calibration, Scoring

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen.

    Attributes:
        bundle: With all of it in its manifest.
        gate_point: The gate's threshold and what it does to the tiles that it was chosen on.
        segmenter_point: The segmenter's threshold and least area, and their score.
    """

    bundle: Bundle
    gate_point: OperatingPoint
    segmenter_point: SegmenterPoint


def choose(
    bundle: Bundle,
    tiles: Measuring,
    choices: Choices,
    *,
    measured: Collection[str] | None = None,
) -> Chosen:
    """Choose on tiles, and measure the detector that comes of it.

    Args:
        bundle: Its graphs, and a manifest whose thresholds, fits and figures play no part.
        tiles: To choose on, all of them.
        choices: What is decided already.
        measured: Those of them that the figures come from; None takes all.

    Raises:
        BadInputError: No tile could be read, or none holds a ship.
    """
    bundle = _undecided(bundle)
    views = gate_views(bundle, tiles, tiles.source.image_ids)
    gate_point = _gate_point(views, choices)
    passing = [view for view in views if view.probability >= gate_point.threshold]
    bundle = _with_gate(bundle, passing, gate_point.threshold)
    # A tile that does not pass has the same score at every threshold.
    segmenter_point = _segmenter_point(bundle, tiles, [view.image_id for view in passing], choices)
    bundle = _cut_at(bundle, segmenter_point.threshold)
    bundle, fit = _with_scores(bundle, tiles, [view.image_id for view in views], choices)
    report_on = [
        index
        for index, tile in enumerate(fit.results)
        if measured is None or tile.image_id in measured
    ]
    results = [fit.results[index] for index in report_on]
    report = evaluate(results, gate_threshold=gate_point.threshold, resamples=0)
    before = ece_of_means(results, [fit.evidence[index] for index in report_on])
    provenance = bundle.manifest.provenance.model_copy(
        update={"chosen_on_tiles": len(views), "measured_on_tiles": len(results)}
    )
    bundle = with_fields(
        bundle, figures=figures_of(report, ece_before=before), provenance=provenance
    )
    return Chosen(bundle, gate_point, segmenter_point)


def with_fields(bundle: Bundle, **fields: Any) -> Bundle:
    """Return the bundle with other fields in its manifest, checked as when it is read."""
    found = {name: getattr(bundle.manifest, name) for name in Manifest.model_fields}
    manifest = Manifest.model_validate(found | fields)
    return replace(bundle, manifest=manifest)


def _undecided(bundle: Bundle) -> Bundle:
    """Return the bundle without what was fitted."""
    nothing = {"calibration": None, "objectness": None}
    segmenter = bundle.manifest.segmenter.model_dump() | nothing | {"straightening": None}
    refiner = bundle.manifest.refiner
    return with_fields(
        bundle, segmenter=segmenter, refiner=refiner and refiner.model_dump() | nothing
    )


def _gate_point(views: Sequence[GateView], choices: Choices) -> OperatingPoint:
    probabilities = [view.probability for view in views]
    has_ships = [view.has_ships for view in views]
    if choices.gate_threshold is None:
        return choose_gate_threshold(probabilities, has_ships, recall=choices.gate_recall)
    counts = confusion_at(probabilities, has_ships, choices.gate_threshold)
    return OperatingPoint(choices.gate_threshold, counts)


def _with_gate(bundle: Bundle, passing: Sequence[GateView], threshold: float) -> Bundle:
    """Give the gate its threshold, and choose that of its cells on the tiles that pass."""
    cells = [view for view in passing if view.has_ships]
    cell_threshold = choose_cell_threshold(
        [view.cells for view in cells], [view.ship_pixels for view in cells]
    )
    if cell_threshold is None:
        logger.warning("no tile with ships passes the gate; thresholds are defaults")
    gate = bundle.manifest.gate.model_copy(
        update={"threshold": threshold, "cell_threshold": cell_threshold or 0.5}
    )
    return with_fields(bundle, gate=gate.model_dump())


def _segmenter_point(
    bundle: Bundle, tiles: Measuring, passing: Sequence[str], choices: Choices
) -> SegmenterPoint:
    """Try pixel thresholds, each with the rectangles and scores that would follow from it."""
    scores = {}
    for threshold in THRESHOLDS if passing else ():
        _, fit = _with_scores(_cut_at(bundle, threshold), tiles, passing, choices)
        scores[threshold] = fmean(f2_score(tile.predicted, tile.truth) for tile in fit.results)
    if not scores:
        return SegmenterPoint(0.5, LEAST_AREA_PX, None)
    best = choose_pixel_threshold(scores)
    return SegmenterPoint(best, LEAST_AREA_PX, scores[best])


def _cut_at(bundle: Bundle, threshold: float) -> Bundle:
    segmenter = bundle.manifest.segmenter.model_copy(
        update={"threshold": threshold, "min_area_px": LEAST_AREA_PX}
    )
    return with_fields(bundle, segmenter=segmenter.model_dump())


def _with_scores(
    bundle: Bundle, tiles: Measuring, image_ids: Sequence[str], choices: Choices
) -> tuple[Bundle, Fitted]:
    """Choose how masks become rectangles, and fit what is reported and how it is scored."""
    found = detect_tiles(bundle, tiles, image_ids)
    drawn = found.drawn
    straightening = choose_straightening(drawn) if choices.straighten else None
    if choices.straighten and bundle.manifest.refiner is not None:
        straightening = for_refiner(straightening)
    bundle = with_fields(
        bundle, segmenter=_fitted(bundle.manifest.segmenter, straightening=straightening)
    )
    results = drawn
    if straightening is not None and bundle.manifest.refiner is None:
        results = straighten_results(drawn, straightening)
    # With a refiner, which has its own, this one is for who wants masks as they are drawn.
    fit = fit_scoring(results, found.evidence)
    fitted = {"segmenter": _scored(bundle.manifest.segmenter, fit.scoring)}
    if straightening is not None and bundle.manifest.refiner is not None:
        # The refiner looks at the tiles, and parts some ships.
        judged = detect_tiles(_judging(bundle), tiles, image_ids)
        fit = fit_scoring(judged.results, judged.evidence)
        fitted["refiner"] = _scored(bundle.manifest.refiner, fit.scoring)
    return with_fields(bundle, **fitted), fit


def _fitted(
    part: SegmenterSpec | RefinerSpec, **fitted: Calibration | Straightening | None
) -> dict[str, Any]:
    """Return a part's fields with what was measured on the tiles."""
    found = {name: None if one is None else asdict(one) for name, one in fitted.items()}
    return part.model_dump() | found


def _scored(part: SegmenterSpec | RefinerSpec, scoring: Scoring) -> dict[str, Any]:
    """Return a part's fields with what was fitted."""
    fields = _fitted(part, calibration=scoring.calibration)
    if (objectness := scoring.objectness) is not None:
        fields["objectness"] = asdict(objectness.calibration) | {"least": objectness.least}
    return fields


def _judging(bundle: Bundle) -> Bundle:
    """Return the bundle with a refiner that judges, whatever scores come of it."""
    assert bundle.manifest.refiner is not None
    any_score = Calibration(intercept=0.0, slope=1.0, area_slope=0.0)
    return with_fields(bundle, refiner=_fitted(bundle.manifest.refiner, calibration=any_score))
