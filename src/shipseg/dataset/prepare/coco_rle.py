"""COCO's run lengths, which count down the columns as Kaggle's do, but zeros and ones in turn."""

from __future__ import annotations

import numpy as np

from shipseg.rle import Runs


def counts_of(runs: Runs, shape_hw: tuple[int, int]) -> list[int]:
    """Give COCO's counts of a mask: zeros, ones, zeros, ones, ... down the columns.

    Args:
        runs: ``(n, 2)`` int64 runs, sorted, disjoint, maximal.
        shape_hw: Height and width of the mask, in pixels.

    Returns:
        Counts that add up to the mask's pixels; the first is 0 where the first pixel is ship.

    Examples:
        >>> counts_of(np.array([[0, 2], [3, 1]]), (2, 3))
        [0, 2, 1, 1, 2]
    """
    starts, ends = runs[:, 0], runs.sum(axis=1)
    edges = np.column_stack((starts, ends)).ravel()
    pixels = shape_hw[0] * shape_hw[1]
    counts: list[int] = np.diff(edges, prepend=0, append=pixels).tolist()
    # A mask that ends in ship has no zeros after it.
    return counts[:-1] if len(counts) > 1 and counts[-1] == 0 else counts


def compress(counts: list[int]) -> str:
    """Write counts as the text that pycocotools calls compressed.

    From the fourth on, a count is written as the difference to the one before the last. Each number
    becomes digits of 5 bits, the lowest first, in characters from `0` on; the sixth bit says that
    more digits follow. It is `rleToString` of the COCO API's `maskApi.c`.

    Examples:
        >>> compress([0, 2, 1, 1, 2])
        '021O1'
    """
    text = bytearray()
    for index, count in enumerate(counts):
        number = count - counts[index - 2] if index > 2 else count
        more = True
        while more:
            digit = number & 0x1F
            number >>= 5
            # The digit's top bit is the sign once no digit follows.
            more = number != (-1 if digit & 0x10 else 0)
            text.append((digit | 0x20 if more else digit) + 48)
    return text.decode("ascii")
