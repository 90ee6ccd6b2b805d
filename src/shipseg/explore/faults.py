"""Kinds of label faults: many rows, few reasons."""

from __future__ import annotations

import re

# In this order: the first that is found in a reason names its kind.
_KINDS = (
    ("repeats row", "the row repeats another one"),
    ("overlaps the one of", "two ships of one tile overlap"),
    ("says no ship", "an empty row of a tile that has a ship"),
    ("columns, expected", "another number of columns"),
    ("ImageId", "an ImageId that is no file name"),
    ("past the last pixel", "a run past the last pixel"),
    ("starts before run", "runs out of order"),
    ("overlaps run", "runs that overlap within a mask"),
    ("has the length", "a run of length 0"),
    ("starts at pixel", "a run before the first pixel"),
    ("without a length", "a start without a length"),
    ("whole number", "a token that is no number"),
)


def kind_of(reason: str) -> str:
    """Name the kind of a fault's reason, without rows and numbers.

    Examples:
        >>> kind_of("the row repeats row 12")
        'the row repeats another one'
    """
    for mark, kind in _KINDS:
        if mark in reason:
            return kind
    return re.sub(r"\d+", "#", reason)
