from __future__ import annotations

import math

import numpy as np
import pytest

from shipseg.scores import Calibration, Evidence, Objectness, Scoring


def sigmoid(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def test_a_calibration_by_hand() -> None:
    calibration = Calibration(-1.0, 0.5, 0.25, 2.0, 0.125)
    plain = -1 + math.log(0.8 / 0.2) / 2 + 0.25 * math.log(0.144)
    assert float(calibration(Evidence(0.8, 144))) == pytest.approx(sigmoid(plain))
    both = plain + 2 * math.log(0.7 / 0.3) + math.log(0.1 / 0.9) / 8
    assert float(calibration(Evidence(0.8, 144, 0.7, 0.1))) == pytest.approx(sigmoid(both))


def test_nothing_is_certain() -> None:
    calibration = Calibration(0.0, 1.0, 0.0, 1.0, 1.0)
    assert 0 < calibration(Evidence(0.0, 100, 0.0, 0.0)) < 1e-9
    assert 1 - 1e-9 < calibration(Evidence(1.0, 100, 1.0, 1.0)) < 1


def test_several_ships_are_weighed_as_each() -> None:
    calibration = Calibration(-0.5, 0.7, 0.4, 0.8, 0.3)
    ships = [Evidence(0.9, 200, 0.6, 0.2), Evidence(0.6, 4000, 0.1, 0.9)]
    together = calibration(Evidence.of_all(ships))
    np.testing.assert_allclose(together, [float(calibration(ship)) for ship in ships])
    # What one lacks, all lack.
    assert Evidence.of_all([*ships, Evidence(0.5, 60)]).fit is None
    assert Evidence.of_all([]).features().shape == (0, 4)


def test_what_too_little_speaks_for_has_no_score() -> None:
    by_cell = Calibration(0.0, 0.0, 0.0, 0.0, 1.0)
    scoring = Scoring(Calibration(0.0, 1.0, 0.0), Objectness(by_cell, 0.3))
    assert scoring(Evidence(0.8, 100, None, 0.29)) is None
    assert scoring(Evidence(0.8, 100, None, 0.31)) == pytest.approx(0.8)
    assert scoring(Evidence(0.8, 100)) == pytest.approx(0.8)


def test_without_a_calibration_the_mean_is_the_score() -> None:
    assert Scoring()(Evidence(0.625, 100, 0.1, 0.0)) == 0.625
