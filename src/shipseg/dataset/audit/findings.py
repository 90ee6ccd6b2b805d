"""What an audit can find: kinds with stable codes, and single findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "info"]
"""Error: training stops or learns something wrong. Warning: look at it. Info: good to know."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""From the gravest on."""

Window: TypeAlias = tuple[int, int, int, int]
"""``(x0, y0, x1, y1)`` in a tile's pixels, half-open."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding.

    Attributes:
        severity: How grave it is.
        title: What it is called on the page.
        means: Why it matters, and what to do.
    """

    severity: Severity
    title: str
    means: str


KINDS: dict[str, Kind] = {
    "tile-truncated": Kind(
        "error",
        "Truncated tiles",
        "The file ends too early. Other readers fill the rest with grey or black; fetch it again.",
    ),
    "tile-undecodable": Kind(
        "error", "Undecodable tiles", "No decoder can read these bytes; fetch the file again."
    ),
    "tile-size": Kind(
        "error", "Tiles of another size", "The runs of a mask fit one height and width alone."
    ),
    "label-without-tile": Kind(
        "error", "Labels without tile", "Training stops there, unless missing tiles are skipped."
    ),
    "row-malformed": Kind(
        "error",
        "Malformed rows",
        "No mask can be made of the row, so the tile's mask lacks a ship.",
    ),
    "row-overlap": Kind(
        "error", "Overlapping ships", "Two ships of one tile share pixels: one of them is wrong."
    ),
    "row-contradicts": Kind(
        "error", "Contradicting rows", "One row says that the tile is empty, another has a ship."
    ),
    "duplicate-conflict": Kind(
        "error",
        "Duplicates with other labels",
        "The same picture is there twice, labelled in two ways.",
    ),
    "row-repeat": Kind("warning", "Repeated rows", "The row says the same as an earlier one."),
    "tile-without-label": Kind(
        "warning",
        "Tiles without label",
        "Training leaves them out. An empty tile needs a row with an empty cell.",
    ),
    "tile-black": Kind(
        "warning",
        "Black tiles",
        "There is nothing to see: leave them out (--exclude-from warning).",
    ),
    "tile-white": Kind("warning", "White tiles", "Cloud over the whole tile, or a broken file."),
    "tile-blue-band": Kind(
        "warning",
        "Blue bands",
        "Blue fills what lies beyond the end of an acquisition: there is no ground to see.",
    ),
    "duplicate-exact": Kind(
        "warning", "Exact duplicates", "The same bytes under two names count twice."
    ),
    "duplicate-near": Kind(
        "warning",
        "Near duplicates",
        "The same place, packed anew. In two parts of a split they leak.",
    ),
    "ship-missing": Kind(
        "warning",
        "Ships labelled in one of two tiles",
        "Two tiles show the same ground, and a ship is labelled in one of them alone.",
    ),
    "ship-disagrees": Kind(
        "warning",
        "Ships labelled differently",
        "Two tiles show the same ship, and its masks differ.",
    ),
    "ship-tiny": Kind(
        "warning", "Masks of a few pixels", "Slips of the pen, or ships cut to a sliver."
    ),
    "tile-black-edge": Kind(
        "info", "Black edges", "The acquisition ends inside the tile; there is no ship beyond."
    ),
    "ship-cut": Kind(
        "info", "Ships cut by the tile's edge", "Their length and area are lower bounds."
    ),
}
"""Code to kind, the gravest first; codes are stable."""

_ORDER = {code: index for index, code in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found.

    Attributes:
        code: One of `KINDS`.
        image_id: The tile; ``""`` for a row without ImageId.
        reason: What exactly is wrong.
        row: Row of the label table as a spreadsheet shows it, where the finding is about one.
        other: The other tile, where the finding is about two.
        window_xyxy: Where to look in the tile; None for the whole of it.
        other_xyxy: Where to look in the other tile.
    """

    code: str
    image_id: str
    reason: str
    row: int | None = None
    other: str = ""
    window_xyxy: Window | None = None
    other_xyxy: Window | None = None

    @property
    def severity(self) -> Severity:
        """How grave it is."""
        return KINDS[self.code].severity


def at_or_above(severity: Severity) -> frozenset[Severity]:
    """Give a severity and those above it.

    Examples:
        >>> sorted(at_or_above("warning"))
        ['error', 'warning']
    """
    return frozenset(SEVERITIES[: SEVERITIES.index(severity) + 1])


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by kind, the gravest first, then by row and tile."""
    return sorted(
        findings,
        key=lambda f: (_ORDER[f.code], f.row or 0, f.image_id, f.other, f.reason),
    )
