"""The view of a hull: level, in the middle, the same however much of the picture is at hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shipseg.imaging.hull_view import (
    MIDDLES_AT,
    VIEW_HW,
    hull_at,
    hull_view,
    unmirrored,
    window_of,
)
from shipseg.imaging.tiling import Window
from shipseg.rectangle import Rectangle

HW = (200, 300)
HEIGHT, WIDTH = VIEW_HW


def rectangle(
    heading: float, length: float = 60.0, width: float = 14.0, at: tuple[float, float] = (150, 100)
) -> Rectangle:
    along = np.array([math.cos(heading), math.sin(heading)])
    return Rectangle(np.array(at, float), along, np.array([-along[1], along[0]]), length, width)


def picture(hull: Rectangle) -> np.ndarray:
    """Sea with the hull, whose bow half is red and whose right side is brighter in blue."""
    rgb = np.full((*HW, 3), 40, np.uint8)
    y, x = np.mgrid[: HW[0], : HW[1]]
    at = hull.from_middle(np.stack([x.ravel(), y.ravel()], axis=1).astype(float))
    inside = hull.drawn(HW)
    rgb[inside, 1] = 200
    rgb[inside & (at[:, 0] > 0).reshape(HW), 0] = 240
    rgb[inside & (at[:, 1] > 0).reshape(HW), 2] = 240
    return rgb


def view_of(rgb: np.ndarray, hull: Rectangle, mirror: tuple[int, int] = (1, 1)) -> np.ndarray:
    window = window_of(hull, HW)
    return hull_view(rgb[window.slices], window, hull, mirror)


@pytest.mark.parametrize("heading", [0.0, 0.4, 1.2, 2.0, 3.1, -2.2])
@pytest.mark.parametrize("size", [(20.0, 5.0), (60.0, 14.0), (160.0, 30.0)])
def test_a_hull_lies_level_in_the_middle_and_fills_its_share(heading, size) -> None:
    hull = rectangle(heading, *size)
    view = view_of(picture(hull), hull)
    assert (view.shape, view.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    bright = view[..., 1] > 120
    ys, xs = np.nonzero(bright)
    length, width = size
    # A pixel of the tile is up to four of a small hull's view.
    assert np.ptp(xs) + 1 == pytest.approx(WIDTH * length / (1.5 * length + 8), abs=7)
    assert np.ptp(ys) + 1 == pytest.approx(HEIGHT * width / (2 * width + 16), abs=5)
    assert xs.mean() == pytest.approx((WIDTH - 1) / 2, abs=1.5)
    assert ys.mean() == pytest.approx((HEIGHT - 1) / 2, abs=1.5)
    # The bow lies to the right, the right-hand side below.
    assert view[bright & (view[..., 0] > 140)].size > 0.3 * view[bright].size
    assert np.nonzero(view[..., 0] > 140)[1].mean() > WIDTH / 2 + 3
    assert np.nonzero(view[..., 2] > 140)[0].mean() > HEIGHT / 2 + 1


@pytest.mark.parametrize("mirror", [(-1, 1), (1, -1), (-1, -1)])
def test_a_mirrored_view_is_the_view_mirrored(mirror) -> None:
    hull = rectangle(0.7)
    rgb = picture(hull)
    plain = view_of(rgb, hull)[:: mirror[1], :: mirror[0]]
    off = np.abs(view_of(rgb, hull, mirror).astype(int) - plain)
    # Pixels on a border of two colours may fall to either.
    assert (off > 12).mean() < 0.02


@pytest.mark.parametrize("heading", [0.0, 0.9])
def test_the_view_is_the_same_from_a_larger_window(heading) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*HW, 3), np.uint8)
    hull = rectangle(heading)
    whole = Window(0, 0, HW[1], HW[0])
    np.testing.assert_array_equal(hull_view(rgb, whole, hull), view_of(rgb, hull))


def test_beyond_the_picture_all_is_black() -> None:
    hull = rectangle(0.0, at=(20.0, 100.0))
    view = view_of(np.full((*HW, 3), 200, np.uint8), hull)
    assert (view[:, :20] == 0).all()
    assert (view[:, 64:] == 200).all()
    window = window_of(rectangle(0.3, at=(-500.0, 100.0)), HW)
    assert window.x0 == window.x1 == 0


def sides_in(view: np.ndarray) -> np.ndarray:
    """Measure where the one bright hull of a view lies, by its pixels."""
    bright = view[..., 1] > 120
    columns = np.arange(WIDTH) / WIDTH - 0.5
    places = [np.abs(columns + 0.5 / WIDTH - at) < 0.04 for at in (0.0, MIDDLES_AT, -MIDDLES_AT)]

    def middle(near: np.ndarray) -> float:
        return float(np.nonzero(bright[:, near])[0].mean() + 0.5) / HEIGHT - 0.5

    line = round((middle(places[0]) + 0.5) * HEIGHT)
    xs = np.nonzero(bright[line - 1 : line + 1].any(axis=0))[0]
    beam = bright[:, places[0]].sum() / places[0].sum() / HEIGHT
    at = middle(places[0])
    return np.array([
        (xs.max() + 1) / WIDTH - 0.5, xs.min() / WIDTH - 0.5, at + beam / 2, at - beam / 2,
        middle(places[1]), middle(places[2]),
    ])  # fmt: skip


@pytest.mark.parametrize("mirror", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
@pytest.mark.parametrize("heading", [0.3, 1.5, -2.5])
def test_a_hull_that_is_found_in_a_view_is_found_in_the_picture(heading, mirror) -> None:
    hull = rectangle(heading, 64.0, 16.0, at=(151.5, 99.0))
    guess = rectangle(heading + 0.09, 58.0, 19.0)
    sides = unmirrored(sides_in(view_of(picture(hull), guess, mirror)), mirror)
    found = hull_at(guess, sides)
    np.testing.assert_allclose(found.centre_xy, hull.centre_xy, atol=0.5)
    assert found.length == pytest.approx(64.0, abs=1.5)
    assert found.width == pytest.approx(16.0, abs=1.0)
    assert found.along @ hull.along == pytest.approx(1.0, abs=0.0005)
    assert found.across @ hull.across == pytest.approx(1.0, abs=0.0005)


def test_a_guess_that_is_found_again_is_itself() -> None:
    guess = rectangle(0.4)
    ends, beam = 30 / (1.5 * 60 + 8), 7 / (2 * 14 + 16)
    found = hull_at(guess, np.array([ends, -ends, beam, -beam, 0.0, 0.0]))
    np.testing.assert_allclose(found.centre_xy, guess.centre_xy)
    np.testing.assert_allclose(found.along, guess.along)
    assert (found.length, found.width) == (pytest.approx(60), pytest.approx(14))
