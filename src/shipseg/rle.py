"""Kaggle run-length codec: text, runs and masks, without a mask where none is needed.

Kaggle numbers the pixels of an ``(H, W)`` mask from 1, down the columns: pixel ``p`` lies in column
``(p - 1) // H`` and row ``(p - 1) % H``. Its text is ``start length start length ...``. In memory
the same runs are an ``(n, 2)`` int64 array of *0-based* start and length, sorted and disjoint. Runs
that the codec returns are also maximal (no two touch), so that equal masks have equal runs and
equal texts.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from shipseg.errors import RleError, UsageError
from shipseg.rle_rules import (
    TILE_HW,
    Runs,
    check_runs,
    checked_array,
    first_bad_run,
    merge_each,
    one_mask,
    run_error,
    shorten,
    token_error,
)

__all__ = [
    "TILE_HW",
    "Runs",
    "area",
    "box",
    "check_runs",
    "crop",
    "decode_rle",
    "encode_rle",
    "format_rle",
    "iou",
    "mask_to_runs",
    "merge_touching",
    "overlap_area",
    "parse_rle",
    "runs_to_mask",
    "union",
]

_DIGITS_AND_SPACE = b"0123456789 \t\r\n"


def parse_rle(text: str, shape_hw: tuple[int, int] = TILE_HW) -> Runs:
    """Parse Kaggle's run-length text into runs.

    Touching runs (one starts on the pixel after the other's last) are the same mask written
    longer: they are accepted and merged. Overlapping or unsorted runs are not.

    Args:
        text: Whole numbers in ASCII digits, ``start length`` pairs, 1-based and column-major.
            Blank text is the empty mask.
        shape_hw: Height and width of the mask, in pixels.

    Returns:
        ``(n, 2)`` int64 runs, 0-based, sorted, disjoint, maximal.

    Raises:
        RleError: A token is no whole number, one is missing, a start or length is below 1, a run
            passes the last pixel, or runs are unsorted or overlap. The message names the token.

    Examples:
        >>> parse_rle("1 3 10 2").tolist()
        [[0, 3], [9, 2]]
        >>> parse_rle("1 3 4 2").tolist()
        [[0, 5]]
    """
    raw = text.encode("utf-8", "surrogatepass")
    if raw.translate(None, _DIGITS_AND_SPACE):
        raise token_error(text)
    if not raw.strip():
        return np.zeros((0, 2), np.int64)
    # fromstring holds a number above int64 at its maximum, which then lies past the last pixel.
    numbers = np.fromstring(raw, np.int64, sep=" ")
    if numbers.size % 2:
        raise RleError(
            f"token {numbers.size} ('{shorten(text.split()[-1])}') is a start without a length: "
            f"found {numbers.size} numbers, expected an even count",
            hint="Write each run as 'start length'.",
        )
    runs: Runs = numbers.reshape(-1, 2)
    runs[:, 0] -= 1
    index = first_bad_run(runs, shape_hw)
    if index is not None:
        raise run_error(text.split(), index, shape_hw)
    return merge_touching(runs)


def format_rle(runs: Runs) -> str:
    """Format runs as Kaggle's run-length text.

    Args:
        runs: ``(n, 2)`` int64 runs, 0-based.

    Returns:
        ``start length`` pairs, 1-based, separated by one space; ``""`` for no runs.

    Examples:
        >>> format_rle(np.array([[0, 3], [9, 2]]))
        '1 3 10 2'
    """
    numbers = checked_array(runs) + np.array([1, 0])
    return " ".join(map(str, numbers.ravel().tolist()))


def encode_rle(mask: npt.ArrayLike) -> str:
    """Encode a mask as Kaggle's run-length text.

    Args:
        mask: ``(H, W)``, bool or any dtype that holds only 0 and 1.

    Returns:
        The text of the maximal runs; ``""`` for an empty mask.

    Raises:
        RleError: The mask has not two dimensions, or holds another value than 0 and 1.

    Examples:
        >>> encode_rle([[1, 0, 0], [1, 1, 0]])
        '1 2 4 1'
    """
    return format_rle(mask_to_runs(mask))


def decode_rle(
    text_or_runs: str | Runs, shape_hw: tuple[int, int] = TILE_HW
) -> npt.NDArray[np.bool_]:
    """Decode Kaggle's run-length text, or runs, into a mask.

    Args:
        text_or_runs: Kaggle's text, or ``(n, 2)`` int64 runs.
        shape_hw: Height and width of the mask, in pixels.

    Returns:
        ``(H, W)`` bool, C-contiguous.

    Raises:
        RleError: As `parse_rle` says.

    Examples:
        >>> decode_rle("1 2 4 1", (2, 3)).astype(int).tolist()
        [[1, 0, 0], [1, 1, 0]]
    """
    runs = parse_rle(text_or_runs, shape_hw) if isinstance(text_or_runs, str) else text_or_runs
    return runs_to_mask(runs, shape_hw)


def mask_to_runs(mask: npt.ArrayLike) -> Runs:
    """Turn a mask into its maximal runs.

    Args:
        mask: ``(H, W)``, bool or any dtype that holds only 0 and 1.

    Returns:
        ``(n, 2)`` int64 runs, 0-based, column-major.

    Raises:
        RleError: The mask has not two dimensions, or holds another value than 0 and 1.

    Examples:
        >>> mask_to_runs([[1, 0, 0], [1, 1, 0]]).tolist()
        [[0, 2], [3, 1]]
    """
    array = np.asarray(mask)
    if array.ndim != 2:
        raise RleError(f"the mask has shape {array.shape}, expected (H, W)")
    if array.dtype != np.bool_:
        wrong = array[(array != 0) & (array != 1)]
        if wrong.size:
            raise RleError(
                f"the mask of dtype {array.dtype} holds {wrong[0]!s}, expected only 0 and 1",
                hint="Compare with a threshold first, for example mask > 0.",
            )
    # A False before and after makes every run have both edges.
    flat = np.zeros(array.size + 2, np.bool_)
    flat[1:-1] = array.ravel(order="F")
    edges = np.flatnonzero(flat[1:] != flat[:-1]).reshape(-1, 2)
    edges[:, 1] -= edges[:, 0]
    return edges.astype(np.int64, copy=False)


def runs_to_mask(runs: Runs, shape_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Paint runs on a mask.

    Args:
        runs: ``(n, 2)`` int64 runs, 0-based, column-major.
        shape_hw: Height and width of the mask, in pixels.

    Returns:
        ``(H, W)`` bool, C-contiguous.

    Raises:
        RleError: The array is no ``(n, 2)`` of whole numbers, or a run does not fit the shape.

    Examples:
        >>> runs_to_mask(np.array([[0, 2], [3, 1]]), (2, 3)).astype(int).tolist()
        [[1, 0, 0], [1, 1, 0]]
    """
    checked = check_runs(runs, shape_hw)
    mask = np.zeros(shape_hw, np.bool_)
    around = box(checked, shape_hw[0])
    if around is not None:
        # From columns to rows is a slow copy (2.5 ms for a tile), so only the box is turned.
        x0, y0, x1, y1 = around
        mask[y0:y1, x0:x1] = _crop(checked, shape_hw, around)
    return mask


def area(runs: Runs) -> int:
    """Count the pixels of runs.

    Examples:
        >>> area(np.array([[0, 3], [9, 2]]))
        5
    """
    return int(checked_array(runs)[:, 1].sum())


def box(runs: Runs, height: int) -> tuple[int, int, int, int] | None:
    """Find the smallest upright box around runs.

    Args:
        runs: ``(n, 2)`` int64 runs, 0-based, column-major.
        height: Height of the mask, in pixels.

    Returns:
        ``(x0, y0, x1, y1)`` in pixels, half-open: column ``x1`` and row ``y1`` are outside.
        None when there are no runs.

    Examples:
        >>> box(np.array([[1, 2], [5, 1]]), height=4)
        (0, 1, 2, 3)
    """
    checked = checked_array(runs)
    if not len(checked):
        return None
    first = checked[:, 0]
    last = first + checked[:, 1] - 1
    x0, x1 = int(first[0]) // height, int(last[-1]) // height + 1
    if np.any(first // height != last // height):
        # A run over a column's end holds both the bottom row and the top row.
        return x0, 0, x1, height
    return x0, int((first % height).min()), x1, int((last % height).max()) + 1


def merge_touching(runs: Runs) -> Runs:
    """Merge neighbours that touch, in sorted, disjoint runs.

    Args:
        runs: ``(n, 2)`` int64 runs, 0-based.

    Returns:
        ``(n, 2)`` int64 runs, maximal; the same array when none touch.

    Examples:
        >>> merge_touching(np.array([[0, 3], [3, 2]])).tolist()
        [[0, 5]]
    """
    checked = checked_array(runs)
    return merge_each(checked, one_mask(checked))[0]


def union(many: Iterable[Runs]) -> Runs:
    """Unite the pixels of several masks given as runs of one shape.

    Args:
        many: Any number of ``(n, 2)`` int64 runs; they may overlap each other.

    Returns:
        ``(n, 2)`` int64 runs, sorted, disjoint, maximal.

    Examples:
        >>> union([np.array([[0, 3]]), np.array([[2, 4], [9, 1]])]).tolist()
        [[0, 6], [9, 1]]
    """
    parts = [checked_array(runs) for runs in many]
    if not parts:
        return np.zeros((0, 2), np.int64)
    together = np.concatenate(parts)
    together = together[np.argsort(together[:, 0], kind="stable")]
    starts = together[:, 0]
    reach = np.maximum.accumulate(starts + together[:, 1])
    opens = np.ones(len(together), np.bool_)
    opens[1:] = starts[1:] > reach[:-1]
    closes = np.ones(len(together), np.bool_)
    closes[:-1] = opens[1:]
    return np.column_stack((starts[opens], reach[closes] - starts[opens]))


def overlap_area(a: Runs, b: Runs) -> int:
    """Count the pixels that two masks share.

    Args:
        a: ``(n, 2)`` int64 runs.
        b: ``(m, 2)`` int64 runs of the same shape.

    Returns:
        Number of shared pixels.

    Examples:
        >>> overlap_area(np.array([[0, 3]]), np.array([[2, 4]]))
        1
    """
    a, b = checked_array(a), checked_array(b)
    if not len(a) or not len(b) or a[-1].sum() <= b[0, 0] or b[-1].sum() <= a[0, 0]:
        return 0
    return area(a) + area(b) - area(union((a, b)))


def iou(a: Runs, b: Runs) -> float:
    """Compute the intersection over union of two masks.

    ``IoU = |a ∩ b| / |a ∪ b|``; 0.0 when both are empty, for an empty mask is no ship to match.

    Args:
        a: ``(n, 2)`` int64 runs.
        b: ``(m, 2)`` int64 runs of the same shape.

    Returns:
        IoU in [0, 1].

    Examples:
        >>> iou(np.array([[0, 3]]), np.array([[1, 3]]))
        0.5
    """
    shared = overlap_area(a, b)
    together = area(a) + area(b) - shared
    return shared / together if together else 0.0


def crop(
    runs: Runs, shape_hw: tuple[int, int], window_xyxy: tuple[int, int, int, int]
) -> npt.NDArray[np.bool_]:
    """Paint the part of runs inside a window, without making the whole mask.

    Args:
        runs: ``(n, 2)`` int64 runs, 0-based, column-major.
        shape_hw: Height and width of the whole mask, in pixels.
        window_xyxy: ``(x0, y0, x1, y1)`` in pixels, half-open. It may reach over the mask's edges:
            nothing is painted there.

    Returns:
        ``(y1 - y0, x1 - x0)`` bool, C-contiguous.

    Raises:
        RleError: The array is no ``(n, 2)`` of whole numbers, or a run does not fit the shape.
        UsageError: The window has a negative side.

    Examples:
        >>> crop(np.array([[0, 2], [3, 1]]), (2, 3), (0, 1, 2, 2)).astype(int).tolist()
        [[1, 1]]
    """
    x0, y0, x1, y1 = window_xyxy
    if x1 < x0 or y1 < y0:
        raise UsageError(f"window {window_xyxy} has a negative side, expected x0 ≤ x1, y0 ≤ y1")
    return _crop(check_runs(runs, shape_hw), shape_hw, window_xyxy)


def _crop(
    runs: Runs, shape_hw: tuple[int, int], window_xyxy: tuple[int, int, int, int]
) -> npt.NDArray[np.bool_]:
    """Crop runs that are known to fit the shape."""
    x0, y0, x1, y1 = window_xyxy
    columns, tops, bottoms = _split_at_columns(runs, shape_hw[0], x0, x1)
    tops, bottoms = np.maximum(tops, y0), np.minimum(bottoms, y1)
    inside = tops < bottoms
    starts = (columns[inside] - x0) * (y1 - y0) + tops[inside] - y0
    flat = _paint(starts, bottoms[inside] - tops[inside], (x1 - x0) * (y1 - y0))
    return np.ascontiguousarray(flat.reshape(x1 - x0, y1 - y0).T)


def _paint(starts: Runs, lengths: Runs, size: int) -> npt.NDArray[np.bool_]:
    """Make a flat mask from sorted, disjoint runs."""
    counts = np.zeros(2 * len(starts) + 1, np.int64)
    ends = starts + lengths
    counts[0:-1:2] = starts
    counts[2:-1:2] -= ends[:-1]
    counts[1::2] = lengths
    counts[-1] = size - (ends[-1] if len(ends) else 0)
    values = np.zeros(len(counts), np.bool_)
    values[1::2] = True
    return np.repeat(values, counts)


def _split_at_columns(runs: Runs, height: int, x0: int, x1: int) -> tuple[Runs, Runs, Runs]:
    """Cut runs at column ends, for columns x0 to x1: column, top row, bottom row (half-open)."""
    starts = np.maximum(runs[:, 0], x0 * height)
    ends = np.minimum(runs[:, 0] + runs[:, 1], x1 * height)
    inside = starts < ends
    starts, ends = starts[inside], ends[inside]
    first = starts // height
    pieces = (ends - 1) // height - first + 1
    # 0, 1, 2, ... within the pieces of each run.
    steps = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    columns = np.repeat(first, pieces) + steps
    tops = np.maximum(np.repeat(starts, pieces) - columns * height, 0)
    bottoms = np.minimum(np.repeat(ends, pieces) - columns * height, height)
    return columns, tops, bottoms
