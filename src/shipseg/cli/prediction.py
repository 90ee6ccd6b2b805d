"""The work behind `shipseg predict`: tile after tile into the result folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

from shipseg.cli.console import Notes, note, progress
from shipseg.cli.failures import reason_of
from shipseg.cli.summary import Summary, TruthScore
from shipseg.cli.tile_engines import TileEngine
from shipseg.cli.tile_pictures import ResultFolder, TilePictures, scores_of, true_ships
from shipseg.imaging.formats import shown_name
from shipseg.inference.batch import Outcome
from shipseg.inference.detector import Detection, Detector
from shipseg.labels import LabelTable
from shipseg.writers import (
    SubmissionWriter,
    TilesWriter,
    open_submission,
    open_tiles,
)


class Prediction:
    """One run of a detector over many files."""

    def __init__(
        self,
        detector: Detector,
        folder: ResultFolder,
        truth: LabelTable | None,
        *,
        gated: bool,
        engine: TileEngine,
    ) -> None:
        """Set up.

        Args:
            detector: Says what the ships are found with.
            folder: Where results go; its folders exist.
            truth: Labels to compare with.
            gated: Whether the gate decides which tiles are segmented.
            engine: Finds the ships.
        """
        self._folder = folder
        self._truth = truth
        self._engine = engine
        self._notes = Notes()
        self.summary = Summary(
            bundle=detector.manifest.name,
            gated=gated,
            gate_threshold=detector.gate_threshold,
            threshold=detector.threshold,
            outputs=folder.outputs(),
            truth=None if truth is None else TruthScore(),
        )

    def run(self, images: Sequence[Path], stems: Mapping[str, str]) -> Summary:
        """Predict files and write what comes of them.

        Args:
            images: The files.
            stems: ImageId to the name of what is drawn of it, without suffix.

        Raises:
            KeyboardInterrupt: After the tables of the finished tiles are in place.
        """
        started = perf_counter()
        try:
            with (
                open_submission(self._folder.submission) as submission,
                open_tiles(self._folder.tiles) as tiles,
            ):
                self._work(images, stems, submission, tiles)
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
        stems: Mapping[str, str],
        submission: SubmissionWriter,
        tiles: TilesWriter,
    ) -> None:
        outcomes = self._engine(images, TilePictures(self._folder, stems, self._truth))
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
        submission.write(outcome.name, (ship.runs for ship in detection.ships))
        tiles.write(outcome.name, detection.ship_probability, len(detection.ships))
        self._count(outcome.name, detection)
        self._compare(outcome.name, detection)

    def _count(self, name: str, detection: Detection) -> None:
        summary = self.summary
        summary.passed += detection.ship_probability >= summary.gate_threshold
        summary.ships += len(detection.ships)
        summary.tiles_with_ships += bool(detection.ships)
        if detection.warnings:
            summary.warnings.append({"ImageId": name, "messages": list(detection.warnings)})
            self._notes.add(shown_name(name), "; ".join(detection.warnings))

    def _compare(self, name: str, detection: Detection) -> None:
        """Add a tile's scores to the sums."""
        table, score = self._truth, self.summary.truth
        if table is None or score is None or name not in table:
            return
        truth = true_ships(table, name, detection)
        if truth is None:
            found, expected = detection.shape_hw, table.shape_hw
            self._notes.add(
                shown_name(name),
                f"is {found[0]} x {found[1]} px, and the label table's tiles are "
                f"{expected[0]} x {expected[1]} px; left out of the comparison",
            )
            return
        dice, f2 = scores_of([ship.runs for ship in detection.ships], truth)
        score.tiles += 1
        score.ship_tiles += bool(truth)
        score.dice_sum += dice if truth else 0.0
        score.f2_sum += f2
