"""What the maker of a bundle decides, and what is left to the tiles."""

from __future__ import annotations

from dataclasses import dataclass

from shipseg.errors import UsageError

TILE_LIMIT = 2000
"""Most tiles of a part that are measured: three quarters of an hour of one core where all pass."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the caller decides; None leaves it to the tiles, or to the data.

    Attributes:
        name: What the model is called; None takes the output's name.
        data: The training set in words.
        license: Terms of the weights.
        gate_threshold: Least probability with which a tile passes.
        straighten: Draw rectangles where that makes outlines better on the tiles.
        gate_recall: Share of the tiles with ships that the chosen threshold has to keep; None
            chooses by the best F1.
        second_look: The gate looks again, at the mirror image, where its first answer is in doubt.
        training_tiles: Thresholds and scores are chosen on the training tiles as well. Right where
            the networks do no better there than on the validation tiles; figures are of the latter.
        tile_limit: Most tiles of each part to choose and measure on; None takes all.

    Raises:
        UsageError: A number is out of range, or both a threshold and a recall are given.
    """

    name: str | None = None
    data: str | None = None
    license: str | None = None
    gate_threshold: float | None = None
    straighten: bool = True
    gate_recall: float | None = None
    second_look: bool = True
    training_tiles: bool = False
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
