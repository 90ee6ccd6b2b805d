"""Make a bundle from run folders: graphs, parity, thresholds, figures, card.

Needs the `train` extra. From top to bottom: read what was trained, make the graphs, compare them
with the networks, choose what is left open, measure the detector with that, write.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from shipseg import __version__
from shipseg.bundle.card import render_card
from shipseg.bundle.choices import Choices
from shipseg.bundle.choosing import choose, with_fields
from shipseg.bundle.format import Bundle, check_output, sha256, write_bundle
from shipseg.bundle.manifest import GateSpec, Manifest, Parity, RefinerSpec, SegmenterSpec
from shipseg.bundle.measure import Measuring, Progress, no_progress
from shipseg.bundle.networks import load_gate, load_refiner, load_segmenter, read_run
from shipseg.bundle.onnx_export import export_gate, export_refiner, export_segmenter
from shipseg.bundle.parity import measure_parity
from shipseg.bundle.provenance import check_together, license_of, provenance_of
from shipseg.bundle.thresholds import DOUBT, SegmenterPoint
from shipseg.dataset.source import TileSource, together
from shipseg.evaluation.classification import OperatingPoint
from shipseg.models.ensemble import SegmenterMean
from shipseg.models.gate import GATE_STRIDE
from shipseg.training.config import GateConfig, RefinerConfig, SegmenterConfig
from shipseg.training.data import open_tiles
from shipseg.training.folder import RunFolder

logger = logging.getLogger(__name__)


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
    measured = _sample(val, choices.tile_limit, gate_config.seed)
    chosen_on = measured
    if choices.training_tiles:
        chosen_on = together(_sample(train, choices.tile_limit, gate_config.seed), measured)

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
            doubt=DOUBT if choices.second_look else None,
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
    tiles = Measuring(measured, workers, progress)
    parity = measure_parity(bundle, gate, segmenter, refiner, tiles, measured.image_ids)
    bundle = with_fields(bundle, parity=parity)
    announce(f"choosing thresholds on {len(chosen_on):,} tiles")
    tiles = Measuring(chosen_on, workers, progress)
    chosen = choose(bundle, tiles, choices, measured=frozenset(measured.image_ids))
    bundle = chosen.bundle
    path = write_bundle(bundle, render_card(bundle.manifest), out, overwrite=overwrite)
    return Exported(
        path, bundle, chosen.gate_point, chosen.segmenter_point,
        gate_config.images, gate_config.labels, gate_config.split,
    )  # fmt: skip


def _sample(part: TileSource, limit: int | None, seed: int) -> TileSource:
    """Draw at most `limit` tiles, at random to keep the share of ships; in the table's order."""
    ids = part.image_ids
    if limit is None or len(ids) <= limit:
        return part
    drawn = np.random.default_rng(seed).permutation(len(ids))[:limit]
    return TileSource(part.folder, part.table.subset([ids[index] for index in sorted(drawn)]))


def _no_parity() -> Parity:
    return Parity(
        gate_max_abs_difference=1.0, segmenter_max_abs_difference=1.0, gate_tiles=1,
        segmenter_tiles=1, onnxruntime="-", torch="-",
    )  # fmt: skip
