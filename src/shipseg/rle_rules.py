"""The rules that runs obey, checked on any number of masks at once, and words for each breach."""

from __future__ import annotations

import re
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shipseg.errors import RleError

Runs: TypeAlias = npt.NDArray[np.int64]
"""``(n, 2)`` int64: 0-based start and length ≥ 1 of each run, column-major, sorted, disjoint."""

TILE_HW = (768, 768)
"""Height and width of an Airbus tile, in pixels."""

_WHOLE_NUMBER = re.compile(r"[0-9]+")
_SHOWN_TOKEN_CHARS = 24


def check_runs(runs: Runs, shape_hw: tuple[int, int]) -> Runs:
    """Check that runs are sorted, disjoint and inside a mask of the given shape.

    Args:
        runs: ``(n, 2)`` int64 runs, 0-based.
        shape_hw: Height and width of the mask, in pixels.

    Returns:
        The runs, as int64.

    Raises:
        RleError: The array is no ``(n, 2)`` of whole numbers, or a run does not fit. The message
            names tokens as Kaggle's text of these runs would have them.

    Examples:
        >>> check_runs(np.array([[0, 3]]), (1, 2))
        Traceback (most recent call last):
        ...
        shipseg.errors.RleError: run 1 ('1 3', tokens 1 and 2) ends past the last pixel, 2, \
of a 1 × 2 mask
    """
    checked = checked_array(runs)
    index = first_bad_run(checked, shape_hw)
    if index is not None:
        tokens = [
            str(number) for start, length in checked.tolist() for number in (start + 1, length)
        ]
        raise run_error(tokens, index, shape_hw)
    return checked


def bad_runs(
    runs: Runs, shape_hw: tuple[int, int], opens: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Mark the runs of many concatenated masks that break a rule.

    Args:
        runs: ``(n, 2)`` int64, 0-based, of any values.
        shape_hw: Height and width of the masks, in pixels.
        opens: ``(n,)`` bool, True where a run is the first of its mask.

    Returns:
        ``(n,)`` bool, True where a run starts before the first pixel, has a length below 1, ends
        past the last pixel, or starts before the end of the run ahead of it.
    """
    pixels = shape_hw[0] * shape_hw[1]
    starts, lengths = runs[:, 0], runs[:, 1]
    bad = (starts < 0) | (lengths < 1)
    # The subtraction cannot wrap where starts ≥ 0, and the sum below only where this is True.
    bad |= lengths > pixels - starts
    bad[1:] |= (starts[1:] < starts[:-1] + lengths[:-1]) & ~opens[1:]
    return bad


def merge_each(runs: Runs, opens: npt.NDArray[np.bool_]) -> tuple[Runs, npt.NDArray[np.bool_]]:
    """Merge neighbours that touch, in the sorted, disjoint runs of many concatenated masks.

    Args:
        runs: ``(n, 2)`` int64, 0-based.
        opens: ``(n,)`` bool, True where a run is the first of its mask.

    Returns:
        Maximal runs and their `opens`; the same arrays when no runs touch.

    Examples:
        >>> runs, opens = merge_each(np.array([[0, 3], [3, 2]]), np.array([True, False]))
        >>> runs.tolist(), opens.tolist()
        ([[0, 5]], [True])
    """
    starts, lengths = runs[:, 0], runs[:, 1]
    kept = opens.copy()
    kept[1:] |= starts[1:] != starts[:-1] + lengths[:-1]
    if kept.all():
        return runs, opens
    merged = np.column_stack((starts[kept], np.add.reduceat(lengths, np.flatnonzero(kept))))
    return merged, opens[kept]


def first_bad_run(runs: Runs, shape_hw: tuple[int, int]) -> int | None:
    """Find the first run that breaks a rule of `bad_runs`; None when all are right."""
    found = np.flatnonzero(bad_runs(runs, shape_hw, one_mask(runs)))
    return int(found[0]) if found.size else None


def one_mask(runs: Runs) -> npt.NDArray[np.bool_]:
    """Mark the first run, as `bad_runs` and `merge_each` want for the runs of one mask."""
    opens = np.zeros(len(runs), np.bool_)
    opens[:1] = True
    return opens


def checked_array(runs: Runs) -> Runs:
    """Check that an array is ``(n, 2)`` of whole numbers; return it as int64."""
    array = np.asarray(runs)
    if array.ndim != 2 or array.shape[1] != 2 or not np.issubdtype(array.dtype, np.integer):
        raise RleError(
            f"runs have shape {array.shape} and dtype {array.dtype}, expected (n, 2) and int64"
        )
    return array.astype(np.int64, copy=False)


def token_error(text: str) -> RleError:
    """Name the first token of a text that is no whole number."""
    tokens = re.split(r"[ \t\r\n]+", text.strip(" \t\r\n"))
    index = next(i for i, token in enumerate(tokens) if not _WHOLE_NUMBER.fullmatch(token))
    return RleError(
        f"token {index + 1} is '{shorten(tokens[index])}', expected a whole number ≥ 1 "
        "in digits 0-9",
        hint="An empty cell, not a word, says that there is no ship.",
    )


def run_error(tokens: list[str], index: int, shape_hw: tuple[int, int]) -> RleError:
    """Say which rule run `index` breaks, in the 1-based terms of its text."""
    height, width = shape_hw
    start, length = tokens[2 * index], tokens[2 * index + 1]
    where = (
        f"run {index + 1} ('{shorten(start)} {shorten(length)}', "
        f"tokens {2 * index + 1} and {2 * index + 2})"
    )
    if _number(start) < 1:
        return RleError(
            f"{where} starts at pixel {shorten(start)}, expected a start ≥ 1",
            hint="Kaggle counts pixels from 1; add 1 to each start counted from 0.",
        )
    if _number(length) < 1:
        return RleError(f"{where} has the length {shorten(length)}, expected a length ≥ 1")
    if _number(start) + _number(length) - 1 > height * width:
        return RleError(
            f"{where} ends past the last pixel, {height * width}, of a {height} × {width} mask"
        )
    before, before_length = _number(tokens[2 * index - 2]), _number(tokens[2 * index - 1])
    if _number(start) < before:
        return RleError(
            f"{where} starts before run {index}, which starts at pixel {before}; "
            "expected runs sorted by start"
        )
    return RleError(
        f"{where} overlaps run {index}, which ends at pixel {before + before_length - 1}"
    )


def _number(token: str) -> int:
    # By its settings, Python refuses int() from 640 digits on. Such a number lies past any mask.
    return int(token) if len(token) <= 600 else 10**600


def shorten(token: str) -> str:
    """Make a token fit for a message."""
    if len(token) > _SHOWN_TOKEN_CHARS:
        token = f"{token[:_SHOWN_TOKEN_CHARS]}…"
    # A NUL or an escape sequence in a file must not reach a terminal.
    return token if token.isprintable() else ascii(token)[1:-1]
