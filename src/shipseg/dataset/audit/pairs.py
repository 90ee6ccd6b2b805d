"""Findings about two tiles: duplicates, and ships that two tiles show and label differently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.dataset.audit.findings import Finding, Window
from shipseg.dataset.audit.rows import window_around
from shipseg.dataset.overlap import Overlap
from shipseg.dataset.ships import ShipColumns
from shipseg.labels import LabelTable
from shipseg.rle import Runs, crop

# A hull of which less lies on the shared ground may rightly be missing there.
_LEAST_PX = 20
_LEAST_SHARE = 0.25


def exact_duplicates(digests: Mapping[str, bytes], table: LabelTable) -> Iterator[Finding]:
    """Find files with the same bytes; the later one is the duplicate.

    Args:
        digests: ImageId to digest of its file, in the order to judge by.
        table: Labels, to tell duplicates that are labelled in two ways.
    """
    first_of: dict[bytes, str] = {}
    for image_id, digest in digests.items():
        first = first_of.setdefault(digest, image_id)
        if first != image_id:
            if _conflict(table, first, image_id):
                reason = f"the same bytes as '{first}', but other labels"
                yield Finding("duplicate-conflict", image_id, reason, other=first)
            else:
                reason = f"the same bytes as '{first}'"
                yield Finding("duplicate-exact", image_id, reason, other=first)


def _conflict(table: LabelTable, first: str, second: str) -> bool:
    if first not in table or second not in table:
        return False
    masks = [sorted(runs.tobytes() for runs in table.ships_of(name)) for name in (first, second)]
    return masks[0] != masks[1]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Labels with what comparing them needs.

    Attributes:
        table: All labels.
        ships: Measures of its ships.
        rows: ``(S,)`` row of each ship.
        least_iou: Masks of one ship that agree less are found.
        position: ImageId to its index in the table.
    """

    table: LabelTable
    ships: ShipColumns
    rows: npt.NDArray[np.int64]
    least_iou: float
    position: Mapping[str, int]

    def ships_in(self, image_id: str, window: Window) -> list[Piece]:
        """Give the ships of a tile that reach into a window, in the window's coordinates."""
        x0, y0, x1, y1 = window
        pieces = []
        for ship, runs in zip(self._indices(image_id), self.table.ships_of(image_id), strict=True):
            left, top, right, bottom = self.ships.box_of(ship)
            box = (max(left, x0), max(top, y0), min(right, x1), min(bottom, y1))
            if box[0] < box[2] and box[1] < box[3]:
                mask = crop(runs, self.table.shape_hw, box)
                if mask.any():
                    pieces.append(Piece(ship, runs, (box[0] - x0, box[1] - y0), mask))
        return pieces

    def _indices(self, image_id: str) -> range:
        index = self.position[image_id]
        return range(*self.table.ship_offsets[index : index + 2].tolist())


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The part of a ship that lies on shared ground.

    Attributes:
        ship: Index of the ship.
        runs: Of the whole ship.
        at_xy: Place of the mask in the window.
        mask: (h, w) bool.
    """

    ship: int
    runs: Runs
    at_xy: tuple[int, int]
    mask: npt.NDArray[np.bool_]

    def counts(self) -> bool:
        """Say whether enough of the ship lies here for its label to be missed."""
        inside = int(self.mask.sum())
        return inside >= _LEAST_PX and inside >= _LEAST_SHARE * int(self.runs[:, 1].sum())


def overlap_findings(labels: Labels, overlaps: Iterable[Overlap]) -> Iterator[Finding]:
    """Find near duplicates, and ships that two overlapping tiles label differently.

    Ships that touch may be one row in one tile and two in the other, so masks are compared in
    clusters: all that overlap, directly or through others.

    Args:
        labels: Labels of all tiles.
        overlaps: Pairs of tiles that share ground.
    """
    for pair in overlaps:
        if pair.shift_xy == (0, 0):
            reason = f"the same place as '{pair.first}'"
            yield Finding("duplicate-near", pair.second, reason, other=pair.first)
        yield from _compare(labels, pair)


def _compare(labels: Labels, pair: Overlap) -> Iterator[Finding]:
    windows = pair.windows(labels.table.shape_hw)
    first = labels.ships_in(pair.first, windows[0])
    second = labels.ships_in(pair.second, windows[1])
    size = (windows[0][3] - windows[0][1], windows[0][2] - windows[0][0])
    for mine, theirs in _clusters(first, second):
        if mine and theirs:
            iou = _iou(mine, theirs, size)
            if iou < labels.least_iou and any(piece.counts() for piece in (*mine, *theirs)):
                yield _about(labels, pair, "ship-disagrees", mine[0], iou=iou)
        elif mine and mine[0].counts():
            yield _about(labels, pair, "ship-missing", mine[0])
        elif theirs and theirs[0].counts():
            yield _about(labels, pair, "ship-missing", theirs[0], swapped=True)


def _about(
    labels: Labels,
    pair: Overlap,
    code: str,
    piece: Piece,
    *,
    iou: float = 0.0,
    swapped: bool = False,
) -> Finding:
    """Write a finding; of a missing ship it is about the tile that lacks it."""
    holder, other = (pair.second, pair.first) if swapped else (pair.first, pair.second)
    sign = 1 if swapped else -1
    dx, dy = sign * pair.shift_xy[0], sign * pair.shift_xy[1]
    x0, y0, x1, y1 = labels.ships.box_of(piece.ship)
    shape = labels.table.shape_hw
    here = window_around((x0, y0, x1, y1), shape)
    there = window_around((x0 + dx, y0 + dy, x1 + dx, y1 + dy), shape)
    row = int(labels.rows[piece.ship])
    if code == "ship-missing":
        reason = f"no label here for the ship of {_area(piece)} px in row {row} of '{holder}'"
        return Finding(code, other, reason, row, holder, there, here)
    reason = f"the masks of this ship and of that in '{other}' have an IoU of {iou:.2f}"
    return Finding(code, holder, reason, row, other, here, there)


def _area(piece: Piece) -> int:
    return int(piece.runs[:, 1].sum())


def _clusters(first: list[Piece], second: list[Piece]) -> Iterator[tuple[list[Piece], list[Piece]]]:
    """Part the pieces of two tiles into sets that overlap across the tiles."""
    todo_first, todo_second = list(first), list(second)
    while todo_first or todo_second:
        mine = [todo_first.pop(0)] if todo_first else []
        theirs = [] if mine else [todo_second.pop(0)]
        grown = True
        while grown:
            more = [piece for piece in todo_second if any(_touch(piece, p) for p in mine)]
            todo_second = [piece for piece in todo_second if piece not in more]
            theirs += more
            back = [piece for piece in todo_first if any(_touch(piece, p) for p in theirs)]
            todo_first = [piece for piece in todo_first if piece not in back]
            mine += back
            grown = bool(more or back)
        yield mine, theirs


def _touch(a: Piece, b: Piece) -> bool:
    """Say whether two pieces share a pixel."""
    (ax, ay), (bx, by) = a.at_xy, b.at_xy
    x0, y0 = max(ax, bx), max(ay, by)
    x1 = min(ax + a.mask.shape[1], bx + b.mask.shape[1])
    y1 = min(ay + a.mask.shape[0], by + b.mask.shape[0])
    if x0 >= x1 or y0 >= y1:
        return False
    mine = a.mask[y0 - ay : y1 - ay, x0 - ax : x1 - ax]
    return bool((mine & b.mask[y0 - by : y1 - by, x0 - bx : x1 - bx]).any())


def _iou(mine: list[Piece], theirs: list[Piece], size_hw: tuple[int, int]) -> float:
    masks = [_paint(pieces, size_hw) for pieces in (mine, theirs)]
    return float((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum())


def _paint(pieces: list[Piece], size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    canvas = np.zeros(size_hw, np.bool_)
    for piece in pieces:
        (x, y), (height, width) = piece.at_xy, piece.mask.shape
        canvas[y : y + height, x : x + width] |= piece.mask
    return canvas
