"""Run a bundle over tiles with truth: what to choose thresholds from, and how good it then is.

Without torch: what is measured is what users run.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from shipseg.bundle.format import Bundle, write_bundle
from shipseg.dataset.source import TileSource
from shipseg.errors import BadInputError
from shipseg.evaluation.results import EvaluationReport, TileResult
from shipseg.inference.detector import Detector, open_picture
from shipseg.inference.runtime import GateSession
from shipseg.inference.second_look import Gate
from shipseg.scores import Evidence

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")
Rgb = npt.NDArray[np.uint8]


class Progress(Protocol):
    """Show how far a loop has come; `shipseg.cli.console.progress` does."""

    def __call__(
        self, items: Iterator[Item], *, total: int, label: str
    ) -> AbstractContextManager[Iterator[Item]]:
        """Give the same items."""


@contextmanager
def no_progress(items: Iterator[Item], *, total: int, label: str) -> Iterator[Iterator[Item]]:
    """Show nothing."""
    del total, label
    yield items


@dataclass(frozen=True, slots=True, eq=False)
class GateView:
    """What the gate says of one tile, beside the truth.

    Attributes:
        image_id: The tile.
        probability: Of a ship anywhere in it.
        cells: (h, w) float32 probabilities.
        ship_pixels: (h, w) int64, the true ship pixels in each cell.
    """

    image_id: str
    probability: float
    cells: npt.NDArray[np.float32]
    ship_pixels: npt.NDArray[np.int64]

    @property
    def has_ships(self) -> bool:
        """Whether the tile truly holds a ship."""
        return bool(self.ship_pixels.any())


@dataclass(frozen=True, slots=True)
class Measuring:
    """Tiles, and how to go over them.

    Attributes:
        source: Tiles and truth.
        workers: Tiles at a time.
        progress: Shows how far it has come.
    """

    source: TileSource
    workers: int = 1
    progress: Progress = no_progress

    def over(
        self, image_ids: Sequence[str], work: Callable[[str, Rgb], Result], label: str
    ) -> list[Result]:
        """Do some work on each tile, in order; a broken tile is left out with a logged warning.

        Raises:
            BadInputError: No tile could be read.
        """

        def one(image_id: str) -> Result | None:
            try:
                rgb = self.source.image(image_id)
            except (BadInputError, OSError) as error:
                logger.warning("tile left out: %s", error)
                return None
            return work(image_id, rgb)

        with self.progress(
            _threaded(image_ids, one, self.workers), total=len(image_ids), label=label
        ) as running:
            found = [result for result in running if result is not None]
        if image_ids and not found:
            raise BadInputError(
                f"none of {len(image_ids)} tiles in '{self.source.folder}' can be read"
            )
        return found


def _threaded(
    image_ids: Iterable[str], work: Callable[[str], Result], workers: int
) -> Iterator[Result]:
    pool = ThreadPoolExecutor(workers, thread_name_prefix="shipseg")
    try:
        yield from pool.map(work, image_ids)
    finally:
        # After Ctrl-C nobody waits for the tiles that have not begun.
        pool.shutdown(cancel_futures=True)


def shrink(rgb: Rgb, input_size: int) -> Rgb:
    """Shrink a square tile by a whole factor to the gate's input, as the detector does."""
    return np.asarray(Image.fromarray(rgb).reduce(rgb.shape[0] // input_size))


def gate_views(bundle: Bundle, tiles: Measuring, image_ids: Sequence[str]) -> list[GateView]:
    """Ask the gate about tiles.

    Args:
        bundle: Whose gate; its thresholds play no part.
        tiles: The tiles.
        image_ids: Which of them.
    """
    gate = Gate(GateSession(bundle, threads=1), bundle.manifest.gate.doubt)
    side = bundle.manifest.gate.input_size

    def look(image_id: str, rgb: Rgb) -> GateView:
        probability, cells = gate(shrink(rgb, side))
        mask = tiles.source.mask(image_id)
        (rows, columns), (height, width) = cells.shape, mask.shape
        parts = mask.reshape(rows, height // rows, columns, width // columns)
        return GateView(image_id, probability, cells, parts.sum(axis=(1, 3), dtype=np.int64))

    return tiles.over(image_ids, look, "asking the gate")


@dataclass(frozen=True, slots=True)
class Detected:
    """What a detector found on tiles.

    Attributes:
        results: As users see it.
        drawn: The same ships in the same order, with the masks as the segmenter drew them.
        evidence: Of each tile, of each of those ships, what its score was made of.
    """

    results: list[TileResult]
    drawn: list[TileResult]
    evidence: list[tuple[Evidence, ...]]


def detect_tiles(bundle: Bundle, tiles: Measuring, image_ids: Sequence[str]) -> Detected:
    """Run the whole detector over tiles and set the truth beside what it finds.

    Args:
        bundle: With its thresholds as they will be.
        tiles: The tiles.
        image_ids: Which of them.
    """
    with tempfile.TemporaryDirectory(prefix="shipseg-") as folder:
        detector = Detector(write_bundle(bundle, "", Path(folder) / "bundle"))

    def detect(image_id: str, rgb: Rgb) -> tuple[TileResult, TileResult, tuple[Evidence, ...]]:
        picture = open_picture(rgb)
        sighting = detector.look(picture)
        maps = detector.search(picture, sighting)
        pairs = detector.outlines_in(maps, picture, sighting.heat)
        result = TileResult(
            image_id=image_id,
            truth=tiles.source.table.ships_of(image_id),
            predicted=tuple(ship.runs for _, ship in pairs),
            gate_probability=sighting.probability,
            scores=tuple(ship.score for _, ship in pairs),
            shape_hw=picture.shape_hw,
        )
        drawn = replace(result, predicted=tuple(outlined.drawn.runs for outlined, _ in pairs))
        return result, drawn, tuple(outlined.evidence for outlined, _ in pairs)

    found = tiles.over(image_ids, detect, "measuring the detector")
    return Detected(
        [result for result, _, _ in found],
        [drawn for _, drawn, _ in found],
        [evidence for _, _, evidence in found],
    )


def figures_of(
    report: EvaluationReport, *, ece_before: float | None = None
) -> dict[str, int | float | None]:
    """Give the figures of a report that belong into a manifest, by name.

    Args:
        report: Of the bundle's validation tiles.
        ece_before: Calibration error of the scores before they were calibrated.
    """
    ships = report.two_stage
    figures: dict[str, int | float | None] = {
        "tiles": report.tile_count,
        "ship_tiles": report.ship_tile_count,
        "ships": report.ship_count,
    }
    if report.gate is not None:
        gate = report.gate
        figures |= {
            "gate.auc": gate.auc.value,
            "gate.f1": gate.f1.value,
            "gate.precision": gate.precision.value,
            "gate.recall": gate.recall.value,
            "gate.false_alarm_rate": gate.false_alarm_rate.value,
        }
    figures |= {
        "f2_all": ships.f2_all.value,
        "f2_of_nothing": ships.f2_of_nothing,
        "f2_on_ship_tiles": ships.f2_on_ship_tiles.value,
        "mean_dice_on_ship_tiles": ships.mean_dice_on_ship_tiles.value,
        "mean_iou_on_ship_tiles": ships.mean_iou_on_ship_tiles.value,
        "pixel_dice": ships.pixel_dice.value,
        "empty_tiles_with_ships": ships.empty_tiles_with_ships.value,
        "object_precision": ships.object_precision.value,
        "object_recall": ships.object_recall.value,
    }
    if report.scores is not None:
        figures["average_precision"] = report.scores.average_precision.value
        figures["score.ece"] = report.scores.ece.value
        figures["score.ece_uncalibrated"] = ece_before
    figures |= {f"recall.{size.name}": size.recall.value for size in ships.recall_by_size}
    return {name: None if value is None else round(value, 6) for name, value in figures.items()}
