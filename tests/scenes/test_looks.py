"""Where the segmenter looks: everything that is hot, nothing twice."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from shipseg.imaging.tiling import Window
from shipseg.scenes.looks import (
    BLEND_PX,
    HALO_PX,
    SQUARE_PX,
    Look,
    known_sides,
    plan_looks,
    sides_of,
)

CELL = 64


@settings(max_examples=60, deadline=None)
@given(st.integers(300, 2600), st.integers(300, 2600), st.integers(0, 2**32), st.floats(0.001, 0.3))
def test_looks_cover_what_is_hot_and_no_pixel_twice(
    height: int, width: int, seed: int, share: float
) -> None:
    shape_hw = (height, width)
    cells_hw = (-(-height // CELL), -(-width // CELL))
    hot = np.random.default_rng(seed).random(cells_hw) < share
    looks = plan_looks(hot, shape_hw, cell_px=CELL, least_px=256, multiple=32)
    counts = np.zeros(shape_hw, np.uint8)
    for look in looks:
        counts[look.core.slices] += 1
        r, c = look.read, look.core
        assert 0 <= r.x0 <= c.x0 < c.x1 <= r.x1 <= width
        assert 0 <= r.y0 <= c.y0 < c.y1 <= r.y1 <= height
        assert max(r.shape_hw) <= max(768, SQUARE_PX + 2 * HALO_PX)
        assert r.x0 <= look.say.x0 <= c.x0 < c.x1 <= look.say.x1 <= r.x1
    assert counts.max(initial=0) <= 1
    grown = ndimage.binary_dilation(hot, structure=np.ones((3, 3), bool))
    wanted = np.kron(grown, np.ones((CELL, CELL), bool))[:height, :width]
    assert counts[wanted].all()
    assert looks == sorted(looks, key=lambda look: (look.core.y0, look.core.x0))


def test_a_known_side_says_nothing_of_the_other_at_its_corner() -> None:
    left, right = Window(0, 0, 512, 512), Window(512, 0, 1024, 512)
    below = Window(512, 512, 1024, 1024)
    sides = sides_of(Look(w, w) for w in (left, right, below))
    assert known_sides(left, sides) == {"right"}
    assert known_sides(right, sides) == {"left", "bottom"}
    assert known_sides(below, sides) == {"top"}


def test_squares_weigh_one_together_and_pass_from_one_to_the_other_step_by_step() -> None:
    shape_hw = (2 * SQUARE_PX + 100, 3 * SQUARE_PX)
    looks = plan_looks(
        np.ones((32, 48), np.bool_), shape_hw, cell_px=32, least_px=256, multiple=32, whole_px=512
    )
    assert len(looks) == 9
    everything = Window(0, 0, shape_hw[1], shape_hw[0])
    weights = [look.weights(everything) for look in looks]
    inside = np.s_[BLEND_PX:-BLEND_PX, BLEND_PX:-BLEND_PX]
    assert (sum(weights)[inside] == 1).all()
    for look, weight in zip(looks, weights, strict=True):
        assert np.abs(np.diff(weight, axis=0)).max() <= 1 / (2 * BLEND_PX)
        assert np.abs(np.diff(weight, axis=1)).max() <= 1 / (2 * BLEND_PX)
        outside = np.ones(shape_hw, np.bool_)
        outside[look.say.slices] = False
        assert not weight[outside].any()
        # A part of the picture gets the weights of that part.
        part = Window(300, 200, 700, 600)
        assert np.array_equal(look.weights(part), weight[part.slices])


def test_a_cluster_has_all_the_say_in_its_core() -> None:
    look = Look(Window(10, 20, 266, 276), Window(10, 20, 266, 276))
    assert look.say == look.core
    weights = look.weights(Window(0, 0, 300, 300))
    assert weights.sum() == 256 * 256
    assert weights[look.core.slices].all()
