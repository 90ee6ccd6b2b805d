"""What an evaluation takes, one `TileResult` per tile, and what it gives, an `EvaluationReport`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from shipseg.evaluation.calibration import ReliabilityBin
from shipseg.evaluation.classification import ConfusionCounts
from shipseg.evaluation.estimates import Estimate
from shipseg.evaluation.matching import ObjectCounts
from shipseg.rle import Runs


@dataclass(frozen=True, slots=True, eq=False)
class TileResult:
    """What is known and what was predicted of one tile.

    Attributes:
        image_id: The tile's name, unique in an evaluation.
        truth: Its true ships, as runs.
        predicted: The ships that the whole detector found: none where the gate dropped the tile.
        predicted_ungated: The ships that the segmenter finds with the gate left out; None where
            that was not tried.
        gate_probability: The gate's probability of a ship, in [0, 1]; None without a gate.
        scores: Of each ship in `predicted`, in [0, 1]; None where they have none.
        shape_hw: Height and width of the tile in pixels.
    """

    image_id: str
    truth: tuple[Runs, ...]
    predicted: tuple[Runs, ...]
    predicted_ungated: tuple[Runs, ...] | None = None
    gate_probability: float | None = None
    scores: tuple[float, ...] | None = None
    shape_hw: tuple[int, int] = (768, 768)


@dataclass(frozen=True, slots=True)
class TileScore:
    """The scores of one tile; those with the gate left out are None where that was not tried."""

    image_id: str
    truth_ships: int
    predicted_ships: int
    gate_probability: float | None
    gate_passed: bool | None
    dice: float
    iou: float
    f2: float
    predicted_ships_ungated: int | None
    dice_ungated: float | None
    iou_ungated: float | None
    f2_ungated: float | None


@dataclass(frozen=True, slots=True)
class GateReport:
    """The gate by itself: does it tell tiles with ships from empty ones?

    Attributes:
        threshold: The least probability that passes.
        counts: Outcomes at the threshold.
        auc: Area under the ROC curve; undefined where the tiles are of one class.
        empties_dropped: Share of the empty tiles below the highest threshold that keeps 99 % of
            these tiles' ships; undefined where the tiles are of one class.
        f1: 2 TP / (2 TP + FP + FN) at the threshold.
        precision: TP / (TP + FP) at the threshold.
        recall: TP / (TP + FN) at the threshold.
        false_alarm_rate: Share of the empty tiles that pass.
        best_f1: The largest F1 of any threshold on these tiles; None where none holds a ship.
        best_f1_threshold: Where it is reached.
    """

    threshold: float
    counts: ConfusionCounts
    auc: Estimate
    empties_dropped: Estimate
    f1: Estimate
    precision: Estimate
    recall: Estimate
    false_alarm_rate: Estimate
    best_f1: float | None
    best_f1_threshold: float | None


@dataclass(frozen=True, slots=True)
class SizeReport:
    """Recall of the true ships of one size, at IoU above 0.5."""

    name: str
    least_px: int
    most_px: int | None
    ships: int
    found: int
    recall: Estimate


@dataclass(frozen=True, slots=True)
class ShipReport:
    """Masks and ships of one way to predict: with the gate, or with the gate left out.

    Attributes:
        mean_dice_on_ship_tiles: Mean over the tiles with ships of the Dice of a tile's masks.
        mean_iou_on_ship_tiles: The same of the IoU.
        pixel_dice: Dice over the pixels of all tiles taken together.
        pixel_iou: IoU over the pixels of all tiles taken together.
        f2_on_ship_tiles: The challenge's score, over the tiles with ships.
        f2_all: The challenge's score, over all tiles.
        f2_of_nothing: The challenge's score of submitting nothing: the share of empty tiles.
        gain_over_nothing: f2_all − f2_of_nothing.
        empty_tiles_with_ships: Share of the empty tiles on which some ship is predicted.
        object_counts: Hits, false ships and missed ships at IoU above 0.5, over all tiles.
        object_precision: Precision of those counts.
        object_recall: Recall of those counts.
        object_f2: F2 of those counts.
        recall_by_size: Recall of small, medium and large true ships.
    """

    mean_dice_on_ship_tiles: Estimate
    mean_iou_on_ship_tiles: Estimate
    pixel_dice: Estimate
    pixel_iou: Estimate
    f2_on_ship_tiles: Estimate
    f2_all: Estimate
    f2_of_nothing: float
    gain_over_nothing: Estimate
    empty_tiles_with_ships: Estimate
    object_counts: ObjectCounts
    object_precision: Estimate
    object_recall: Estimate
    object_f2: Estimate
    recall_by_size: tuple[SizeReport, ...]


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """The scores of reported ships: do they order ships well, and are they probabilities?

    Attributes:
        average_precision: Area under the precision-recall curve at IoU above 0.5; undefined
            without true ships.
        ece: Expected calibration error, in ten bins; undefined without reported ships.
        reliability: The bins.
        recall: Of the curve, rising.
        precision: Of the curve, one for each recall.
    """

    average_precision: Estimate
    ece: Estimate
    reliability: tuple[ReliabilityBin, ...]
    recall: tuple[float, ...]
    precision: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """All figures of an evaluation.

    Attributes:
        tile_count: Tiles scored.
        ship_tile_count: Tiles of them with ships.
        ship_count: True ships on them.
        pixel_count: Pixels of all tiles.
        gate: The gate by itself; None without one.
        two_stage: The predictions as they come out of the detector.
        ungated: The same with the gate left out; None where that was not tried.
        scores: The scores of the ships in `two_stage`; None where they have none.
        tiles: The scores of each tile, in the order given.
        confidence: Share of the resamples inside each interval.
        resamples: Draws behind each interval; 0 where there are none.
        seed: Of the draws.
    """

    tile_count: int
    ship_tile_count: int
    ship_count: int
    pixel_count: int
    gate: GateReport | None
    two_stage: ShipReport
    ungated: ShipReport | None
    scores: ScoreReport | None
    tiles: tuple[TileScore, ...]
    confidence: float
    resamples: int
    seed: int

    def to_dict(self, *, with_tiles: bool = False) -> dict[str, Any]:
        """Give the report as dicts, lists, numbers, strings and None, ready for JSON.

        Args:
            with_tiles: Keep the scores of each tile.
        """
        kept = self if with_tiles else replace(self, tiles=())
        document: dict[str, Any] = _plain(asdict(kept))
        if not with_tiles:
            del document["tiles"]
        return document


def _plain(value: Any) -> Any:
    """Turn tuples into lists, so that a document equals itself read back from JSON."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
