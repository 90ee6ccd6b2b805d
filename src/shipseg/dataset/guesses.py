"""Wrong rectangles to learn from: hulls as segmenters draw them, and what is no one hull at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from shipseg.rectangle import Rectangle, rectangle_around, rectangle_at, rectangles_iou

# Guesses are near, as usual or far off: by how much all that follows is multiplied, and how often.
_SCALES, _SCALE_SHARES = (0.4, 1.0, 1.8), (0.3, 0.5, 0.2)
# Mean and deviation of the logarithm of the sides' ratios: segmenters draw ships a little short and
# wide.
_LENGTH_LOG, _WIDTH_LOG = (-0.03, 0.09), (0.05, 0.17)
# Deviation of the middle: a share of the side and some pixels.
_ALONG, _ACROSS = (0.035, 0.6), (0.07, 0.5)
# Deviation of the heading in radians, and what a square ship has more than a needle.
_TURN, _TURN_STOUT = 0.035, 0.075
# The least sides of a guess: in pixels, and the length as a share of the width.
_LEAST_LENGTH_PX, _LEAST_WIDTH_PX, _LEAST_RATIO = 4.0, 2.5, 0.8

# Ships lie beside each other where their rectangles, longer and wider by so much, meet.
_BESIDE_PX = 6.0
# How often what is no one hull was drawn by a segmenter; otherwise, how often it lies anywhere, and
# how often it holds two ships.
_MINED, _ANYWHERE, _BOTH = 0.5, 0.3, 0.35
# A rectangle that is nobody's keeps clear of the tile's edge.
_RIM_PX = 20


def draw_guess(truth: Rectangle, rng: np.random.Generator) -> Rectangle:
    """Draw a rectangle that is wrong the way a segmenter's are.

    Args:
        truth: The true one.
        rng: Decides.

    Returns:
        Another one, its short axis a quarter turn from x towards y behind the long one.
    """
    scale = rng.choice(_SCALES, p=_SCALE_SHARES)
    length = truth.length * math.exp(scale * rng.normal(*_LENGTH_LOG))
    width = truth.width * math.exp(scale * rng.normal(*_WIDTH_LOG))
    length = max(length, width * _LEAST_RATIO, _LEAST_LENGTH_PX)
    width = max(width, _LEAST_WIDTH_PX)
    along = scale * rng.normal(0, _ALONG[0] * truth.length + _ALONG[1])
    across = scale * rng.normal(0, _ACROSS[0] * truth.width + _ACROSS[1])
    stout = min(1.0, truth.width / truth.length)
    heading = truth.heading_rad + scale * rng.normal(0, _TURN + _TURN_STOUT * stout)
    centre = truth.centre_xy + along * truth.along + across * truth.across
    return rectangle_at(centre, heading, length, width)


def fit_of(guess: Rectangle, ships: Sequence[Rectangle]) -> float:
    """Return the IoU, 0..1, of a guess with the ship that it fits best; 0 where there is none."""
    return max((rectangles_iou(guess, ship) for ship in ships), default=0.0)


class WrongGuesses:
    """Rectangles that fit no ship well: two ships in one, parts of one, water beside one, quays.

    Args:
        ships: Of each tile, the rectangles of all of its ships; there has to be one.
        mined: What a segmenter drew, right or wrong: tile and rectangle.
        shape_hw: Height and width of a tile.
    """

    def __init__(
        self,
        ships: Sequence[Sequence[Rectangle]],
        mined: Sequence[tuple[int, Rectangle]],
        shape_hw: tuple[int, int],
    ) -> None:
        self._all = [(tile, ship) for tile, those in enumerate(ships) for ship in those]
        self._pairs = [
            (tile, one, other)
            for tile, those in enumerate(ships)
            for number, one in enumerate(those)
            for other in those[:number]
            if rectangles_iou(_larger(one), _larger(other)) > 0
        ]
        self._tiles, self._mined, self._shape_hw = len(ships), mined, shape_hw

    def draw(self, rng: np.random.Generator) -> tuple[int, Rectangle]:
        """Draw a tile and a rectangle on it."""
        if self._mined and rng.random() < _MINED:
            tile, guess = self._mined[int(rng.integers(len(self._mined)))]
        else:
            tile, guess = self._drawn(rng)
        return tile, draw_guess(guess, rng) if rng.random() < 0.5 else _upright(guess)

    def _drawn(self, rng: np.random.Generator) -> tuple[int, Rectangle]:
        tile, ship = self._all[int(rng.integers(len(self._all)))]
        if rng.random() < _ANYWHERE:
            # On the ship's own tile or on any other, with the form of another ship.
            tile = tile if rng.random() < 0.5 else int(rng.integers(self._tiles))
            _, form = self._all[int(rng.integers(len(self._all)))]
            height, width = self._shape_hw
            centre = rng.uniform(_RIM_PX, (width - _RIM_PX, height - _RIM_PX))
            return tile, rectangle_at(centre, rng.uniform(0, math.pi), form.length, form.width)
        if self._pairs and rng.random() < _BOTH:
            tile, one, other = self._pairs[int(rng.integers(len(self._pairs)))]
            both = rectangle_around(np.concatenate([one.corners_xy, other.corners_xy]))
            return tile, both if rng.random() < 0.7 else _between(one, both)
        return tile, _SPOILT[int(rng.integers(len(_SPOILT)))](ship, rng)


Spoil = Callable[[Rectangle, np.random.Generator], Rectangle]


def _side(rng: np.random.Generator) -> int:
    return 1 - 2 * int(rng.integers(2))


def _part_along(ship: Rectangle, rng: np.random.Generator) -> Rectangle:
    share = rng.uniform(0.3, 0.7)
    ahead = _side(rng) * ship.length * (1 - share) / 2
    return replace(ship, centre_xy=ship.centre_xy + ahead * ship.along, length=ship.length * share)


def _part_across(ship: Rectangle, rng: np.random.Generator) -> Rectangle:
    share = rng.uniform(0.35, 0.7)
    aside = _side(rng) * ship.width * (1 - share) / 2
    return replace(ship, centre_xy=ship.centre_xy + aside * ship.across, width=ship.width * share)


def _with_water(ship: Rectangle, rng: np.random.Generator) -> Rectangle:
    times = rng.uniform(1.4, 2.2)
    aside = _side(rng) * ship.width * (times - 1) / 2
    return replace(ship, centre_xy=ship.centre_xy + aside * ship.across, width=ship.width * times)


def _beside(ship: Rectangle, rng: np.random.Generator) -> Rectangle:
    aside = _side(rng) * ship.width * rng.uniform(0.7, 1.3)
    ahead = ship.length * rng.normal(0, 0.15)
    return replace(ship, centre_xy=ship.centre_xy + aside * ship.across + ahead * ship.along)


def _ahead(ship: Rectangle, rng: np.random.Generator) -> Rectangle:
    ahead = _side(rng) * ship.length * rng.uniform(0.6, 1.2)
    return replace(ship, centre_xy=ship.centre_xy + ahead * ship.along)


_SPOILT: tuple[Spoil, ...] = (_part_along, _part_across, _with_water, _beside, _ahead)


def _between(one: Rectangle, both: Rectangle) -> Rectangle:
    """Return what reaches from one ship half into the other."""
    return rectangle_at(
        (one.centre_xy + both.centre_xy) / 2, one.heading_rad,
        (one.length + both.length) / 2, (one.width + both.width) / 2,
    )  # fmt: skip


def _larger(ship: Rectangle) -> Rectangle:
    return replace(ship, length=ship.length + _BESIDE_PX, width=ship.width + _BESIDE_PX)


def _upright(guess: Rectangle) -> Rectangle:
    """Return a guess with its long side along it, of one hand, and large enough to be seen."""
    long, short = guess.length, guess.width
    turn = 0.0 if long >= short else math.pi / 2
    return rectangle_at(
        guess.centre_xy, guess.heading_rad + turn,
        max(long, short, _LEAST_LENGTH_PX), max(min(long, short), _LEAST_WIDTH_PX),
    )  # fmt: skip
