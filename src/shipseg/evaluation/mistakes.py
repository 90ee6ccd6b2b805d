"""What goes wrong on a tile, ship by ship: dropped, unseen, merged, split, loose, or false."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from shipseg.evaluation.matching import BoolArray, FloatArray, match_objects, overlap_matrix
from shipseg.evaluation.results import TileResult
from shipseg.rle import Runs, area

# A prediction that covers less of a ship than this has met it by chance.
_TOUCHED = 0.1
# One prediction that covers this much of each of two ships has taken them for one.
_COVERED = 0.5


@dataclass(frozen=True, slots=True)
class Mistakes:
    """How many ships of a tile went wrong in which way; each missed ship counts once.

    Attributes:
        dropped: True ships on a tile that the gate dropped.
        unseen: Missed, and no predicted ship lies there.
        merged: Missed, because one predicted ship covers half or more of it and of another one.
        split: Missed, because two or more predicted ships share it.
        loose: Missed, because the outline of the one predicted ship there is off: IoU 0.5 or less.
        false: Predicted where no ship is.
    """

    dropped: int = 0
    unseen: int = 0
    merged: int = 0
    split: int = 0
    loose: int = 0
    false: int = 0

    def __add__(self, other: Mistakes) -> Mistakes:
        """Count those of both."""
        names = [field.name for field in fields(self)]
        return Mistakes(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def missed(self) -> int:
        """True ships without a match."""
        return self.dropped + self.unseen + self.merged + self.split + self.loose


def mistakes_of(tile: TileResult, *, passed: bool) -> Mistakes:
    """Say what went wrong on a tile, at IoU above 0.5.

    Args:
        tile: Truth and prediction.
        passed: Whether the tile passed the gate.

    Example:
        >>> from shipseg.rle import parse_rle
        >>> near, far = parse_rle("5 10"), parse_rle("900 10")
        >>> mistakes_of(TileResult("a.jpg", (parse_rle("1 10"),), (near, far)), passed=True)
        Mistakes(dropped=0, unseen=0, merged=0, split=0, loose=1, false=1)
    """
    if not passed:
        return Mistakes(dropped=len(tile.truth))
    if not tile.truth or not tile.predicted:
        return Mistakes(unseen=len(tile.truth), false=len(tile.predicted))
    overlap = overlap_matrix(tile.predicted, tile.truth)
    theirs = np.array([area(runs) for runs in tile.truth])
    matched = set(match_objects(tile.predicted, tile.truth).pairs[:, 1].tolist())
    causes = [
        _cause(overlap / theirs, ship) for ship in range(len(tile.truth)) if ship not in matched
    ]
    false = int(np.count_nonzero(~touching(tile.predicted, tile.truth)))
    return Mistakes(**{name: causes.count(name) for name in set(causes)}, false=false)


def touching(predicted: Sequence[Runs], truth: Sequence[Runs]) -> BoolArray:
    """Tell which predictions lie on a true ship, however badly.

    A crumb at a ship's rim is a flaw of its outline, and no ship seen where none is.

    Args:
        predicted: Masks of a tile.
        truth: Those of its true ships.

    Returns:
        (predicted,) bool: True where at least a tenth of the smaller of two is shared.
    """
    if not predicted or not truth:
        return np.zeros(len(predicted), np.bool_)
    overlap = overlap_matrix(predicted, truth)
    ours, theirs = (np.array([area(runs) for runs in side]) for side in (predicted, truth))
    near = (overlap > 0) & (overlap >= _TOUCHED * np.minimum(ours[:, None], theirs))
    found: BoolArray = near.any(axis=1)
    return found


def _cause(covered: FloatArray, ship: int) -> str:
    """Say why a ship was missed.

    Args:
        covered: (predicted, truths) share of each true ship that each prediction covers.
        ship: The true ship.
    """
    there = np.flatnonzero(covered[:, ship] >= _TOUCHED)
    if not there.size:
        return "unseen"
    over = covered[covered[:, ship] >= _COVERED] >= _COVERED
    if (over.sum(axis=1) > 1).any():
        return "merged"
    return "split" if there.size > 1 else "loose"


def sentence_of(mistakes: Mistakes, gate_probability: float | None = None) -> str:
    """Say in words what went wrong on a tile.

    Args:
        mistakes: Of the tile.
        gate_probability: What the gate said of it.

    Example:
        >>> sentence_of(Mistakes(unseen=1, false=2))
        '1 ship not seen; 2 false ships'
    """
    parts = []
    if mistakes.dropped:
        said = "" if gate_probability is None else f" ({gate_probability:.2f})"
        parts.append(f"{_ships(mistakes.dropped)} lost: the gate dropped the tile{said}")
    for count, what in (
        (mistakes.unseen, "not seen"),
        (mistakes.merged, "merged with a neighbour"),
        (mistakes.split, "in parts"),
        (mistakes.loose, "with an outline that is off"),
    ):
        if count:
            parts.append(f"{_ships(count)} {what}")
    if mistakes.false:
        parts.append(f"{mistakes.false} false ship{'s' if mistakes.false > 1 else ''}")
    return "; ".join(parts) or "all ships found, their outlines not exact"


def _ships(count: int) -> str:
    return f"{count} ship{'s' if count > 1 else ''}"
