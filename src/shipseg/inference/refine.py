"""Refine rectangles: a third network looks at each hull and says how its rectangle has to move.

The segmenter's outline is as sure as its map is sharp, and a pixel too many on either side of a
boat is a fifth of it. The refiner sees one hull at a time, large and level
(`shipseg.imaging.hull_view`), and answers in shares of its length and width. Proposals that are
bettered step by step, by what was learnt from truth moved at random: Cai and Vasconcelos, Cascade
R-CNN, 2018.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from shipseg.imaging.hull_view import hull_view, window_of
from shipseg.imaging.tiling import Window
from shipseg.inference.runtime import RefinerSession
from shipseg.rectangle import Rectangle

Read = Callable[[Window], npt.NDArray[np.uint8]]
"""Gives the (h, w, 3) uint8 pixels of a window of the picture."""

# Each pass looks from where the one before it came to, mirrored so that no two views are alike.
# On the validation tiles one view once gains most of it; these four, a little more.
_PASSES = (((1, 1), (-1, -1)), ((-1, 1), (1, -1)))
# A proposal that would have to move further was none: lengths by 2, the middle by half a side.
_MOST_LOG, _MOST_SHARE = np.log(2.0), 0.5


class Refiner:
    """Move rectangles to the hulls beneath them. Safe to call from several threads.

    Args:
        session: The bundle's graph.
        shift_px: By how much the truth that it learnt from lies right of and below the pixels; what
            is found is drawn where that truth would be.
    """

    def __init__(self, session: RefinerSession, shift_px: float) -> None:
        self._session, self._shift_px = session, shift_px

    def __call__(self, rectangle: Rectangle, read: Read, shape_hw: tuple[int, int]) -> Rectangle:
        """Refine one rectangle.

        Args:
            rectangle: In pixels of the picture.
            read: Gives the picture's pixels.
            shape_hw: Height and width of the picture.

        Returns:
            A better one; the same where the network would move it so far that it was none.
        """
        refined = rectangle
        for mirrors in _PASSES:
            window = window_of(refined, shape_hw)
            rgb = read(window)
            views = np.stack([hull_view(rgb, window, refined, mirror) for mirror in mirrors])
            moves = self._session(views).astype(np.float64)
            # Back from the mirrored frames: a turn changes sense with either.
            signs = np.array([(u, v, 1, 1, u * v) for u, v in mirrors])
            move = (moves * signs).mean(axis=0)
            # Written so that NaN fails as well.
            limits = (_MOST_SHARE, _MOST_SHARE, _MOST_LOG, _MOST_LOG, 1.0)
            if not (np.abs(move) <= limits).all():
                return rectangle
            refined = moved(refined, move)
        return replace(refined, centre_xy=refined.centre_xy + self._shift_px)


def moved(rectangle: Rectangle, move: npt.NDArray[np.float64]) -> Rectangle:
    """Move a rectangle as the refiner says.

    Args:
        rectangle: Any.
        move: (5,) float64: how far along in its lengths and across in its widths, the logarithms of
            the ratios of length and width, and the turn in radians times length over width, from
            along towards across.
    """
    along, across, longer, wider, turn = move
    angle = turn * rectangle.width / rectangle.length
    cos, sin = np.cos(angle), np.sin(angle)
    return Rectangle(
        rectangle.centre_xy
        + along * rectangle.length * rectangle.along
        + across * rectangle.width * rectangle.across,
        cos * rectangle.along + sin * rectangle.across,
        cos * rectangle.across - sin * rectangle.along,
        float(rectangle.length * np.exp(longer)),
        float(rectangle.width * np.exp(wider)),
    )
