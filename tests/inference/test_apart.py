"""Straightened neighbours: none has a pixel of another, and none loses what its mask covers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shipseg.inference.apart import keep_apart
from shipseg.inference.straighten import Straightening, straightened
from shipseg.rle import overlap_area

from .hull_masks import SHAPE, rectangle, ship


@given(st.integers(0, 2**32))
def test_ships_stay_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    taken, ships = np.zeros(SHAPE, np.bool_), []
    for _ in range(12):
        mask = rectangle(*rng.uniform((30, 30), (170, 130)), *rng.uniform((20, 6), (50, 12)),
                         rng.uniform(0, 180))  # fmt: skip
        if not (mask & taken).any():
            taken |= mask
            ships.append(ship(mask))
    straight = [straightened(one, Straightening(0.8, 4.0, 0.0)) for one in ships]
    settled = keep_apart(ships, straight)
    for index, (one, drawn, other) in enumerate(zip(settled, ships, straight, strict=True)):
        assert not any(overlap_area(one.runs, later.runs) for later in settled[index + 1 :])
        if other is None or one is drawn:
            assert one is drawn
            continue
        # A rectangle loses to others alone, and none of what its own mask covers.
        lost = other.mask & ~one.mask
        assert not (one.mask & ~other.mask).any()
        assert not (lost & drawn.mask).any()
        assert np.count_nonzero(one.mask) >= 0.8 * np.count_nonzero(other.mask)
        beside = np.zeros(SHAPE, np.bool_)
        for n, (theirs, rectangle_) in enumerate(zip(ships, straight, strict=True)):
            if n != index:
                beside |= theirs.mask if rectangle_ is None else theirs.mask | rectangle_.mask
        assert np.array_equal(lost, other.mask & beside & ~drawn.mask)
    # The order plays no part.
    back = keep_apart(ships[::-1], straight[::-1])[::-1]
    assert [one.rle for one in back] == [one.rle for one in settled]


def test_what_two_rectangles_share_is_neither_s() -> None:
    ships = [ship(rectangle(x, y, 40, 10, 0)) for x, y in ((50, 40), (95, 40), (100, 100))]
    straight = [straightened(one, Straightening(0.8, 6.0, 0.0)) for one in ships]
    settled = keep_apart(ships, straight)
    # 30..70 and 75..115 grow by three pixels: they share 72 and 73.
    spans = [(one.box_xyxy[0], one.box_xyxy[2]) for one in settled[:2]]
    assert spans == [(27, 72), (74, 119)]
    assert settled[2] is straight[2]
    assert keep_apart([], []) == []


def test_a_rectangle_over_another_s_mask_is_none() -> None:
    ships = [ship(rectangle(60, y, 40, 8, 0)) for y in (40, 52)]
    straight = [ship(rectangle(60, 43, 40, 16, 0)), None]
    assert keep_apart(ships, straight) == ships


def test_a_rectangle_that_another_s_mask_cuts_in_two_is_none() -> None:
    ships = [ship(rectangle(60, 40, 40, 8, 0)), ship(rectangle(85.5, 40, 2, 60, 0))]
    straight = [ship(rectangle(64, 40, 52, 8, 0)), None]
    assert keep_apart(ships, straight) == ships
    # As wide a loss at its end leaves it whole.
    ships[1] = ship(rectangle(89.5, 40, 2, 60, 0))
    assert keep_apart(ships, straight)[0].box_xyxy[2] == 89
