"""Make a bundle from run folders: graphs, parity, thresholds, figures, card.

Needs the `train` extra. From top to bottom: read what was trained, make the graphs, compare them
with the networks, choose thresholds on validation tiles, measure the detector with them, write.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from shipseg import __version__
from shipseg.bundle.calibration import fit_scoring
from shipseg.bundle.card import render_card
from shipseg.bundle.format import Bundle, check_output, sha256, write_bundle
from shipseg.bundle.manifest import GateSpec, Manifest, Parity, RefinerSpec, SegmenterSpec
from shipseg.bundle.measure import (
    GateView,
    Measuring,
    Progress,
    detect_tiles,
    f2_tables,
    figures_of,
    gate_views,
    no_progress,
)
from shipseg.bundle.networks import load_gate, load_refiner, load_segmenter, read_run
from shipseg.bundle.onnx_export import export_gate, export_refiner, export_segmenter
from shipseg.bundle.parity import measure_parity
from shipseg.bundle.provenance import check_together, license_of, provenance_of
from shipseg.bundle.straightening import choose_straightening, for_refiner, straighten_results
from shipseg.bundle.thresholds import (
    SegmenterPoint,
    choose_cell_threshold,
    choose_gate_threshold,
    choose_segmenter_point,
)
from shipseg.errors import UsageError
from shipseg.evaluation.classification import OperatingPoint, confusion_at
from shipseg.evaluation.evaluate import evaluate
from shipseg.inference.straighten import Straightening
from shipseg.models.ensemble import SegmenterMean
from shipseg.models.gate import GATE_STRIDE
from shipseg.scores import Calibration, Scoring
from shipseg.training.config import GateConfig, RefinerConfig, SegmenterConfig
from shipseg.training.data import open_tiles
from shipseg.training.folder import RunFolder

logger = logging.getLogger(__name__)

TILE_LIMIT = 2000
"""Most validation tiles that are measured: half an hour of one core where all of them pass."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the caller decides; None leaves it to the validation tiles, or to the data.

    Attributes:
        name: What the model is called; None takes the output's name.
        data: The training set in words.
        license: Terms of the weights.
        gate_threshold: Least probability with which a tile passes.
        straighten: Draw rectangles where that makes outlines better on the validation tiles.
        gate_recall: Share of the tiles with ships that the chosen threshold has to keep; None
            chooses by the best F1.
        tile_limit: Most validation tiles to choose and measure on; None takes all.

    Raises:
        UsageError: A number is out of range, or both a threshold and a recall are given.
    """

    name: str | None = None
    data: str | None = None
    license: str | None = None
    gate_threshold: float | None = None
    straighten: bool = True
    gate_recall: float | None = None
    tile_limit: int | None = TILE_LIMIT

    def __post_init__(self) -> None:
        """Refuse what is out of range before minutes go into the graphs."""
        threshold, recall = self.gate_threshold, self.gate_recall
        if threshold is not None and recall is not None:
            raise UsageError(
                "a threshold and a recall both say what passes the gate",
                hint="leave out --gate-threshold or --gate-recall",
            )
        # Written so that NaN fails as well.
        if threshold is not None and not 0 < threshold < 1:
            raise UsageError(
                f"the gate threshold is {threshold}, expected a number between 0 and 1"
            )
        if recall is not None and not 0 < recall <= 1:
            raise UsageError(f"the gate recall is {recall}, expected a share above 0 and up to 1")
        if self.tile_limit is not None and self.tile_limit < 1:
            raise UsageError(f"the tile limit is {self.tile_limit}, expected 1 or more")


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle that was written.

    Attributes:
        path: Where.
        bundle: What.
        gate_point: The gate's threshold and what it does to the tiles that it was chosen on.
        segmenter_point: The segmenter's threshold and least area, and their score.
        images: Folder of the tiles that it was measured on.
        labels: Their label table.
        split: Where it says which ones; None where they were drawn at random.
    """

    path: Path
    bundle: Bundle
    gate_point: OperatingPoint
    segmenter_point: SegmenterPoint
    images: Path
    labels: Path
    split: Path | None

    def to_dict(self) -> dict[str, Any]:
        """Give all that was measured as a JSON value."""
        return {
            "path": str(self.path),
            "bytes": {
                name: len(graph)
                for name in ("gate", "segmenter", "refiner")
                if (graph := getattr(self.bundle, name)) is not None
            },
            "gate_counts": asdict(self.gate_point.counts),
            "segmenter_point": asdict(self.segmenter_point),
            "manifest": self.bundle.manifest.model_dump(mode="json"),
        }


def export_bundle(
    run_gate: Path,
    run_segmenter: Path,
    out: Path,
    *,
    run_refiner: Path | None = None,
    also: Sequence[Path] = (),
    images: Path | None = None,
    labels: Path | None = None,
    split: Path | None = None,
    choices: Choices | None = None,
    overwrite: bool = False,
    workers: int = 1,
    announce: Callable[[str], None] = lambda _: None,
    progress: Progress = no_progress,
) -> Exported:
    """Make a bundle from two run folders, or three.

    Args:
        run_gate: Run folder of the gate.
        run_segmenter: Run folder of the segmenter.
        out: A folder, or a file whose name ends in `.zip`.
        run_refiner: Run folder of the refiner, if the bundle is to have one.
        also: Run folders of other segmenters, whose maps are averaged with the first one's. Its
            crops say how large a window is.
        images: Folder of tiles, where it moved since the gate's training.
        labels: Label table, where it moved.
        split: Split, where it moved.
        choices: Name, licence, thresholds.
        overwrite: A bundle that is there may be replaced.
        workers: Tiles at a time.
        announce: Is told what comes next.
        progress: Shows how far a loop has come.

    Raises:
        UsageError: A run is not there, has no weights yet, or is of the other kind.
        OutputExistsError: `out` is there and may not be replaced.
        BundleError: Weights are damaged, not finite or of another network.
        QualityGateError: A graph differs from its network by more than 0.02 in probability.
        ConfigError: The tiles are not there, or a run's configuration is none.
        BadInputError: Tiles or labels are faulty.
    """
    choices = choices or Choices()
    check_output(out, overwrite=overwrite)
    moved = {"images": images, "labels": labels, "split": split}
    gate_config = read_run(run_gate, GateConfig, moved)
    segmenter_config = read_run(run_segmenter, SegmenterConfig)
    refiner_config = None if run_refiner is None else read_run(run_refiner, RefinerConfig)
    also_configs = [read_run(run, SegmenterConfig) for run in also]
    for run in (run_gate, run_segmenter, *also, run_refiner):
        if run is not None and not RunFolder(run).summary.is_file():
            logger.warning(
                "the training in '%s' has not ended; its best epoch so far is taken", run
            )
    others = [one for one in (segmenter_config, *also_configs, refiner_config) if one is not None]
    check_together(gate_config, *others, moved=any(moved.values()))
    train, val = open_tiles(gate_config)
    tiles = Measuring(val, workers, progress)
    chosen_ids = _sample(val.image_ids, choices.tile_limit, gate_config.seed)

    gate = load_gate(run_gate, gate_config)
    segmenters = [
        load_segmenter(*run)
        for run in zip([run_segmenter, *also], [segmenter_config, *also_configs], strict=True)
    ]
    segmenter = SegmenterMean(segmenters) if also else segmenters[0]
    announce("exporting the gate")
    gate_graph = export_gate(gate, gate_config.input_size)
    announce("exporting the segmenter")
    segmenter_graph = export_segmenter(segmenter)
    refiner = refiner_graph = refiner_spec = None
    if run_refiner is not None and refiner_config is not None:
        announce("exporting the refiner")
        refiner = load_refiner(run_refiner, refiner_config)
        refiner_graph = export_refiner(refiner)
        refiner_spec = RefinerSpec(
            file="refiner.onnx", sha256=sha256(refiner_graph),
            shift_px=refiner_config.truth_shift_px,
        )  # fmt: skip

    # Thresholds come last, and so does what depends on them; until then they are placeholders.
    manifest = Manifest(
        format_version=1,
        name=choices.name or out.stem,
        created=datetime.now(UTC).date(),
        shipseg=__version__,
        license=choices.license or license_of(val),
        gate=GateSpec(
            file="gate.onnx", sha256=sha256(gate_graph), input_size=gate_config.input_size,
            stride=GATE_STRIDE, tile_size=gate_config.tile_size, threshold=0.5, cell_threshold=0.5,
        ),
        segmenter=SegmenterSpec(
            file="segmenter.onnx", sha256=sha256(segmenter_graph), multiple=32, threshold=0.5,
            min_area_px=1, crop_size=segmenter_config.crop_size,
        ),
        refiner=refiner_spec,
        provenance=provenance_of(
            gate_config, [segmenter_config, *also_configs], refiner_config, choices.data, train, val
        ),
        parity=_no_parity(),
        figures={},
    )  # fmt: skip
    bundle = Bundle(manifest, gate_graph, segmenter_graph, str(out), refiner_graph)

    announce("comparing torch with ONNX Runtime")
    parity = measure_parity(bundle, gate, segmenter, refiner, tiles, chosen_ids)
    bundle = _with(bundle, parity=parity)
    announce(f"choosing thresholds on {len(chosen_ids):,} validation tiles")
    views = gate_views(bundle, tiles, chosen_ids)
    gate_point = _gate_point(views, choices)
    segmenter_point, bundle = _with_thresholds(bundle, tiles, views, gate_point)
    ids = [view.image_id for view in views]
    found = detect_tiles(bundle, tiles, ids)
    drawn = found.drawn
    straightening = choose_straightening(drawn) if choices.straighten else None
    if choices.straighten and refiner is not None:
        straightening = for_refiner(straightening)
    bundle = _with(
        bundle, segmenter=_fitted(bundle.manifest.segmenter, straightening=straightening)
    )
    results = drawn
    if straightening is not None and refiner is None:
        results = straighten_results(drawn, straightening)
    # With a refiner, which has its own, this one is for who wants masks as they are drawn.
    fit = fit_scoring(results, found.evidence)
    fitted = {"segmenter": _scored(bundle.manifest.segmenter, fit.scoring)}
    if straightening is not None and bundle.manifest.refiner is not None:
        # The refiner looks at the tiles, and parts some ships.
        judged = detect_tiles(_judging(bundle), tiles, ids)
        fit = fit_scoring(judged.results, judged.evidence)
        fitted["refiner"] = _scored(bundle.manifest.refiner, fit.scoring)
    report = evaluate(fit.results, gate_threshold=gate_point.threshold, resamples=0)
    provenance = manifest.provenance.model_copy(update={"chosen_on_tiles": len(views)})
    bundle = _with(
        bundle,
        **fitted,
        figures=figures_of(report, ece_before=fit.ece_before),
        provenance=provenance,
    )
    path = write_bundle(bundle, render_card(bundle.manifest), out, overwrite=overwrite)
    return Exported(
        path, bundle, gate_point, segmenter_point,
        gate_config.images, gate_config.labels, gate_config.split,
    )  # fmt: skip


def _with(bundle: Bundle, **fields: Any) -> Bundle:
    """Return the bundle with other fields in its manifest, checked as when it is read."""
    found = {name: getattr(bundle.manifest, name) for name in Manifest.model_fields}
    manifest = Manifest.model_validate(found | fields)
    return replace(bundle, manifest=manifest)


def _sample(image_ids: Sequence[str], limit: int | None, seed: int) -> list[str]:
    """Draw at most `limit` tiles, at random to keep the share of ships; in the table's order."""
    if limit is None or len(image_ids) <= limit:
        return list(image_ids)
    drawn = np.random.default_rng(seed).permutation(len(image_ids))[:limit]
    return [image_ids[index] for index in sorted(drawn)]


def _no_parity() -> Parity:
    return Parity(
        gate_max_abs_difference=1.0, segmenter_max_abs_difference=1.0, gate_tiles=1,
        segmenter_tiles=1, onnxruntime="-", torch="-",
    )  # fmt: skip


def _gate_point(views: Sequence[GateView], choices: Choices) -> OperatingPoint:
    probabilities = [view.probability for view in views]
    has_ships = [view.has_ships for view in views]
    if choices.gate_threshold is None:
        return choose_gate_threshold(probabilities, has_ships, recall=choices.gate_recall)
    counts = confusion_at(probabilities, has_ships, choices.gate_threshold)
    return OperatingPoint(choices.gate_threshold, counts)


def _with_thresholds(
    bundle: Bundle, tiles: Measuring, views: Sequence[GateView], gate_point: OperatingPoint
) -> tuple[SegmenterPoint, Bundle]:
    """Choose what follows from the gate's threshold, on the tiles that pass."""
    passing = [view for view in views if view.probability >= gate_point.threshold]
    cells = [view for view in passing if view.has_ships]
    cell_threshold = choose_cell_threshold(
        [view.cells for view in cells], [view.ship_pixels for view in cells]
    )
    if cell_threshold is None:
        logger.warning("no validation tile with ships passes the gate; thresholds are defaults")
    # False alarms are in it as well: on them a least area has to prove itself.
    point = choose_segmenter_point(f2_tables(bundle, tiles, [v.image_id for v in passing]))
    gate = bundle.manifest.gate.model_copy(
        update={"threshold": gate_point.threshold, "cell_threshold": cell_threshold or 0.5}
    )
    segmenter = bundle.manifest.segmenter.model_copy(
        update={"threshold": point.threshold, "min_area_px": point.min_area_px}
    )
    return point, _with(bundle, gate=gate.model_dump(), segmenter=segmenter.model_dump())


def _fitted(
    part: SegmenterSpec | RefinerSpec, **fitted: Calibration | Straightening | None
) -> dict[str, Any]:
    """Return a part's fields with what was measured on the validation tiles."""
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
    return _with(bundle, refiner=_fitted(bundle.manifest.refiner, calibration=any_score))
