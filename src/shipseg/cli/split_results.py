"""What `shipseg split` found, as text, as JSON and as an exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from shipseg.cli.console import MOST_NOTES, note, printable, show, show_lines
from shipseg.cli.failures import exit_code_of
from shipseg.dataset.overlap import Overlap, Search
from shipseg.dataset.partition import PartFigures
from shipseg.errors import QualityGateError
from shipseg.labels import LabelTable, OnBadRow


@dataclass(frozen=True, slots=True)
class Question:
    """What the command line asks about.

    Attributes:
        labels: Label table.
        images: Folder of tiles, or None.
        exclude: Exclusion list, or None.
        tile_size: Side of the tiles, in pixels.
        stride: Side of a block that tiles can share, in pixels.
        on_bad_row: What faulty rows of the label table get.
        workers: Tiles at a time; None takes one per core.
    """

    labels: Path
    images: Path | None
    exclude: Path | None
    tile_size: int
    stride: int
    on_bad_row: OnBadRow
    workers: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What is known of the tiles.

    Attributes:
        question: What was asked.
        table: The tiles that are to be parted: with --images those that have a file.
        search: Overlaps among all labelled tiles.
        groups: ImageId to group of tiles that share ground, for the tiles of `table`.
    """

    question: Question
    table: LabelTable
    search: Search
    groups: dict[str, int]

    def overlaps(self) -> list[Overlap]:
        """Give the pairs of which both tiles are to be parted."""
        return [p for p in self.search.overlaps if p.first in self.table and p.second in self.table]

    def facts(self) -> dict[str, Any]:
        """Give what holds for whatever is made of it, ready for JSON."""
        overlaps = self.overlaps()
        by_pixels = sum(pair.evidence == "pixels" for pair in overlaps)
        return {
            "labels": str(self.question.labels),
            "images": None if self.question.images is None else str(self.question.images),
            "tiles": len(self.table),
            "groups": len(set(self.groups.values())),
            "pairs": len(overlaps),
            "pairs_by_pixels": by_pixels,
            "pairs_by_ships": len(overlaps) - by_pixels,
            "without_file": len(self.search.without_file),
            "unreadable": [asdict(tile) for tile in self.search.unreadable],
        }

    def lines(self) -> list[tuple[str, str]]:
        """Give the same as names and values, to be read."""
        facts = self.facts()
        how = f"{facts['pairs_by_pixels']:,} by pixels, {facts['pairs_by_ships']:,} by ships alone"
        return [
            ("tiles", f"{facts['tiles']:,} in {facts['groups']:,} groups"),
            ("share ground", f"{facts['pairs']:,} pairs: {how}"),
        ]


@dataclass(frozen=True, slots=True, eq=False)
class MadeSplit:
    """A split that was written.

    Attributes:
        found: What is known of its tiles.
        figures: What each part holds.
        path: The split.
        seed: It was made with this.
    """

    found: Found
    figures: list[PartFigures]
    path: Path
    seed: int

    @property
    def document(self) -> dict[str, Any]:
        """The split's figures, ready for JSON."""
        return {
            **self.found.facts(),
            "seed": self.seed,
            "split": str(self.path),
            "parts": [asdict(part) for part in self.figures],
        }

    def show(self) -> None:
        """Print the figures."""
        show(_parts_table(self.figures))
        show_lines([*self.found.lines(), ("written", str(self.path))])

    def judge(self) -> None:
        """End the command with the exit code that fits."""
        raise typer.Exit(exit_code_of(len(self.found.search.unreadable), len(self.found.table)))


@dataclass(frozen=True, slots=True, eq=False)
class CheckedSplit:
    """A split that was looked through.

    Attributes:
        found: What is known of its tiles.
        figures: What each part holds.
        path: The split.
        parts: ImageId to part, of tiles that are in the split and could be compared.
        unknown: Tiles of the split that could not.
        leaks: Pairs that share ground across parts.
    """

    found: Found
    figures: list[PartFigures]
    path: Path
    parts: dict[str, str]
    unknown: int
    leaks: list[Overlap]

    @property
    def document(self) -> dict[str, Any]:
        """What was found, ready for JSON."""
        return {
            **self.found.facts(),
            "split": str(self.path),
            "parts": [asdict(part) for part in self.figures],
            "compared": len(self.parts),
            "not_compared": self.unknown,
            "torn_groups": self.torn_groups(),
            "leaks": [
                {
                    **asdict(pair),
                    "shift_xy": list(pair.shift_xy),
                    "first_part": self.parts[pair.first],
                    "second_part": self.parts[pair.second],
                }
                for pair in self.leaks
            ],
        }

    def show(self) -> None:
        """Print the figures and the first leaks."""
        show(_parts_table(self.figures))
        leaking = {name for pair in self.leaks for name in (pair.first, pair.second)}
        across = f"{len(self.leaks):,} pairs of {len(leaking):,} tiles"
        torn = f"{self.torn_groups():,} groups"
        show_lines([*self.found.lines(), ("in several parts", torn), ("across parts", across)])
        for pair in self.leaks[:MOST_NOTES]:
            show_lines([("", self._shown(pair))])
        if len(self.leaks) > MOST_NOTES:
            note(f"and {len(self.leaks) - MOST_NOTES:,} more; --json names all")

    def torn_groups(self) -> int:
        """Count groups with tiles in several parts, whether or not those share ground directly."""
        seen = {(self.found.groups[name], part) for name, part in self.parts.items()}
        return sum(number > 1 for number in Counter(group for group, _ in seen).values())

    def _shown(self, pair: Overlap) -> str:
        one, other = (f"{name} ({self.parts[name]})" for name in (pair.first, pair.second))
        dx, dy = pair.shift_xy
        return f"{one} and {other} at ({dx:+d}, {dy:+d}) px, by {pair.evidence}"

    def judge(self) -> None:
        """End the command with the exit code that fits.

        Raises:
            QualityGateError: The split leaks.
        """
        if self.leaks:
            raise QualityGateError(
                f"'{self.path}' leaks: {len(self.leaks):,} pairs share ground across its parts",
                hint="make one that does not with 'shipseg split LABELS --images DIR -o split.csv'",
            )
        raise typer.Exit(exit_code_of(len(self.found.search.unreadable), len(self.found.table)))


def _parts_table(parts: Sequence[PartFigures]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("part", "tiles", "share", "with ships", "share", "ships", "each", "median"):
        table.add_column(name, justify="left" if name == "part" else "right", no_wrap=True)
    table.add_column("groups", justify="right", no_wrap=True)
    table.add_column("largest", justify="right", no_wrap=True)
    for part in parts:
        table.add_row(
            Text(printable(part.name)),
            f"{part.tiles:,}",
            f"{part.share:.1%}",
            f"{part.ship_tiles:,}",
            _show(part.ship_share, ".1%"),
            f"{part.ships:,}",
            _show(part.ships_per_ship_tile, ".2f"),
            _show(part.median_ship_px, ",.0f", " px"),
            f"{part.groups:,}",
            f"{part.largest_group:,}",
        )
    return table


def _show(value: float | None, style: str, unit: str = "") -> str:
    return "-" if value is None else f"{value:{style}}{unit}"
