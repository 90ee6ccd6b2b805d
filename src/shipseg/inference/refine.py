"""Refine rectangles: a third network looks at each hull and says where its sides are.

The segmenter's outline is as sure as its map is sharp, and a pixel too many on either side of a
boat is a fifth of it. The refiner sees one hull at a time, large and level, and answers in shares
of what it sees (`shipseg.imaging.hull_view`). Proposals that are bettered step by step, by what was
learnt from truth moved at random: Cai and Vasconcelos, Cascade R-CNN, 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from shipseg.imaging.hull_view import hull_at, hull_view, unmirrored, window_of
from shipseg.imaging.tiling import Window
from shipseg.inference.runtime import RefinerSession
from shipseg.rectangle import Rectangle

Read = Callable[[Window], npt.NDArray[np.uint8]]
"""Gives the (h, w, 3) uint8 pixels of a window of the picture."""

# Each pass looks from where the one before it came to, mirrored so that no two views are alike.
# On the validation tiles one view once gains most of it, these two a little more, and four no more.
_PASSES = (((1, 1),), ((-1, -1),))
# To choose between many, one view moves each, and another tells how well it then fits.
_MOVE, _JUDGE = (1, 1), (-1, 1)
# A proposal that would have to move further was none: sides by 2, the middle by half a side, and
# the ends by a width to the side.
_MOST_TIMES, _MOST_SHARE = 2.0, 0.5


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
            answers = self._session(views)[0].astype(np.float64)
            if not np.isfinite(answers).all():
                return rectangle
            sides = np.mean(
                [unmirrored(one, mirror) for one, mirror in zip(answers, mirrors, strict=True)],
                axis=0,
            )
            before, refined = refined, hull_at(refined, sides)
            if not _is_near(before, refined):
                return rectangle
        return replace(refined, centre_xy=refined.centre_xy + self._shift_px)

    def fit(self, drawn: Rectangle, read: Read, shape_hw: tuple[int, int]) -> float:
        """Return the IoU, 0..1, that is to be expected of a rectangle with a ship.

        Args:
            drawn: In pixels of the picture, where the truth would be.
            read: Gives the picture's pixels.
            shape_hw: Height and width of the picture.
        """
        there = replace(drawn, centre_xy=drawn.centre_xy - self._shift_px)
        _, fits = self._session(_views([there], _MOVE, read, shape_hw))
        return float(np.nan_to_num(fits[0]))

    def judged(
        self, rectangles: Sequence[Rectangle], read: Read, shape_hw: tuple[int, int]
    ) -> list[tuple[Rectangle, float]]:
        """Move rectangles by one look each, and say how well each fits a ship then.

        Args:
            rectangles: In pixels of the picture.
            read: Gives the picture's pixels.
            shape_hw: Height and width of the picture.

        Returns:
            Of each a better one, where the pixels are and not where the truth would be, or the same
            where the network would move it too far; and the IoU, 0..1, to be expected of it with a
            ship, 0 where the network gives no number.
        """
        if not rectangles:
            return []
        sides, _ = self._session(_views(rectangles, _MOVE, read, shape_hw))
        moved = [
            _moved(rectangle, unmirrored(one, _MOVE))
            for rectangle, one in zip(rectangles, sides.astype(np.float64), strict=True)
        ]
        _, fits = self._session(_views(moved, _JUDGE, read, shape_hw))
        return list(zip(moved, np.nan_to_num(fits).tolist(), strict=True))


def _views(
    rectangles: Sequence[Rectangle], mirror: tuple[int, int], read: Read, shape_hw: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    windows = [window_of(rectangle, shape_hw) for rectangle in rectangles]
    return np.stack([
        hull_view(read(window), window, rectangle, mirror)
        for window, rectangle in zip(windows, rectangles, strict=True)
    ])  # fmt: skip


def _moved(rectangle: Rectangle, sides: npt.NDArray[np.float64]) -> Rectangle:
    if not np.isfinite(sides).all():
        return rectangle
    moved = hull_at(rectangle, sides)
    return moved if _is_near(rectangle, moved) else rectangle


def _is_near(before: Rectangle, after: Rectangle) -> bool:
    """Tell whether a rectangle is still at the hull."""
    along, across = np.abs(before.from_middle(after.centre_xy[None]))[0]
    turn = abs(float(after.along @ before.across)) * before.length
    return bool(
        along <= _MOST_SHARE * before.length
        and across <= _MOST_SHARE * before.width
        and turn <= before.width
        and before.length <= _MOST_TIMES * after.length
        and after.length <= _MOST_TIMES * before.length
        and before.width <= _MOST_TIMES * after.width
        and after.width <= _MOST_TIMES * before.width
    )
