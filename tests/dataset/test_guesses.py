"""Wrong rectangles: off the way that segmenters' are, or around what is no one hull."""

from __future__ import annotations

import numpy as np
import pytest

from shipseg.dataset.guesses import WrongGuesses, draw_guess, fit_of
from shipseg.rectangle import Rectangle, rectangle_at

HW = (300, 400)


def ship(x: float, y: float, heading: float, length: float, width: float) -> Rectangle:
    return rectangle_at(np.array([x, y]), heading, length, width)


class TestGuesses:
    def test_they_are_off_the_way_they_are_meant_to_be(self):
        truth = ship(50, 50, 0.7, 80, 20)
        rng = np.random.default_rng(0)
        guesses = [draw_guess(truth, rng) for _ in range(4000)]
        longer = np.log([g.length / truth.length for g in guesses])
        wider = np.log([g.width / truth.width for g in guesses])
        off = np.array([truth.from_middle(g.centre_xy[None])[0] for g in guesses])
        turn = np.array([g.heading_rad - truth.heading_rad for g in guesses])
        # The mean of the scales is 0.98, the root of the mean of their squares 1.094.
        assert longer.mean() == pytest.approx(-0.03 * 0.98, abs=0.006)
        assert wider.mean() == pytest.approx(0.05 * 0.98, abs=0.012)
        assert longer.std() == pytest.approx(0.09 * 1.094, rel=0.08)
        assert wider.std() == pytest.approx(0.17 * 1.094, rel=0.08)
        assert off.std(axis=0) == pytest.approx(np.array([3.4, 1.9]) * 1.094, rel=0.08)
        assert turn.std() == pytest.approx((0.035 + 0.075 / 4) * 1.094, rel=0.08)

    def test_a_boat_keeps_sides_that_can_be_looked_at(self):
        rng = np.random.default_rng(1)
        boat = ship(50, 50, 3.1, 4.5, 3.0)
        for guess in (draw_guess(boat, rng) for _ in range(500)):
            assert guess.length >= 4
            assert guess.width >= 2.5


class TestFit:
    def test_it_is_that_of_the_ship_that_fits_best(self):
        ships = [ship(100, 100, 0.0, 60, 20), ship(200, 100, 1.0, 60, 20)]
        assert fit_of(ships[1], ships) == pytest.approx(1)
        # Half of a ship aside: what is shared is a third of both.
        assert fit_of(ship(100, 110, 0.0, 60, 20), ships) == pytest.approx(1 / 3)

    def test_nothing_fits_where_no_ship_is(self):
        assert fit_of(ship(100, 100, 0.0, 60, 20), []) == 0
        assert fit_of(ship(100, 100, 0.0, 60, 20), [ship(300, 100, 0.0, 60, 20)]) == 0


class TestWrongGuesses:
    # Two barges side by side on one tile, a ship alone on another, nothing on the third.
    ships = (
        (ship(100, 100, 0.3, 60, 15), ship(104, 85, 0.3, 60, 15)),
        (ship(200, 150, 2, 80, 20),),
        (),
    )

    def drawn(self, mined=(), count: int = 400) -> list[tuple[int, Rectangle]]:
        rng = np.random.default_rng(4)
        wrong = WrongGuesses(self.ships, mined, HW)
        return [wrong.draw(rng) for _ in range(count)]

    def test_few_fit_a_ship_well_and_some_fit_half(self):
        fits = np.array([fit_of(guess, self.ships[tile]) for tile, guess in self.drawn()])
        assert (fits > 0.8).mean() < 0.03
        assert (fits < 0.05).mean() > 0.2
        assert ((fits > 0.3) & (fits < 0.7)).mean() > 0.3

    def test_some_hold_both_of_two_neighbours(self):
        def holds(guess: Rectangle, one: Rectangle) -> bool:
            off = np.abs(guess.from_middle(one.centre_xy[None]))[0]
            return bool((off < (guess.length / 2, guess.width / 2)).all())

        both = [
            guess
            for tile, guess in self.drawn()
            if tile == 0 and all(holds(guess, one) for one in self.ships[0])
        ]
        assert len(both) > 20

    def test_a_tile_without_ships_is_looked_at_too(self):
        assert {tile for tile, _ in self.drawn()} == {0, 1, 2}

    def test_half_is_what_a_segmenter_drew(self):
        mined = ship(50, 250, 1.0, 33, 11)
        there = [
            np.hypot(*(guess.centre_xy - mined.centre_xy)) < 12
            for _, guess in self.drawn([(2, mined)])
        ]
        assert np.mean(there) == pytest.approx(0.5, abs=0.08)

    def test_all_can_be_looked_at(self):
        for _, guess in self.drawn([(2, ship(50, 250, 1.0, 3.0, 1.0))]):
            assert guess.length >= 4
            assert guess.width >= 2.5
            assert guess.across @ guess.along == pytest.approx(0)
            # Of one hand.
            assert guess.along[0] * guess.across[1] - guess.along[1] * guess.across[0] > 0.99

    def test_without_neighbours_nothing_holds_two(self):
        rng = np.random.default_rng(0)
        wrong = WrongGuesses([self.ships[1]], [], HW)
        assert all(wrong.draw(rng)[0] == 0 for _ in range(50))
