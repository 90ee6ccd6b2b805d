from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image
from scipy.ndimage import convolve

from shipseg.explore.looks import look_at_tiles, look_figures, pick
from shipseg.imaging.look import look_at, to_grey

LAPLACE = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9).map(lambda s: (*s, 3))))
def test_measures_agree_with_a_slow_reference(rgb: np.ndarray) -> None:
    look = look_at(rgb)
    grey = to_grey(rgb).astype(np.float64)
    assert np.abs(grey - rgb @ np.array([0.299, 0.587, 0.114])).max() < 1.2
    assert look.brightness == pytest.approx(grey.mean())
    inner = convolve(grey, LAPLACE)[1:-1, 1:-1]
    assert look.sharpness == pytest.approx(inner.var() if inner.size else 0.0, abs=1e-6)


def test_blur_takes_sharpness() -> None:
    rng = np.random.default_rng(0)
    sharp = np.repeat(rng.integers(0, 255, (64, 64, 1), np.uint8), 3, axis=2)
    blurred = np.asarray(Image.fromarray(sharp).reduce(2).resize((64, 64)))
    assert look_at(blurred).sharpness < look_at(sharp).sharpness / 4
    assert look_at(np.full((64, 64, 3), 255, np.uint8)).sharpness == 0


@pytest.mark.parametrize("workers", [1, 3])
def test_tiles_come_in_order_and_broken_ones_are_named(tmp_path: Path, workers: int) -> None:
    names = [f"{i}.png" for i in range(9)]
    for i, name in enumerate(names):
        Image.new("RGB", (8, 8), (i, i, i)).save(tmp_path / name)
    (tmp_path / "3.png").write_bytes(b"<html>")
    (tmp_path / "5.png").unlink()
    looks = list(look_at_tiles(tmp_path, names, workers=workers))
    assert [look.image_id for look in looks] == names
    assert [look.image_id for look in looks if look.look is None] == ["3.png", "5.png"]
    figures = look_figures(looks, ["0.png", "1.png"], of=9, missing=4)
    assert figures.tiles == 7
    assert figures.sizes == {"8 × 8": 7}
    assert figures.brightness.with_ships.mean == 0.5
    assert sum(figures.brightness.counts_without) == 5
    assert sum(figures.sharpness.counts_with_ships) == 2
    assert [name for name, _ in figures.unreadable] == ["3.png", "5.png"]


@given(st.integers(0, 30), st.integers(1, 40))
def test_a_pick_is_a_part_in_order_and_the_same_again(count: int, most: int) -> None:
    ids = [f"{i:03}" for i in range(count)]
    chosen = pick(ids, most)
    assert len(chosen) == min(count, most)
    assert chosen == sorted(set(chosen))
    assert chosen == pick(ids, most)
