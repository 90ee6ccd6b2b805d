"""What labels become: COCO's run lengths, YOLO's polygons, smaller masks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask
from rasterio.features import rasterize

from shipseg.dataset.augment import resize_mask
from shipseg.dataset.prepare.coco_rle import compress, counts_of
from shipseg.dataset.prepare.layout import scale_ships
from shipseg.dataset.prepare.outline import outline_of
from shipseg.rle import mask_to_runs, runs_to_mask

Mask = npt.NDArray[np.bool_]

masks = arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24)), elements=st.booleans())
squares = st.integers(1, 20).flatmap(
    lambda side: arrays(np.bool_, (side, side), elements=st.booleans())
)


@given(masks)
@example(np.ones((3, 4), np.bool_))
@example(np.zeros((3, 4), np.bool_))
def test_cocos_own_codec_reads_and_writes_the_same(mask: Mask) -> None:
    counts = counts_of(mask_to_runs(mask), (mask.shape[0], mask.shape[1]))
    text = compress(counts)
    theirs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert text.encode() == theirs["counts"]
    packed = coco_mask.frPyObjects({"size": list(mask.shape), "counts": counts}, *mask.shape)
    assert np.array_equal(coco_mask.decode(packed), mask)


def test_large_counts_take_several_digits() -> None:
    mask = np.zeros((768, 768), np.bool_)
    mask[5:700, 3] = mask[0:2, 600:760] = True
    text = compress(counts_of(mask_to_runs(mask), (768, 768)))
    assert text.encode() == coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]


def filled(corners: npt.NDArray[np.float64], side: int) -> Mask:
    ring = [*corners.tolist(), corners[0].tolist()]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    return rasterize([polygon], out_shape=(side, side)).astype(np.bool_)


@given(squares)
def test_an_outline_holds_the_middles_of_exactly_the_ships_pixels(mask: Mask) -> None:
    if not mask.any():
        return
    side = len(mask)
    corners = outline_of(mask_to_runs(mask), side)
    assert corners.min() >= 0
    assert corners.max() <= side
    assert np.array_equal(even_odd(corners, side), mask)


def even_odd(corners: npt.NDArray[np.float64], side: int) -> Mask:
    """Count, for the middle of each pixel, the edges that a ray to the right crosses."""
    x1, y1 = corners.T
    x2, y2 = np.roll(corners, -1, axis=0).T
    xs, ys = np.meshgrid(np.arange(side) + 0.5, np.arange(side) + 0.5)
    inside = np.zeros((side, side), np.bool_)
    for a, b, c, d in zip(x1, y1, x2, y2, strict=True):
        if b == d:
            continue
        across = (ys > min(b, d)) & (ys < max(b, d))
        inside ^= across & (xs < a + (ys - b) * (c - a) / (d - b))
    return inside


def test_a_ship_of_one_part_is_filled_again_by_another_library() -> None:
    mask = np.zeros((64, 64), np.bool_)
    for i in range(30):
        mask[10 + i : 20 + i, 5 + i : 9 + i] = True
    assert np.array_equal(filled(outline_of(mask_to_runs(mask), 64), 64), mask)


def test_parts_and_holes_are_one_polygon() -> None:
    mask = np.zeros((64, 64), np.bool_)
    mask[5:25, 5:25] = True
    mask[10:15, 10:15] = False
    mask[40:50, 40:60] = True
    corners = outline_of(mask_to_runs(mask), 64)
    assert np.array_equal(even_odd(corners, 64), mask)
    # Two squares, a hole, and the seams there and back.
    assert len(corners) == 4 + 4 + 4 + 2 * 2


@pytest.mark.parametrize("side", [64, 50, 256])
def test_ships_shrink_as_masks_do(side: int) -> None:
    mask = np.zeros((128, 128), np.bool_)
    mask[20:43, 30:91] = True
    (runs,) = scale_ships([mask_to_runs(mask)], 128, side)
    assert np.array_equal(runs_to_mask(runs, (side, side)), resize_mask(mask, side))
    assert abs(runs[:, 1].sum() / side**2 - mask.mean()) < 0.01


def test_a_ship_of_under_half_a_pixel_vanishes_and_keeps_its_place() -> None:
    tiny, large = np.zeros((2, 128, 128), np.bool_)
    tiny[3, 3] = large[32:64, 32:64] = True
    first, second = scale_ships([mask_to_runs(tiny), mask_to_runs(large)], 128, 32)
    assert len(first) == 0
    assert runs_to_mask(second, (32, 32))[8:16, 8:16].all()
