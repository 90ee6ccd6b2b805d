"""What the gate doubts is not reported, where it was to be asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shipseg.imaging.tiling import Window
from shipseg.inference.detector import Detector, open_picture
from shipseg.inference.gate_cells import Heat, place_cells
from shipseg.inference.ships import Ship
from shipseg.rle import mask_to_runs

from .pixels import draw, pixel_bundle_of, sea, write_pixel_bundle

# The gate's cells alone decide: less than 0.95 is refused.
BY_CELL = {
    "intercept": -3.0, "slope": 0.0, "area_slope": 0.0, "cell_slope": 1.0, "least": 0.5,
}  # fmt: skip


def ship(*boxes: tuple[int, int, int, int], shape_hw: tuple[int, int] = (200, 300)) -> Ship:
    mask = np.zeros(shape_hw, np.bool_)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return Ship(mask_to_runs(mask), shape_hw, 0.9)


def test_a_ship_has_the_heat_of_its_hottest_cell() -> None:
    cells = np.zeros((7, 10), np.float32)
    cells[1, 2], cells[1, 3], cells[2, 2] = 0.25, 0.5, 0.75
    heat = Heat(cells, 32)
    assert heat.beneath(ship((64, 32, 90, 60))) == 0.25
    assert heat.beneath(ship((64, 32, 97, 60))) == 0.5
    # Its box reaches over the hottest cell, and its mask does not.
    assert heat.beneath(ship((64, 32, 97, 40), (96, 40, 100, 90))) == 0.5
    assert heat.beneath(ship((200, 100, 220, 120))) == 0.0


def test_cells_of_an_unaligned_window_are_raised_and_never_lowered() -> None:
    grid = np.full((2, 4), 0.5, np.float32)
    place_cells(grid, np.array([[0.25, 0.75]], np.float32), Window(48, 0, 112, 32), 32)
    np.testing.assert_array_equal(grid[0], [0.5, 0.5, 0.75, 0.75])
    np.testing.assert_array_equal(grid[1], [0.5] * 4)


def test_a_ship_on_cold_cells_is_refused_unless_the_gate_is_left_out(tmp_path: Path) -> None:
    rgb = draw(sea(512, 512), (100, 120, 160, 132))
    # The gate reads green, and is less sure of the second one.
    draw(rgb, (300, 400, 360, 412), (255, 200, 255))
    plain = Detector(write_pixel_bundle(tmp_path / "plain"))
    doubting = Detector(write_pixel_bundle(tmp_path / "doubting", objectness=BY_CELL))
    picture = open_picture(rgb)
    heat = plain.look(picture).heat
    found = plain.detect(rgb)
    assert [one.box_xyxy for one in found] == [(100, 120, 160, 132), (300, 400, 360, 412)]
    assert [heat.beneath(one) > 0.95 for one in found] == [True, False]
    assert [one.box_xyxy for one in doubting.detect(rgb)] == [(100, 120, 160, 132)]
    ungated = doubting.predict(rgb, gated=False).ships
    assert [one.box_xyxy for one in ungated] == [one.box_xyxy for one in found]


def test_a_bundle_says_what_it_refuses(tmp_path: Path) -> None:
    manifest = pixel_bundle_of(objectness=BY_CELL).manifest
    assert manifest.segmenter.objectness is not None
    assert manifest.segmenter.objectness.least == 0.5
    with pytest.raises(ValueError, match="least"):
        pixel_bundle_of(objectness=BY_CELL | {"least": 1.5})
