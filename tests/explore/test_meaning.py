from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shipseg.explore.figures import Figures, figures_of
from shipseg.explore.looks import TileLook, look_figures
from shipseg.explore.meaning import Advice, advice_of
from shipseg.imaging.look import Look
from shipseg.labels import LabelTable

from .test_figures import box


def figures(*, ships: int, empty: int, width: int = 8) -> Figures:
    tiles = {f"s{i}.jpg": [box(20, 10 + i % 5, 20 + width, 50)] for i in range(ships)}
    return figures_of(
        LabelTable.from_ships(tiles | {f"e{i}.jpg": [] for i in range(empty)}, (64, 64))
    )


def advice(found: list[Advice], topic: str) -> Advice:
    return next(item for item in found if item.topic == topic)


def test_the_balance_of_tiles_decides_what_is_said() -> None:
    rare = advice(advice_of(figures(ships=2, empty=18)), "Balance of tiles")
    assert "2 of 20 tiles hold a ship, 10.0 %" in rare.finding
    assert "always answers 'no ship' is right on 90.0 %" in rare.means
    assert "9.0 empty tiles for each" in rare.means
    common = advice(advice_of(figures(ships=18, empty=2)), "Balance of tiles")
    assert "always answers 'ship'" in common.means
    even = advice(advice_of(figures(ships=5, empty=5)), "Balance of tiles")
    assert "about as frequent" in even.means


def test_thin_ships_speak_against_shrinking() -> None:
    thin = advice(advice_of(figures(ships=3, empty=1, width=5)), "Resolution")
    assert "lose their small ships" in thin.means
    assert "0.0 % at 64 px" in thin.finding
    assert "100.0 % at 32 px" in thin.finding
    stout = advice(advice_of(figures(ships=3, empty=1, width=30)), "Resolution")
    assert "without losing" in stout.means


def test_directions_are_told_from_their_strength() -> None:
    lined = figures(ships=40, empty=0)
    assert "more frequent than others" in advice(advice_of(lined), "Directions").means
    weak = replace(lined, headings=replace(lined.headings, strength=0.02))
    assert "All directions are alike" in advice(advice_of(weak), "Directions").means
    few = figures(ships=5, empty=0)
    assert "Directions" not in [item.topic for item in advice_of(few)]


@pytest.mark.parametrize(("unevenness", "words"), [(1.1, "says nothing"), (20.0, "where to look")])
def test_places_are_told_from_their_unevenness(unevenness: float, words: str) -> None:
    base = figures(ships=3, empty=0)
    tiles = replace(base.tiles, ships=5000)
    positions = replace(base.positions, unevenness=unevenness, rim_to_inside=0.6)
    found = advice_of(replace(base, tiles=tiles, positions=positions))
    assert words in advice(found, "Positions").means


def test_light_files_and_sizes_are_told_where_tiles_were_read() -> None:
    looks = [TileLook("s0.jpg", (64, 64), Look(120.0, 50.0))]
    looks += [TileLook("e0.jpg", (32, 64), Look(40.0, 20.0)), TileLook("e1.jpg", None, None, "x")]
    read = look_figures(looks, ["s0.jpg"], of=3, missing=2)
    found = advice_of(figures(ships=1, empty=2), read)
    assert "guess from the brightness" in advice(found, "Light").means
    assert "1 tiles cannot be read, and 2 have no file" in advice(found, "Files").finding
    assert "1 of 32 × 64 px" in advice(found, "Tile sizes").finding


def test_every_finding_holds_a_number() -> None:
    found = advice_of(figures(ships=40, empty=60))
    assert len(found) >= 6
    assert all(any(c.isdigit() for c in item.finding) for item in found)
    assert np.unique([item.topic for item in found]).size == len(found)
