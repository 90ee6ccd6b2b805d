"""Score a detector on tiles with truth: the gate, the two stages together, the segmenter alone.

Pure: `evaluate` takes truth and predictions and returns a report; it reads and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from shipseg.evaluation.checks import check_tiles
from shipseg.evaluation.classification import BoolArray
from shipseg.evaluation.detection import SIZE_BINS, count_by_size, f2_of, recall_by_size
from shipseg.evaluation.estimates import Columns, Estimate, estimate_ratios
from shipseg.evaluation.gate_figures import gate_columns, gate_report, gate_statistics
from shipseg.evaluation.matching import Matching, ObjectCounts, match_objects
from shipseg.evaluation.resampled import estimate_statistics
from shipseg.evaluation.results import (
    EvaluationReport,
    ShipReport,
    SizeReport,
    TileResult,
    TileScore,
)
from shipseg.evaluation.score_figures import score_report, score_statistics
from shipseg.evaluation.segmentation import PixelCounts, pixel_counts
from shipseg.rle import Runs


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
    check_tiles(results, gate_threshold)
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
        columns |= gate_columns(probabilities >= gate_threshold, has_ships)
    estimates = estimate_ratios(columns, confidence=confidence, resamples=resamples, seed=seed)

    drawn = estimate_statistics(
        gate_statistics(probabilities, has_ships) | score_statistics(results, gated.matchings),
        len(results),
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        centred=("scores.ece",),
    )
    gate = None
    if gate_threshold is not None and probabilities is not None:
        gate = gate_report(probabilities, has_ships, gate_threshold, estimates | drawn)
    return EvaluationReport(
        tile_count=len(results),
        ship_tile_count=int(np.count_nonzero(has_ships)),
        ship_count=sum(len(tile.truth) for tile in results),
        pixel_count=sum(tile.shape_hw[0] * tile.shape_hw[1] for tile in results),
        gate=gate,
        two_stage=gated.report("two_stage", has_ships, estimates),
        ungated=ungated.report("ungated", has_ships, estimates) if ungated else None,
        scores=score_report(results, gated.matchings, drawn),
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
