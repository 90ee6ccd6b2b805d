from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shipseg.imaging.tiling import Window
from shipseg.imaging.window_index import WindowIndex


def overlap(a: Window, b: Window) -> bool:
    return max(a.x0, b.x0) < min(a.x1, b.x1) and max(a.y0, b.y0) < min(a.y1, b.y1)


@given(st.integers(0, 2**32), st.integers(1, 3000))
def test_it_finds_what_asking_every_window_finds(seed: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    index, all_of_them = WindowIndex(), list[Window]()
    for _ in range(60):
        if all_of_them and rng.random() < 0.25:
            gone = all_of_them.pop(int(rng.integers(len(all_of_them))))
            index.remove(gone)
            continue
        x, y = rng.integers(0, 4000, 2).tolist()
        width, height = rng.integers(1, most + 1, 2).tolist()
        window = Window(x, y, x + width, y + height)
        assert index.overlapping(window) == [w for w in all_of_them if overlap(w, window)]
        if window not in all_of_them:
            index.add(window)
            all_of_them.append(window)
    assert list(index) == all_of_them


def test_sides_and_corners_do_not_overlap() -> None:
    index = WindowIndex()
    index.add(Window(0, 0, 512, 512))
    assert index.overlapping(Window(512, 0, 600, 512)) == []
    assert index.overlapping(Window(512, 512, 600, 600)) == []
    assert index.overlapping(Window(511, 511, 600, 600)) == [Window(0, 0, 512, 512)]
