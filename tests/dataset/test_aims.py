"""Where crops are cut: around ships, on empty ground, or away from the ships of their tile."""

from __future__ import annotations

import numpy as np
import pytest

from shipseg.dataset.aims import Aims
from shipseg.dataset.donors import Donors
from shipseg.dataset.salvage import Salvage

from .conftest import HW

SIDE = 32.0


def aims_of(source, **changed) -> Aims:
    salvage = Salvage(source)
    shares = {"empty_share": 0.0, "elsewhere_share": 0.0, "busiest_of": 1, **changed}
    return Aims(source, salvage, Donors(source, salvage), **shares)


def drawn(aims: Aims, count: int = 200) -> list[tuple[str, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [aims.draw(SIDE, rng) for _ in range(count)]


@pytest.mark.parametrize(("empty", "elsewhere"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.3), (0.4, 0.4)])
def test_the_shares_of_what_is_aimed_at(source, empty, elsewhere) -> None:
    on_empty = beside = 0
    for image_id, _rgb, (x, y) in drawn(
        aims_of(source, empty_share=empty, elsewhere_share=elsewhere)
    ):
        if not source.table.has_ships(image_id):
            on_empty += 1
            continue
        ys, xs = np.nonzero(source.mask(image_id, (0, 0, HW[1], HW[0])))
        # A crop around a ship has it within its outer tenth.
        beside += max(np.abs(xs - x).min(), np.abs(ys - y).min()) > 0.45 * SIDE
    assert on_empty / 200 == pytest.approx(empty, abs=0.1)
    # Not all places anywhere on a tile are far from its ships.
    assert beside / 200 <= elsewhere + 0.1
    assert beside > 0 or not elsewhere


def test_of_many_places_the_one_with_most_contrast(source) -> None:
    def contrast(busiest_of: int) -> float:
        aims = aims_of(source, elsewhere_share=0.99, busiest_of=busiest_of)
        return float(np.mean([
            rgb[max(0, int(y) - 16) : int(y) + 17, max(0, int(x) - 16) : int(x) + 17].std()
            for _, rgb, (x, y) in drawn(aims)
        ]))  # fmt: skip

    assert contrast(6) > 1.3 * contrast(1)
