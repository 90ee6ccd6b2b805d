"""Score a detector on tiles with truth: the gate, the two stages together, the segmenter alone.

Pure: `evaluate` takes truth and predictions and returns a report; it reads and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.errors import BadInputError, RleError, UsageError
from shipseg.evaluation.calibration import (
    average_precision,
    expected_calibration_error,
    precision_recall,
    reliability,
)
from shipseg.evaluation.classification import BoolArray, best_f1, confusion_at, roc_auc
from shipseg.evaluation.detection import SIZE_BINS, count_by_size, f2_of, recall_by_size
from shipseg.evaluation.estimates import Estimate, FloatArray, estimate_ratios
from shipseg.evaluation.matching import Matching, ObjectCounts, match_objects
from shipseg.evaluation.results import (
    EvaluationReport,
    GateReport,
    ScoreReport,
    ShipReport,
    SizeReport,
    TileResult,
    TileScore,
)
from shipseg.evaluation.segmentation import PixelCounts, pixel_counts
from shipseg.rle import Runs, check_runs

Columns = dict[str, tuple[npt.ArrayLike, npt.ArrayLike]]


def evaluate(
    tiles: Iterable[TileResult],
    *,
    gate_threshold: float | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> EvaluationReport:
    """Score predictions against truth, with and without the gate.

    Intervals come from drawing tiles with replacement (see `bootstrap_interval`).

    Args:
        tiles: One result per tile; either all with `gate_probability` or none, and the same for
            `predicted_ungated`.
        gate_threshold: The least probability that passes, the one the predictions were made with;
            needed where the tiles have gate probabilities.
        confidence: Share of the resamples inside an interval, in (0, 1).
        resamples: Draws behind the intervals; 0 gives none.
        seed: The same seed and tiles give the same report.

    Raises:
        BadInputError: If there are no tiles, an image_id comes twice, only some tiles have a gate
            probability or ungated predictions, or ships are predicted on a tile below the
            threshold.
        RleError: If a ship has no pixel, or its runs are unsorted, overlap or leave the tile.
        UsageError: If `gate_threshold` is missing or out of range, or another option is.

    Example:
        >>> from shipseg.evaluation.results import TileResult
        >>> from shipseg.rle import parse_rle
        >>> ship = parse_rle("1 100")
        >>> report = evaluate(
        ...     [
        ...         TileResult("a.jpg", truth=(ship,), predicted=(ship,), gate_probability=0.9),
        ...         TileResult("b.jpg", truth=(), predicted=(), gate_probability=0.2),
        ...     ],
        ...     gate_threshold=0.5,
        ... )
        >>> report.two_stage.f2_all.value, report.two_stage.f2_of_nothing, report.gate.counts.f1
        (1.0, 0.5, 1.0)
    """
    results = tuple(tiles)
    _validate(results, gate_threshold)
    has_ships = np.array([bool(tile.truth) for tile in results])

    gated = _Scored.of((tile.predicted, tile.truth) for tile in results)
    columns = gated.columns("two_stage", has_ships)
    ungated = None
    if results[0].predicted_ungated is not None:
        ungated = _Scored.of((tile.predicted_ungated or (), tile.truth) for tile in results)
        columns |= ungated.columns("ungated", has_ships)
    probabilities = None
    if gate_threshold is not None and results[0].gate_probability is not None:
        probabilities = np.array([tile.gate_probability for tile in results], dtype=np.float64)
        columns |= _gate_columns(probabilities >= gate_threshold, has_ships)
    estimates = estimate_ratios(columns, confidence=confidence, resamples=resamples, seed=seed)

    gate = None
    if gate_threshold is not None and probabilities is not None:
        gate = _gate_report(probabilities, has_ships, gate_threshold, estimates)
    return EvaluationReport(
        tile_count=len(results),
        ship_tile_count=int(np.count_nonzero(has_ships)),
        ship_count=sum(len(tile.truth) for tile in results),
        pixel_count=sum(tile.shape_hw[0] * tile.shape_hw[1] for tile in results),
        gate=gate,
        two_stage=gated.report("two_stage", has_ships, estimates),
        ungated=ungated.report("ungated", has_ships, estimates) if ungated else None,
        scores=_score_report(results, gated.matchings),
        tiles=tuple(
            _tile_score(i, tile, gated, ungated, gate_threshold) for i, tile in enumerate(results)
        ),
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """The tiles scored under one way to predict."""

    matchings: tuple[Matching, ...]
    pixels: tuple[PixelCounts, ...]
    f2: tuple[float, ...]

    @classmethod
    def of(cls, tiles: Iterable[tuple[tuple[Runs, ...], tuple[Runs, ...]]]) -> _Scored:
        pairs = list(tiles)
        matchings = tuple(match_objects(*pair) for pair in pairs)
        pixels = tuple(pixel_counts(*pair) for pair in pairs)
        return cls(matchings, pixels, tuple(f2_of(matching) for matching in matchings))

    def columns(self, prefix: str, has_ships: BoolArray) -> Columns:
        """Lay out each figure as numerators and denominators, one entry per tile."""
        dice = np.array([pixels.dice for pixels in self.pixels])
        iou = np.array([pixels.iou for pixels in self.pixels])
        f2 = np.array(self.f2)
        overlap, ours, theirs = np.array(
            [(p.intersection_px, p.predicted_px, p.truth_px) for p in self.pixels], dtype=float
        ).T
        counts = [matching.counts() for matching in self.matchings]
        hits, false, missed = np.array(
            [(c.true_positives, c.false_positives, c.false_negatives) for c in counts], dtype=float
        ).T
        # Tiles, then ships or found, then sizes.
        sizes = np.array([count_by_size(matching) for matching in self.matchings], dtype=float)
        ones, empty = np.ones(len(has_ships)), ~has_ships
        columns: Columns = {
            "mean_dice_on_ship_tiles": (dice * has_ships, has_ships),
            "mean_iou_on_ship_tiles": (iou * has_ships, has_ships),
            "pixel_dice": (2 * overlap, ours + theirs),
            "pixel_iou": (overlap, ours + theirs - overlap),
            "f2_on_ship_tiles": (f2 * has_ships, has_ships),
            "f2_all": (f2, ones),
            "gain_over_nothing": (f2 - empty, ones),
            "empty_tiles_with_ships": (empty & (hits + false > 0), empty),
            "object_precision": (hits, hits + false),
            "object_recall": (hits, hits + missed),
            "object_f2": (5 * hits, 5 * hits + 4 * missed + false),
        }
        for i, size in enumerate(SIZE_BINS):
            columns[f"recall.{size.name}"] = (sizes[:, 1, i], sizes[:, 0, i])
        return {f"{prefix}.{name}": column for name, column in columns.items()}

    def report(
        self, prefix: str, has_ships: BoolArray, estimates: Mapping[str, Estimate]
    ) -> ShipReport:
        mine = {
            name.removeprefix(f"{prefix}."): estimate
            for name, estimate in estimates.items()
            if name.startswith(f"{prefix}.")
        }
        recalls = {size.name: mine.pop(f"recall.{size.name}") for size in SIZE_BINS}
        # Over all pixels, no ship anywhere and none predicted is agreement, as on a tile.
        for name in ("pixel_dice", "pixel_iou"):
            if mine[name].value is None:
                mine[name] = Estimate(1.0)
        by_size = zip(SIZE_BINS, recall_by_size(self.matchings), strict=True)
        return ShipReport(
            **mine,
            f2_of_nothing=float(np.mean(~has_ships)),
            object_counts=sum(
                (matching.counts() for matching in self.matchings), start=ObjectCounts(0, 0, 0)
            ),
            recall_by_size=tuple(
                SizeReport(
                    size.name, size.least_px, size.most_px, row.ships, row.found, recalls[size.name]
                )
                for size, row in by_size
            ),
        )


def _gate_columns(passed: BoolArray, has_ships: BoolArray) -> Columns:
    hits = passed & has_ships
    return {
        "gate.f1": (2.0 * hits, passed.astype(float) + has_ships),
        "gate.precision": (hits, passed),
        "gate.recall": (hits, has_ships),
        "gate.false_alarm_rate": (passed & ~has_ships, ~has_ships),
    }


def _gate_report(
    probabilities: FloatArray,
    has_ships: BoolArray,
    threshold: float,
    estimates: Mapping[str, Estimate],
) -> GateReport:
    best = best_f1(probabilities, has_ships)
    return GateReport(
        threshold=threshold,
        counts=confusion_at(probabilities, has_ships, threshold),
        auc=roc_auc(probabilities, has_ships),
        f1=estimates["gate.f1"],
        precision=estimates["gate.precision"],
        recall=estimates["gate.recall"],
        false_alarm_rate=estimates["gate.false_alarm_rate"],
        best_f1=best.counts.f1 if best else None,
        best_f1_threshold=best.threshold if best else None,
    )


def _score_report(
    results: tuple[TileResult, ...], matchings: tuple[Matching, ...]
) -> ScoreReport | None:
    if results[0].scores is None:
        return None
    scores = np.concatenate([np.asarray(tile.scores, dtype=np.float64) for tile in results])
    hits = np.concatenate([matching.predicted_hits() for matching in matchings])
    truths = sum(matching.truth_count for matching in matchings)
    recall, precision = precision_recall(scores, hits, truths)
    return ScoreReport(
        average_precision=average_precision(scores, hits, truths),
        ece=expected_calibration_error(scores, hits),
        reliability=reliability(scores, hits),
        recall=tuple(recall.tolist()),
        precision=tuple(precision.tolist()),
    )


def _tile_score(
    i: int, tile: TileResult, gated: _Scored, ungated: _Scored | None, threshold: float | None
) -> TileScore:
    # float(): a NumPy scalar is no JSON number.
    probability = None if tile.gate_probability is None else float(tile.gate_probability)
    passed = None if probability is None or threshold is None else probability >= threshold
    return TileScore(
        image_id=tile.image_id,
        truth_ships=len(tile.truth),
        predicted_ships=len(tile.predicted),
        gate_probability=probability,
        gate_passed=passed,
        dice=gated.pixels[i].dice,
        iou=gated.pixels[i].iou,
        f2=gated.f2[i],
        predicted_ships_ungated=ungated.matchings[i].predicted_count if ungated else None,
        dice_ungated=ungated.pixels[i].dice if ungated else None,
        iou_ungated=ungated.pixels[i].iou if ungated else None,
        f2_ungated=ungated.f2[i] if ungated else None,
    )


def _validate(results: tuple[TileResult, ...], threshold: float | None) -> None:
    if not results:
        raise BadInputError("there are no tiles to score, expected at least one")
    seen: set[str] = set()
    for tile in results:
        if tile.image_id in seen:
            raise BadInputError(f"tile {tile.image_id} comes twice, expected each tile once")
        seen.add(tile.image_id)
        _check_runs(tile)
        _check_scores(tile)
    for name in ("gate_probability", "predicted_ungated", "scores"):
        lacking = [tile.image_id for tile in results if getattr(tile, name) is None]
        if 0 < len(lacking) < len(results):
            raise BadInputError(
                f"{len(lacking)} of {len(results)} tiles, {lacking[0]} first, have no {name}, "
                "expected it of all tiles or of none"
            )
    if results[0].gate_probability is not None:
        _check_gate(results, threshold)


def _check_runs(tile: TileResult) -> None:
    for name in ("truth", "predicted", "predicted_ungated"):
        for i, runs in enumerate(getattr(tile, name) or ()):
            where = f"tile {tile.image_id}: {name}[{i}]"
            try:
                check_runs(runs, tile.shape_hw)
            except RleError as error:
                raise RleError(f"{where}: {error.message}", hint=error.hint) from error
            if not len(runs):
                raise RleError(
                    f"{where} has no pixel, expected at least one",
                    hint="leave out ships without a pixel",
                )


def _check_scores(tile: TileResult) -> None:
    if tile.scores is None:
        return
    if len(tile.scores) != len(tile.predicted):
        raise BadInputError(
            f"tile {tile.image_id} has {len(tile.scores)} scores, "
            f"expected {len(tile.predicted)}, one per predicted ship"
        )
    for score in tile.scores:
        # Written so that NaN fails as well.
        if not 0.0 <= score <= 1.0:
            raise BadInputError(f"tile {tile.image_id} has score {score}, expected one in [0, 1]")


def _check_gate(results: tuple[TileResult, ...], threshold: float | None) -> None:
    if threshold is None:
        raise UsageError(
            "the tiles have gate probabilities and there is no gate_threshold",
            hint="pass the threshold that the predictions were made with",
        )
    if not 0.0 <= threshold <= 1.0:
        raise UsageError(f"gate_threshold is {threshold}, expected a number in [0, 1]")
    for tile in results:
        probability = tile.gate_probability
        if probability is None or not 0.0 <= probability <= 1.0:
            raise BadInputError(
                f"tile {tile.image_id} has gate probability {probability}, expected one in [0, 1]"
            )
        if probability < threshold and tile.predicted:
            raise BadInputError(
                f"tile {tile.image_id} has {len(tile.predicted)} ships predicted though its gate "
                f"probability {probability} is below the threshold {threshold}",
                hint="pass the threshold that the predictions were made with",
            )
