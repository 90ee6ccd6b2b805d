"""What a prediction comes to: counts, speed, and where the files are."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class TruthScore:
    """How well the predictions fit a label table.

    Attributes:
        tiles: Tiles with truth.
        ship_tiles: Those of them with true ships.
        dice_sum: Sum of the Dice over the tiles with true ships.
        f2_sum: Sum of the challenge's score over all.
    """

    tiles: int = 0
    ship_tiles: int = 0
    dice_sum: float = 0.0
    f2_sum: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Give the means; None where there is nothing to average."""
        return {
            "tiles": self.tiles,
            "ship_tiles": self.ship_tiles,
            "mean_dice_on_ship_tiles": self.dice_sum / self.ship_tiles if self.ship_tiles else None,
            "f2": self.f2_sum / self.tiles if self.tiles else None,
            "f2_of_nothing": 1 - self.ship_tiles / self.tiles if self.tiles else None,
        }


@dataclass(slots=True)
class Summary:
    """Counts of a prediction, filled while it runs.

    Attributes:
        bundle: Name of the model bundle.
        gated: Whether the gate decided which tiles were segmented.
        gate_threshold: Least probability that passes the gate.
        threshold: Least probability of a ship's pixel.
        outputs: What was written, by kind: a file's or a folder's path.
        tiles: Tiles tried.
        passed: Tiles whose gate probability reached the threshold.
        ships: Ships found.
        tiles_with_ships: Tiles they are on.
        seconds: From the first tile to the last.
        failed: Tiles that could not be read, each with its error.
        warnings: What decoding had to assume, by tile.
        truth: Scores where there are labels.
    """

    bundle: str
    gated: bool
    gate_threshold: float
    threshold: float
    outputs: dict[str, str]
    tiles: int = 0
    passed: int = 0
    ships: int = 0
    tiles_with_ships: int = 0
    seconds: float = 0.0
    failed: list[dict[str, str]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    truth: TruthScore | None = None

    @property
    def tiles_per_second(self) -> float:
        """Tiles, broken ones among them, for each second."""
        return self.tiles / self.seconds if self.seconds > 0 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Give the summary as dicts, lists, numbers, strings and None, ready for JSON."""
        document = asdict(self)
        document["seconds"] = round(self.seconds, 3)
        document["tiles_per_second"] = round(self.tiles_per_second, 2)
        document["truth"] = None if self.truth is None else self.truth.to_dict()
        return document


def summary_lines(summary: Summary) -> list[tuple[str, str]]:
    """Give a summary as names and values, to be read."""
    read = summary.tiles - len(summary.failed)
    lines = [("tiles", f"{summary.tiles:,}")]
    if summary.gated:
        share = f" ({summary.passed / read:.0%})" if read else ""
        lines.append(("passed the gate", f"{summary.passed:,}{share}"))
    else:
        lines.append(("gate", "not asked (--no-gate)"))
    lines.append(("ships", f"{summary.ships:,} on {_count(summary.tiles_with_ships, 'tile')}"))
    if summary.failed:
        lines.append(("could not be read", f"{len(summary.failed):,}, named in tiles.csv"))
    if summary.truth is not None:
        lines += _truth_lines(summary.truth.to_dict())
    speed = f"{summary.tiles_per_second:.1f} tiles a second, {summary.seconds:.1f} s in all"
    lines.append(("speed", speed))
    paths = list(summary.outputs.values())
    return [*lines, *zip(["written", *[""] * (len(paths) - 1)], paths, strict=True)]


def _truth_lines(truth: dict[str, Any]) -> list[tuple[str, str]]:
    if not truth["tiles"]:
        return [("truth", "no tile is in the label table")]
    figures = f"F2 {truth['f2']:.3f} on {_count(truth['tiles'], 'tile')}"
    figures += f" (nothing submitted: {truth['f2_of_nothing']:.3f})"
    lines = [("truth", figures)]
    if truth["ship_tiles"]:
        mean = truth["mean_dice_on_ship_tiles"]
        lines.append(("", f"Dice {mean:.3f} on {_count(truth['ship_tiles'], 'tile')} with ships"))
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
