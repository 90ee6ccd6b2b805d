"""What several looks say becomes one answer, without a step at their border."""

from __future__ import annotations

import numpy as np
import pytest

from shipseg.imaging.tiling import Window
from shipseg.scenes.blobs import Blob, blobs_of
from shipseg.scenes.joining import Joiner
from shipseg.scenes.looks import BLEND_PX, HALO_PX, SQUARE_PX, Look

S, H, B = SQUARE_PX, HALO_PX, BLEND_PX
SHAPE_HW = (S, 2 * S)
LEFT = Look(Window(0, 0, S, S), Window(0, 0, S + H, S))
RIGHT = Look(Window(S, 0, 2 * S, S), Window(S - H, 0, 2 * S, S))
THRESHOLD = 0.4


def seen(look: Look, ships: dict[tuple[int, int, int, int], float]) -> list[Blob]:
    """What a look leaves behind that sees these rectangles (x0, y0, x1, y1) of the scene."""
    picture = np.zeros((2, *SHAPE_HW), np.float32)
    for (x0, y0, x1, y1), probability in ships.items():
        picture[:, y0:y1, x0:x1] = probability
    maps = picture[:, *look.read.slices]
    return blobs_of(maps, None, look, SHAPE_HW, threshold=THRESHOLD)


def blended(left: list[Blob], right: list[Blob]) -> tuple[np.ndarray, int]:
    """The scene's map of ships, 0 where none is, and the number of blobs."""
    out = np.zeros(SHAPE_HW, np.float32)
    blobs = list(Joiner({LEFT: left, RIGHT: right}).blobs()[0])
    for blob in blobs:
        out[blob.window.slices][blob.mask] = blob.maps[0][blob.mask]
    return out, len(blobs)


HULL = (S - 100, 200, S + 100, 220)


def test_one_look_says_less_than_the_other_and_the_answer_falls_evenly() -> None:
    out, count = blended(seen(LEFT, {HULL: 0.9}), seen(RIGHT, {HULL: 0.5}))
    assert count == 1
    row = out[210, HULL[0] : HULL[2]]
    assert row[: 100 - B] == pytest.approx(0.9)
    assert row[100 + B :] == pytest.approx(0.5)
    steps = -np.diff(row[99 - B : 101 + B])
    assert steps.max() < 1.01 * 0.4 / (2 * B)
    assert steps.min() > -1e-6
    assert not out[:200].any()
    assert not out[220:].any()


def test_both_say_the_same_and_that_is_the_answer_to_the_last_bit() -> None:
    ships = {HULL: 0.7, (S - 10, 300, S, 310): 0.6, (S + 40, 20, S + 60, 30): 0.8}
    out, count = blended(seen(LEFT, ships), seen(RIGHT, ships))
    assert count == 3
    for (x0, y0, x1, y1), probability in ships.items():
        assert (out[y0:y1, x0:x1] == np.float32(probability)).all()


def test_a_ship_that_one_look_does_not_see_at_all_fades() -> None:
    out, _ = blended(seen(LEFT, {HULL: 0.8}), [])
    row = out[210]
    # Where both say half, the mean is 0.4: the border itself.
    assert row[S - B - 1] == pytest.approx(0.8)
    assert row[S - 1] > THRESHOLD > row[S] > row[S + B - 1] > 0
    assert not row[S + B :].any()


def test_what_is_faint_for_one_look_counts() -> None:
    """0.35 is no ship to the right look, but the mean at the border with 0.8 is more than 0.4."""
    with_it, _ = blended(seen(LEFT, {HULL: 0.8}), seen(RIGHT, {HULL: 0.35}))
    assert with_it[210, S - 1] == pytest.approx((0.8 + 0.35) / 2, abs=0.01)
    alone, count = blended([], seen(RIGHT, {HULL: 0.35}))
    assert (alone.any(), count) == (False, 0)


def test_beyond_its_core_a_look_has_no_say_where_nobody_goes_on() -> None:
    blobs = list(Joiner({LEFT: seen(LEFT, {HULL: 0.8, (S + 2, 20, S + 20, 40): 0.9})}).blobs()[0])
    masks = [blob for blob in blobs if blob.mask.any()]
    assert len(masks) == 1
    _, xs = np.nonzero(masks[0].mask)
    assert masks[0].x0 + xs.max() == S - 1
    assert masks[0].maps[0][masks[0].mask] == pytest.approx(0.8)


def test_a_neighbour_tells_of_ship_in_a_core() -> None:
    """So that a hull that runs out of the looks there is followed."""
    hull = (S - 20, S - 30, S - 10, S)
    mask = Joiner({LEFT: [], RIGHT: seen(RIGHT, {hull: 0.9})}).ship_in(LEFT)
    assert mask[S - 30 :, S - 20 : S - 10].all()
    assert np.count_nonzero(mask) == 300


def test_pieces_too_large_together_are_cut_at_the_border(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shipseg.scenes.joining.MOST_BOX_PX", 1000)
    joiner = Joiner({LEFT: seen(LEFT, {HULL: 0.9}), RIGHT: seen(RIGHT, {HULL: 0.5})})
    blobs, apart = joiner.blobs()
    assert apart == 2
    spans = sorted((blob.window.x0, blob.window.x1) for blob in blobs)
    assert spans == [(HULL[0], S), (S, HULL[2])]
