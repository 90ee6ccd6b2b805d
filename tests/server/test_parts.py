"""The server's small parts: forms of an answer, tags, the cache, and outlines drawn as runs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label
from shapely import MultiPolygon, box

from shipseg.inference.ships import Ship
from shipseg.rle import mask_to_runs, runs_to_mask
from shipseg.server.analysis import Demand
from shipseg.server.answers import shown_size
from shipseg.server.cache import Cache
from shipseg.server.etags import matches
from shipseg.server.forms import Form, wanted_form
from shipseg.server.found import as_drawn, runs_of
from shipseg.server.problems import Problem


@given(st.text(max_size=60))
def test_any_accept_header_has_a_form_or_a_problem(accept: str) -> None:
    with suppress(Problem):
        assert wanted_form(accept) in Form


@given(
    st.dictionaries(st.sampled_from([*Form, "*/*", "image/*", "text/html"]), st.floats(0, 1)),
    st.randoms(),
)
def test_the_best_liked_form_wins_whatever_the_order(likes: dict[str, float], random: Any) -> None:
    parts = [f"{media};q={quality:.3f}" for media, quality in likes.items()]
    random.shuffle(parts)

    def liking(form: Form) -> float:
        for pattern in (form.value, form.value.split("/")[0] + "/*", "*/*"):
            if pattern in likes:
                return round(likes[pattern], 3)
        return 0.0

    best = max(Form, key=liking)
    if not likes or liking(best) > 0:
        assert wanted_form(",".join(parts)) == (best if likes else Form.json)
    else:
        with pytest.raises(Problem):
            wanted_form(",".join(parts))


@pytest.mark.parametrize(
    ("header", "same"),
    [
        (None, False), ("", False), ("*", False), ('"a"', True), ('W/"a"', True),
        ('"b", W/"a"', True), ('"b"', False), ("a", False),
    ],
)  # fmt: skip
def test_tags_are_compared_weakly(header: str | None, same: bool) -> None:
    assert matches(header, '"a"') == matches(header, 'W/"a"') == same


class Sized:
    def __init__(self, size: int) -> None:
        self.bytes = size


def test_the_cache_forgets_what_was_not_asked_for_longest() -> None:
    cache, demand = Cache(100), Demand()
    kept: Any = [Sized(40), Sized(40), Sized(40)]
    cache.put(("a", demand), kept[0])
    cache.put(("b", demand), kept[1])
    assert cache.get(("a", demand)) is kept[0]
    cache.put(("c", demand), kept[2])
    assert cache.get(("b", demand)) is None
    assert cache.get(("a", demand)) is kept[0]
    assert cache.get(("a", Demand(threshold=0.1))) is None


def test_the_cache_takes_nothing_over_its_bound() -> None:
    one: Any = Sized(101)
    cache = Cache(100)
    cache.put(("a", Demand()), one)
    assert cache.get(("a", Demand())) is None


@given(st.integers(0, 30), st.integers(0, 20), st.integers(1, 10), st.integers(1, 10))
def test_a_box_is_drawn_where_it_lies(x: int, y: int, width: int, height: int) -> None:
    shape_hw = (32, 48)
    outline = box(x, y, min(x + width, 48), min(y + height, 32))
    mask = np.zeros(shape_hw, np.bool_)
    mask[y : y + height, x : x + width] = True
    assert np.array_equal(runs_to_mask(runs_of(outline, shape_hw), shape_hw), mask)


def test_parts_of_an_outline_are_drawn_together() -> None:
    outline = MultiPolygon([box(0, 0, 2, 2), box(2, 2, 4, 5)])
    mask = runs_to_mask(runs_of(outline, (5, 4)), (5, 4))
    expected = np.zeros((5, 4), np.bool_)
    expected[:2, :2] = expected[2:, 2:] = True
    assert np.array_equal(mask, expected)


@given(st.integers(0, 2**24 - 1))
def test_boxes_are_those_of_the_ship(bits: int) -> None:
    """The server's short way to length, width and heading ends where the long one does."""
    mask = np.array([bits >> n & 1 for n in range(24)], np.bool_).reshape(4, 6)
    mask[1, 1:4] = True
    ship = Ship(mask_to_runs(largest(mask)), (4, 6), 0.5)
    found = as_drawn(ship, 2.0)
    assert found.length_px == pytest.approx(ship.length_px)
    assert found.width_px == pytest.approx(ship.width_px)
    assert found.heading_deg == pytest.approx(ship.heading_deg)
    assert np.allclose(sorted(found.box.tolist()), sorted(ship.oriented_box.tolist()))
    assert found.length_m == pytest.approx(2 * ship.length_px)


def largest(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    parts, _ = label(mask, np.ones((3, 3)))
    kept: npt.NDArray[np.bool_] = parts == parts[1, 2]
    return kept


@pytest.mark.parametrize("edge", [(0, 0), (9.9, 0), (0, 9.9), (9.9, 9.9), (4.4, 4.4)])
def test_the_smallest_speck_has_a_pixel(edge: tuple[float, float]) -> None:
    x, y = edge
    runs = runs_of(box(x, y, x + 0.1, y + 0.1), (10, 10))
    assert runs_to_mask(runs, (10, 10)).sum() == 1


@pytest.mark.parametrize(
    ("shape_hw", "shown"),
    [
        ((768, 768), (768, 768)), ((4000, 6000), (4000, 6000)), ((1, 60_000), (1, 60_000)),
        ((10_000, 20_000), (2048, 4096)), ((60_000, 1_000), (4096, 68)),
    ],
)  # fmt: skip
def test_huge_pictures_are_shown_shrunk(shape_hw: tuple[int, int], shown: tuple[int, int]) -> None:
    assert shown_size(shape_hw) == shown
