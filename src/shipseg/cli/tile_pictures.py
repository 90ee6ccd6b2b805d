"""The folder of a prediction of tiles, and the pictures that are drawn into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shipseg.evaluation.detection import f2_score
from shipseg.evaluation.segmentation import dice_score
from shipseg.inference.batch import Outcome
from shipseg.inference.detector import Detection
from shipseg.labels import LabelTable
from shipseg.rle import Runs
from shipseg.writers import draw_comparison, draw_overlay, write_mask, write_picture


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


@dataclass(frozen=True, slots=True)
class TilePictures:
    """Draws what comes of each tile; it can be sent to another process.

    Attributes:
        folder: Where pictures go; its folders exist.
        stems: ImageId to the name of its pictures, without suffix.
        truth: Labels to compare with.
    """

    folder: ResultFolder
    stems: Mapping[str, str]
    truth: LabelTable | None = None

    @property
    def need_pixels(self) -> bool:
        """Whether the decoded picture is drawn on."""
        return self.folder.overlays or self.folder.comparisons

    def write(self, outcome: Outcome) -> None:
        """Draw a tile, and remove what an earlier run left about it."""
        file = f"{self.stems[outcome.name]}.png"
        for folder in self.folder.picture_folders():
            (folder / file).unlink(missing_ok=True)
        found = outcome.detection
        if found is None:
            return
        if self.folder.masks:
            write_mask(self.folder.root / "masks" / file, found.mask)
        if outcome.picture is not None:
            self._draw(outcome.name, found, outcome.picture.rgb, file)

    def _draw(self, name: str, found: Detection, rgb: npt.NDArray[np.uint8], file: str) -> None:
        if self.folder.overlays and found.ships:
            path = self.folder.root / "overlays" / file
            write_picture(path, draw_overlay(rgb, found.ships))
        truth = true_ships(self.truth, name, found)
        predicted = [ship.runs for ship in found.ships]
        if self.folder.comparisons and truth is not None and (predicted or truth):
            dice, f2 = scores_of(predicted, truth)
            path = self.folder.root / "comparisons" / file
            figures = f"Dice {dice:.2f} · F2 {f2:.2f}"
            write_picture(path, draw_comparison(rgb, truth, predicted, title=name, figures=figures))


def true_ships(table: LabelTable | None, name: str, found: Detection) -> tuple[Runs, ...] | None:
    """Look a tile's ships up; None where the table has no tile of that name and size."""
    if table is None or name not in table or table.shape_hw != found.shape_hw:
        return None
    return table.ships_of(name)


def scores_of(predicted: Sequence[Runs], truth: Sequence[Runs]) -> tuple[float, float]:
    """Give a tile's Dice and F2."""
    return dice_score(predicted, truth), f2_score(predicted, truth)
