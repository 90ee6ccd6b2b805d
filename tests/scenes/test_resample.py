"""A window of a working grid is the same part of it, whatever the window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference.pixels import draw, sea

from shipseg.imaging.tiling import Window
from shipseg.inference.detector import Detector
from shipseg.scenes.open import open_scene
from shipseg.scenes.resample import Axis, resample

from .rasters import boxes, find, save


@pytest.mark.parametrize("gsd_m", [0.3, 0.75, 4.0])
def test_windows_are_parts_of_the_whole(
    tmp_path: Path, gsd_m: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that both the whole and the parts are read in pieces, at other places.
    monkeypatch.setattr("shipseg.scenes.reader._PIECE_PX", 100)
    rng = np.random.default_rng(7)
    rgb = rng.integers(0, 255, (500, 430, 3), dtype=np.uint8)
    rgb[100:180, 40:90] = 0
    with open_scene(save(tmp_path / "s.tif", rgb, nodata=0), gsd_m=gsd_m) as scene:
        height, width = scene.shape_hw
        whole = scene.read(Window(0, 0, width, height))
        assert whole.valid is not None
        assert 0 < np.count_nonzero(~whole.valid) < whole.valid.size / 10
        for _ in range(12):
            x0, y0 = rng.integers(0, width - 1), rng.integers(0, height - 1)
            window = Window(
                int(x0), int(y0), int(rng.integers(x0 + 1, width + 1)),
                int(rng.integers(y0 + 1, height + 1)),
            )  # fmt: skip
            part = scene.read(window)
            assert np.array_equal(part.rgb, whole.rgb[window.slices])
            valid = np.ones(window.shape_hw, bool) if part.valid is None else part.valid
            assert np.array_equal(valid, whole.valid[window.slices])


@given(st.integers(1, 300), st.floats(0.125, 20) | st.just(1.0), st.data())
@settings(max_examples=60, deadline=None)
def test_an_axis_keeps_what_is_even(length: int, factor: float, data: st.DataObject) -> None:
    axis = Axis(length, factor)
    low = data.draw(st.integers(0, axis.working - 1))
    high = data.draw(st.integers(low + 1, axis.working))
    start, end = axis.source(low, high)
    assert 0 <= start < end <= length
    found = axis.spread(np.full((end - start, 1), 7, np.float32), low, high)
    assert found.shape == (high - low, 1)
    assert np.allclose(found, 7, atol=1e-5)


def test_a_ramp_stays_a_ramp_where_it_was() -> None:
    """The middle of working pixel i lies at (i + 0.5) * factor on the scene."""
    for factor in (0.25, 0.6, 2.5, 7.0):
        axis = Axis(400, factor)
        ramp = (np.arange(400, dtype=np.float32) + 0.5)[:, None]
        found = axis.spread(ramp, 0, axis.working)[:, 0]
        middles = (np.arange(axis.working) + 0.5) * factor
        inner = (middles > 2 * factor + 2) & (middles < 398 - 2 * factor)
        # Half a pixel off would be half a metre on the ground or more.
        assert np.allclose(found[inner], middles[inner], atol=0.02)


def test_nodata_lends_no_colour() -> None:
    rgb = np.full((40, 40, 3), 200, np.uint8)
    rgb[:, :20] = 0
    valid = rgb[..., 0] > 0
    axis = Axis(40, 4)
    out, inside = resample(rgb, valid, axis, axis, (0, 0), (10, 10))
    assert (out[inside] == 200).all()
    assert not out[~inside].any()
    assert np.array_equal(inside[0], np.arange(10) >= 5)


@pytest.mark.parametrize("gsd_m", [0.5, 3.0])
def test_ships_are_outlined_on_the_scene_itself(
    pixels: Detector, tmp_path: Path, gsd_m: float
) -> None:
    factor = 1.5 / gsd_m
    rgb = sea(int(800 * factor), int(900 * factor))
    place = tuple(int(v * factor) for v in (300, 200, 360, 216))
    draw(rgb, place)  # type: ignore[arg-type]
    result = find(pixels, save(tmp_path / "s.tif", rgb), gsd_m=gsd_m)
    assert np.allclose(boxes(result), [place], atol=1.5 * max(1, factor))
    assert result.looked_at_px == rgb.shape[0] * rgb.shape[1]
