"""What can be wrong with the rows of a label table, checked over all rows at once."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, filterfalse

import numpy as np
import numpy.typing as npt

from shipseg.errors import RleError
from shipseg.labels.table import Fault, offsets_of, take_ranges
from shipseg.rle import Runs, parse_rle
from shipseg.rle_rules import bad_runs, merge_each

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_PLAIN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,254}")
_NUMBERS = re.compile(r"[0-9]+(?: [0-9]+)*")
_ASCII_SPACE = re.compile(r"[ \t\r\n]+")
_MAX_ID_BYTES = 255  # what most file systems allow a name


class Rows:
    """Rows of a label table as columns, and the faults found so far.

    Attributes:
        numbers: Row as a spreadsheet shows it.
        ids: ImageId of each row.
        cells: EncodedPixels of each row.
        image_ids: Unique ImageIds, in the order of first appearance.
        images: ``(rows,)`` int64 index of each row's ImageId in `image_ids`.
        faults: Rows that are set aside.
        spoiled: ImageIds that have to leave the table.
    """

    def __init__(
        self, numbers: list[int], ids: list[str], cells: list[str], *, note_skipped: bool
    ) -> None:
        """Take columns of equal length; `note_skipped` makes faults tell of left out images."""
        self.numbers, self.ids, self.cells = numbers, ids, cells
        # A new key gets the next number as it is looked up, all within C: 0.1 s less.
        index_of: defaultdict[str, int] = defaultdict(count().__next__)
        self.images: Ints = np.fromiter(map(index_of.__getitem__, ids), np.int64, len(ids))
        self.image_ids = list(index_of)
        self.faults: list[Fault] = []
        self.spoiled: set[str] = set()
        self._note_skipped = note_skipped

    def fault(self, row: int, reason: str) -> None:
        """Set the row of an index aside, and all of its image with it."""
        self.fault_at(self.numbers[row], self.ids[row], reason)

    def fault_at(self, number: int, image_id: str, reason: str) -> None:
        """Set aside a row that is not among the columns, and all of its image with it."""
        self.spoiled.add(image_id)
        if image_id and self._note_skipped:
            reason += "; the whole image is left out, for its mask would be wrong"
        self.faults.append(Fault(number, image_id, reason))

    def repeat(self, row: int, first: int) -> None:
        """Set aside a row that says what the row `first` has said; the image's mask stays right."""
        reason = f"the row repeats row {self.numbers[first]}"
        self.faults.append(Fault(self.numbers[row], self.ids[row], reason))


@dataclass(frozen=True, slots=True)
class Ships:
    """Ships as columns.

    Attributes:
        rows: ``(S,)`` index of each ship's row.
        images: ``(S,)`` index of each ship's ImageId.
        runs: ``(R, 2)`` runs of all ships.
        offsets: ``(S + 1,)``; ship ``s`` holds runs ``offsets[s:s + 2]``.
    """

    rows: Ints
    images: Ints
    runs: Runs
    offsets: Ints

    def take(self, which: Ints) -> Ships:
        """Keep some ships, in the order asked for."""
        if np.array_equal(which, np.arange(len(self.rows))):
            return self  # the usual case; it spares a copy of 68 MB for the full Airbus table
        elements, offsets = take_ranges(self.offsets, which)
        return Ships(self.rows[which], self.images[which], self.runs[elements], offsets)

    def runs_of(self, ship: int) -> Runs:
        """Give the runs of one ship."""
        runs: Runs = self.runs[self.offsets[ship] : self.offsets[ship + 1]]
        return runs


def fault_ids(rows: Rows) -> Flags:
    """Fault rows whose ImageId could not be a file name; True for the others."""
    reasons = {
        image_id: reason
        for image_id in filterfalse(_PLAIN_ID.fullmatch, rows.image_ids)
        if (reason := _id_fault(image_id))
    }
    named = np.ones(len(rows.ids), np.bool_)
    if reasons:
        named[:] = [image_id not in reasons for image_id in rows.ids]
    for row in np.flatnonzero(~named).tolist():
        rows.fault(row, reasons[rows.ids[row]])
    return named


def _id_fault(image_id: str) -> str | None:
    if not image_id:
        return "the ImageId is empty"
    if image_id[0] in "=+-@":
        return f"the ImageId starts with '{image_id[0]}', as a spreadsheet formula does"
    if not image_id.isprintable():
        return "the ImageId holds a control character"
    if "/" in image_id or "\\" in image_id or image_id in (".", ".."):
        return "the ImageId is a path, expected a plain file name"
    size = len(image_id.encode())
    if size > _MAX_ID_BYTES:
        return f"the ImageId has {size} bytes, expected at most {_MAX_ID_BYTES}"
    return None


def fault_empty_rows(rows: Rows, *, empty: Flags, filled: Flags) -> None:
    """Fault empty rows of an image that also has a ship, and all but one of several empty rows.

    Args:
        rows: All rows.
        empty: ``(rows,)``, True where EncodedPixels is empty.
        filled: ``(rows,)``, True where it is not.
    """
    first_empty = _first_rows(rows.images, empty)
    first_filled = _first_rows(rows.images, filled)
    wrong = empty & ((first_filled >= 0) | (first_empty != np.arange(len(empty))))
    for row in np.flatnonzero(wrong).tolist():
        if first_filled[row] >= 0:
            ship = rows.numbers[first_filled[row]]
            rows.fault(row, f"the row says no ship, but row {ship} has one")
        else:
            rows.repeat(row, int(first_empty[row]))


def _first_rows(images: Ints, chosen: Flags) -> Ints:
    """Find, for each row, the first chosen row of its image; -1 where there is none."""
    first = np.full(images.max(initial=-1) + 1, -1, np.int64)
    backwards = np.flatnonzero(chosen)[::-1]
    first[images[backwards]] = backwards  # numpy keeps the last of several writes to one place
    return first[images]


def parse_cells(rows: Rows, which: Ints, shape_hw: tuple[int, int]) -> Ships:
    """Parse the cells of some rows together; fault those that `parse_rle` refuses.

    Args:
        rows: All rows.
        which: ``(n,)`` int64 indices of rows whose cell is not empty.
        shape_hw: Height and width of every mask, in pixels.

    Returns:
        The ships of the good rows, in the order of `which`.
    """

    def fault(bad: Ints) -> None:
        for row in bad.tolist():
            rows.fault(row, _rle_fault(rows.cells[row], shape_hw))

    which, runs, offsets = _parse_numbers(rows.cells, which, fault)
    opens = np.zeros(len(runs), np.bool_)
    opens[offsets[:-1]] = True
    bad = bad_runs(runs, shape_hw, opens)
    if bad.any():
        good = ~np.logical_or.reduceat(bad, offsets[:-1])
        fault(which[~good])
        elements, offsets = take_ranges(offsets, np.flatnonzero(good))
        which, runs, opens = which[good], runs[elements], opens[elements]
    runs, opens = merge_each(runs, opens)
    offsets = np.append(np.flatnonzero(opens), len(runs))
    return Ships(which, rows.images[which], runs, offsets)


def _parse_numbers(
    all_cells: list[str], which: Ints, fault: Callable[[Ints], None]
) -> tuple[Ints, Runs, Ints]:
    """Read start and length of all runs: the good rows, their 0-based runs, and offsets."""
    cells = [all_cells[row] for row in which.tolist()]
    raw = " ".join(cells).encode()
    good = np.ones(len(cells), np.bool_)
    tidy = not raw.translate(None, b"0123456789 ") and b"  " not in raw
    if not tidy:
        cells = [_ASCII_SPACE.sub(" ", cell).strip(" ") for cell in cells]
        good[:] = [_NUMBERS.fullmatch(cell) is not None for cell in cells]
    counts = np.array([cell.count(" ") + 1 for cell in cells], np.int64)
    good &= counts % 2 == 0
    if not good.all():
        fault(which[~good])
        cells = [cell for cell, keep in zip(cells, good.tolist(), strict=True) if keep]
        which, counts = which[good], counts[good]
    if len(good) > len(cells) or not tidy:
        raw = " ".join(cells).encode()
    # fromstring holds a number above int64 at its maximum, which then lies past the last pixel.
    runs = np.fromstring(raw, np.int64, counts.sum(), sep=" ").reshape(-1, 2)
    runs[:, 0] -= 1
    return which, runs, offsets_of(counts // 2)


def _rle_fault(cell: str, shape_hw: tuple[int, int]) -> str:
    try:
        parse_rle(cell, shape_hw)
    except RleError as error:
        return error.message
    raise AssertionError("the bulk checks refused a cell that parse_rle accepts")


def fault_repeats(rows: Rows, ships: Ships) -> Ships:
    """Fault rows with the same image and runs as an earlier row, and drop their ships.

    Args:
        rows: All rows.
        ships: Ships sorted by image.

    Returns:
        The ships that are left.
    """
    # Only ships of one image that start on the same pixel can be equal.
    first_px = ships.runs[ships.offsets[:-1], 0]
    order = np.lexsort((first_px, ships.images))
    same = (np.diff(ships.images[order]) == 0) & (np.diff(first_px[order]) == 0)
    if not same.any():
        return ships
    suspects = np.union1d(order[:-1][same], order[1:][same])
    first_row: dict[tuple[str, bytes], int] = {}
    repeats: list[int] = []
    for ship in suspects.tolist():
        row = int(ships.rows[ship])
        first = first_row.setdefault((rows.ids[row], ships.runs_of(ship).tobytes()), row)
        if first != row:
            rows.repeat(row, first)
            repeats.append(ship)
    return ships.take(np.setdiff1d(np.arange(len(ships.rows)), repeats))


def fault_overlaps(rows: Rows, ships: Ships, shape_hw: tuple[int, int]) -> None:
    """Fault each ship that shares a pixel with one of an earlier row of its image.

    Args:
        rows: All rows.
        ships: Ships sorted by image.
        shape_hw: Height and width of every mask, in pixels.
    """
    # With each image's pixels numbered on from the last image's, one sweep serves all images.
    shift = ships.images * (shape_hw[0] * shape_hw[1])
    firsts = ships.runs[ships.offsets[:-1], 0] + shift
    ends = ships.runs[ships.offsets[1:] - 1].sum(axis=1) + shift
    # Ships whose spans from first to last pixel are apart need no look at their runs.
    near = _overlaps(firsts, ends)
    crowded = np.flatnonzero(np.isin(ships.images, ships.images[near.ravel()]))
    elements, offsets = take_ranges(ships.offsets, crowded)
    owners = np.repeat(crowded, np.diff(offsets))
    runs = ships.runs[elements]
    starts = runs[:, 0] + shift[owners]
    pairs = owners[_overlaps(starts, starts + runs[:, 1])]

    # The sweep tells which images have an overlap, not every ship that has one.
    canvas = np.full(shape_hw[0] * shape_hw[1], -1, dtype=np.int64)
    for image in np.unique(ships.images[pairs[:, 0]]).tolist():
        _fault_image(rows, ships, np.flatnonzero(ships.images == image), canvas)


def _fault_image(rows: Rows, ships: Ships, members: Ints, canvas: Ints) -> None:
    """Fault each ship of one image that lies on a pixel of an earlier row's.

    Args:
        rows: All rows.
        ships: Ships sorted by image.
        members: The image's ships.
        canvas: (pixels,) all -1, and again so afterwards.
    """
    painted = []
    for ship in members[np.argsort(ships.rows[members], kind="stable")].tolist():
        runs = ships.runs[ships.offsets[ship] : ships.offsets[ship + 1]]
        pixels = np.repeat(runs[:, 0] - np.cumsum(runs[:, 1]) + runs[:, 1], runs[:, 1])
        pixels += np.arange(len(pixels))
        below = canvas[pixels]
        if (below >= 0).any():
            other = rows.numbers[int(below[below >= 0].min())]
            rows.fault(int(ships.rows[ship]), f"the ship overlaps the one of row {other}")
        canvas[pixels[below < 0]] = ships.rows[ship]
        painted.append(pixels)
    for pixels in painted:
        canvas[pixels] = -1


def _overlaps(starts: Ints, ends: Ints) -> Ints:
    """Find overlapping half-open intervals: ``(k, 2)`` indices, each with one that it runs into.

    Not all pairs are found, but every set of intervals with an overlap gives at least one.
    """
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], ends[order]
    reach = np.maximum.accumulate(ends)
    holders = np.maximum.accumulate(np.where(ends == reach, np.arange(len(ends)), 0))
    hits = np.flatnonzero(starts[1:] < reach[:-1])
    return np.column_stack((order[holders[hits]], order[hits + 1]))
