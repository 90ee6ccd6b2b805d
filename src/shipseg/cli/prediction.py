"""The work behind `shipseg predict`: tile after tile into the result folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from shipseg.cli.console import Notes, note, progress
from shipseg.cli.failures import reason_of
from shipseg.cli.summary import Summary, TruthScore
from shipseg.evaluation.detection import f2_score
from shipseg.evaluation.segmentation import dice_score
from shipseg.imaging.formats import shown_name
from shipseg.inference.batch import Outcome, predict_paths
from shipseg.inference.detector import Detection, Detector
from shipseg.labels import LabelTable
from shipseg.rle import Runs
from shipseg.writers import (
    SubmissionWriter,
    TilesWriter,
    draw_comparison,
    draw_overlay,
    file_stems,
    open_submission,
    open_tiles,
    write_mask,
    write_picture,
)


@dataclass(frozen=True, slots=True)
class ResultFolder:
    """Names of what goes into the output folder.

    Attributes:
        root: The folder.
        masks: Whether to write masks.
        overlays: Whether to write overlays.
        comparisons: Whether to write comparisons with the truth.
    """

    root: Path
    masks: bool = False
    overlays: bool = False
    comparisons: bool = False

    @property
    def submission(self) -> Path:
        """The table for Kaggle."""
        return self.root / "submission.csv"

    @property
    def tiles(self) -> Path:
        """The table of tiles."""
        return self.root / "tiles.csv"

    def picture_folders(self) -> list[Path]:
        """List the folders of pictures that this run writes."""
        kinds = ("masks", "overlays", "comparisons")
        return [self.root / kind for kind in kinds if getattr(self, kind)]

    def targets(self) -> list[Path]:
        """List all files and folders that this run writes."""
        return [self.submission, self.tiles, *self.picture_folders()]

    def outputs(self) -> dict[str, str]:
        """Name them by kind."""
        folders = {path.name: f"{path}/" for path in self.picture_folders()}
        return {"submission": str(self.submission), "tiles": str(self.tiles), **folders}


class Prediction:
    """One run of a detector over many files."""

    def __init__(
        self, detector: Detector, folder: ResultFolder, truth: LabelTable | None, *, gated: bool
    ) -> None:
        """Set up.

        Args:
            detector: Finds the ships.
            folder: Where results go; its folders exist.
            truth: Labels to compare with.
            gated: Whether the gate decides which tiles are segmented.
        """
        self._detector = detector
        self._folder = folder
        self._truth = truth
        self._stems: dict[str, str] = {}
        self._notes = Notes()
        self.summary = Summary(
            bundle=detector.manifest.name,
            gated=gated,
            gate_threshold=detector.gate_threshold,
            threshold=detector.threshold,
            outputs=folder.outputs(),
            truth=None if truth is None else TruthScore(),
        )

    def run(self, images: Sequence[Path], *, workers: int | None = None) -> Summary:
        """Predict files and write what comes of them.

        Raises:
            KeyboardInterrupt: After the tables of the finished tiles are in place.
        """
        self._stems = file_stems(path.name for path in images)
        started = perf_counter()
        try:
            with (
                open_submission(self._folder.submission) as submission,
                open_tiles(self._folder.tiles) as tiles,
            ):
                self._work(images, submission, tiles, workers)
        except KeyboardInterrupt:
            done = f"{self.summary.tiles:,} of {len(images):,} tiles"
            note(f"interrupted: {done} are finished, and in '{self._folder.root}'")
            raise
        finally:
            self._notes.close(f"; see '{self._folder.tiles}'")
        self.summary.seconds = perf_counter() - started
        return self.summary

    def _work(
        self,
        images: Sequence[Path],
        submission: SubmissionWriter,
        tiles: TilesWriter,
        workers: int | None,
    ) -> None:
        outcomes = predict_paths(
            self._detector,
            images,
            workers=workers,
            gated=self.summary.gated,
            keep_pictures=self._folder.overlays or self._folder.comparisons,
        )
        with progress(outcomes, total=len(images), label="finding ships") as running:
            for outcome in running:
                if outcome.detection is None:
                    self._write_failure(outcome, submission, tiles)
                else:
                    self._write(outcome, outcome.detection, submission, tiles)
                self.summary.tiles += 1

    def _write_failure(
        self, outcome: Outcome, submission: SubmissionWriter, tiles: TilesWriter
    ) -> None:
        """Name the tile everywhere; Kaggle refuses a submission that lacks one."""
        message = reason_of(outcome.error, outcome.path)
        code = "error" if outcome.error is None else outcome.error.code
        self._clear_pictures(outcome.name)
        submission.write(outcome.name, ())
        tiles.write_error(outcome.name, message)
        self.summary.failed.append({"ImageId": outcome.name, "code": code, "message": message})
        self._notes.add(shown_name(outcome.name), message)

    def _write(
        self,
        outcome: Outcome,
        detection: Detection,
        submission: SubmissionWriter,
        tiles: TilesWriter,
    ) -> None:
        self._clear_pictures(outcome.name)
        self._write_pictures(outcome, detection)
        submission.write(outcome.name, (ship.runs for ship in detection.ships))
        tiles.write(outcome.name, detection.ship_probability, len(detection.ships))
        self._count(outcome.name, detection)

    def _count(self, name: str, detection: Detection) -> None:
        summary = self.summary
        summary.passed += detection.ship_probability >= summary.gate_threshold
        summary.ships += len(detection.ships)
        summary.tiles_with_ships += bool(detection.ships)
        if detection.warnings:
            summary.warnings.append({"ImageId": name, "messages": list(detection.warnings)})
            self._notes.add(shown_name(name), "; ".join(detection.warnings))

    def _write_pictures(self, outcome: Outcome, detection: Detection) -> None:
        folder, file = self._folder, f"{self._stems[outcome.name]}.png"
        if folder.masks:
            write_mask(folder.root / "masks" / file, detection.mask)
        rgb = None if outcome.picture is None else outcome.picture.rgb
        if rgb is not None and folder.overlays and detection.ships:
            write_picture(folder.root / "overlays" / file, draw_overlay(rgb, detection.ships))
        true_ships = self._true_ships(outcome.name, detection)
        if true_ships is None:
            return
        predicted = [ship.runs for ship in detection.ships]
        figures = self._score(predicted, true_ships)
        if rgb is not None and folder.comparisons and (predicted or true_ships):
            picture = draw_comparison(
                rgb, true_ships, predicted, title=outcome.name, figures=figures
            )
            write_picture(folder.root / "comparisons" / file, picture)

    def _clear_pictures(self, name: str) -> None:
        """Remove what an earlier run left about a tile, where this one may write."""
        for folder in self._folder.picture_folders():
            (folder / f"{self._stems[name]}.png").unlink(missing_ok=True)

    def _true_ships(self, name: str, detection: Detection) -> tuple[Runs, ...] | None:
        table = self._truth
        if table is None or name not in table:
            return None
        if table.shape_hw != detection.shape_hw:
            found, expected = detection.shape_hw, table.shape_hw
            self._notes.add(
                shown_name(name),
                f"is {found[0]} x {found[1]} px, and the label table's tiles are "
                f"{expected[0]} x {expected[1]} px; left out of the comparison",
            )
            return None
        return table.ships_of(name)

    def _score(self, predicted: Sequence[Runs], truth: Sequence[Runs]) -> str:
        """Add a tile's scores to the sums, and give them as a caption."""
        score = self.summary.truth
        dice, f2 = dice_score(predicted, truth), f2_score(predicted, truth)
        if score is not None:
            score.tiles += 1
            score.ship_tiles += bool(truth)
            score.dice_sum += dice if truth else 0.0
            score.f2_sum += f2
        return f"Dice {dice:.2f} · F2 {f2:.2f}"
