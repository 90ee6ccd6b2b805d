"""What `shipseg prepare` says at its end."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class PartCount:
    """What a part holds.

    Attributes:
        tiles: Its tiles.
        with_ships: Those with ships, by the label table.
        empty: The others.
        ships: Ships that have a mask at the pictures' size.
    """

    tiles: int = 0
    with_ships: int = 0
    empty: int = 0
    ships: int = 0


@dataclass(slots=True)
class PrepareSummary:
    """What came of a run.

    Attributes:
        layout: The layout.
        output: The folder.
        parts: What each part holds.
        failed: Tiles that are not in it: ImageId, part and message.
        kept: Tiles that an earlier run had made.
        copied: Tiles that were copied though links were asked for.
        vanished_ships: Ships that cover half of no pixel at the pictures' size.
        seconds: How long it took.
    """

    layout: str
    output: str
    parts: dict[str, PartCount] = field(default_factory=dict)
    failed: list[dict[str, str]] = field(default_factory=list)
    kept: int = 0
    copied: int = 0
    vanished_ships: int = 0
    seconds: float = 0.0

    @property
    def tiles(self) -> int:
        """Tiles that are in the folder."""
        return sum(part.tiles for part in self.parts.values())

    def to_dict(self) -> dict[str, Any]:
        """Give it as one document, ready for JSON."""
        return {**asdict(self), "tiles": self.tiles}

    def lines(self) -> list[tuple[str, str]]:
        """Give it as names and values, to be read."""
        lines = [
            (
                name,
                f"{part.tiles:,} tiles, {part.with_ships:,} with ships, {part.empty:,} empty; "
                f"{part.ships:,} ships",
            )
            for name, part in self.parts.items()
        ]
        if self.kept:
            lines.append(("kept", f"{self.kept:,} tiles of an earlier run"))
        if self.vanished_ships:
            lines.append(("vanished", f"{self.vanished_ships:,} ships, too small at this size"))
        if self.failed:
            lines.append(("failed", f"{len(self.failed):,} tiles; see failures.csv"))
        return [*lines, ("folder", self.output), ("time", f"{self.seconds:.1f} s")]
