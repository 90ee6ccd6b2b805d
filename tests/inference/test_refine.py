"""Refined rectangles: moved as a network says, and never off their ship."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shipseg.errors import BundleError
from shipseg.imaging.hull_view import VIEW_HW
from shipseg.imaging.tiling import Window
from shipseg.inference.detector import Detector, open_picture
from shipseg.inference.refine import Refiner, moved
from shipseg.inference.runtime import RefinerSession
from shipseg.rectangle import Rectangle, rectangle_of

from .pixels import SHIFT, draw, pixel_bundle_of, refiner_graph, sea, write_pixel_bundle

HW = (200, 300)
STILL = {"straightening": {"rectangularity": 0.8, "longer_px": 0.0, "narrower_px": 0.0}}


def rectangle(heading: float = 0.3, *, left_handed: bool = False) -> Rectangle:
    along = np.array([math.cos(heading), math.sin(heading)])
    across = np.array([-along[1], along[0]]) * (-1 if left_handed else 1)
    return Rectangle(np.array([150.0, 100.0]), along, across, 60.0, 12.0)


def read(window: Window) -> np.ndarray:
    return np.zeros((*HW, 3), np.uint8)[window.slices]


def refined(one: Rectangle, session: object, shift_px: float = 0.0) -> Rectangle:
    return Refiner(session, shift_px)(one, read, HW)  # type: ignore[arg-type]


def assert_same(found: Rectangle, expected: Rectangle, shift: float = 0.0) -> None:
    np.testing.assert_allclose(found.centre_xy, expected.centre_xy + shift, atol=1e-6)
    np.testing.assert_allclose(found.along, expected.along, atol=1e-6)
    assert found.length == pytest.approx(expected.length)
    assert found.width == pytest.approx(expected.width)


class Always:
    """A network that says the same of every view."""

    def __init__(self, *move: float) -> None:
        self.move, self.asked = move, 0

    def __call__(self, views: np.ndarray) -> np.ndarray:
        assert views.shape[1:] == (*VIEW_HW, 3)
        assert views.dtype == np.uint8
        self.asked += len(views)
        return np.tile(np.array(self.move, np.float32), (len(views), 1))


def test_moves_are_shares_of_the_sides() -> None:
    found = moved(rectangle(0.0), np.array([0.1, -0.5, math.log(2), math.log(0.5), 0.0]))
    np.testing.assert_allclose(found.centre_xy, [150 + 6, 100 - 6])
    assert (found.length, found.width) == (pytest.approx(120), pytest.approx(6))


@pytest.mark.parametrize("left_handed", [False, True])
def test_a_turn_goes_from_along_towards_across(left_handed: bool) -> None:
    before = rectangle(0.3, left_handed=left_handed)
    found = moved(before, np.array([0, 0, 0, 0, 0.5]))
    angle = 0.5 * 12 / 60
    assert found.along @ before.along == pytest.approx(math.cos(angle))
    assert found.along @ before.across == pytest.approx(math.sin(angle))
    assert found.across @ found.along == pytest.approx(0)
    assert np.linalg.norm(found.across) == pytest.approx(1)


def test_what_every_mirrored_view_claims_alike_is_no_move() -> None:
    # A hull that lies left in a view and left in the mirrored one lies in the middle.
    session = Always(0.2, 0.2, 0.0, 0.0, 0.0)
    assert_same(refined(rectangle(), session), rectangle())
    assert session.asked == 4


def test_sizes_add_up_over_the_passes() -> None:
    found = refined(rectangle(), Always(0.0, 0.0, 0.1, -0.05, 0.0))
    assert found.length == pytest.approx(60 * math.exp(0.2))
    assert found.width == pytest.approx(12 * math.exp(-0.1))


def test_what_is_found_is_drawn_where_the_truth_would_be() -> None:
    assert_same(refined(rectangle(), Always(0, 0, 0, 0, 0), 0.5), rectangle(), shift=0.5)


@pytest.mark.parametrize("move", [math.nan, 3.0, -math.inf])
def test_a_network_that_has_lost_its_ship_is_not_followed(move: float) -> None:
    assert_same(refined(rectangle(), Always(0, 0, move, 0, 0), 0.5), rectangle())


# In the detector


def detector_of(tmp_path: Path, *moves: float) -> Detector:
    return Detector(write_pixel_bundle(tmp_path / "b", refiner=refiner_graph(*moves), **STILL))


def test_the_detector_refines_what_it_straightens(tmp_path: Path) -> None:
    rgb = draw(sea(256, 256), (100, 120, 160, 132))
    plain = Detector(write_pixel_bundle(tmp_path / "plain", **STILL))
    (before,) = plain.detect(rgb)
    (found,) = detector_of(tmp_path, 0.0, 0.0, 0.04, 0.0, 0.0).detect(rgb)
    was, now = rectangle_of(before.mask), rectangle_of(found.mask)
    assert now.length == pytest.approx(was.length * math.exp(0.08), abs=1.2)
    # A border half a pixel further takes a row on both sides.
    assert now.width == pytest.approx(was.width, abs=1.1)
    np.testing.assert_allclose(now.centre_xy - was.centre_xy, SHIFT, atol=0.51)
    assert found.score == before.score


def test_masks_as_drawn_are_not_refined(tmp_path: Path) -> None:
    bundle = write_pixel_bundle(tmp_path / "b", refiner=refiner_graph(0, 0, 0.1, 0, 0), **STILL)
    rgb = draw(sea(256, 256), (100, 120, 160, 132))
    (found,) = Detector(bundle, straighten=False).detect(rgb)
    assert found.box_xyxy == (100, 120, 160, 132)


@pytest.mark.parametrize("longer", [-0.6, 0.6])
def test_a_rectangle_that_leaves_its_ship_is_dropped(tmp_path: Path, longer: float) -> None:
    rgb = draw(sea(256, 256), (100, 120, 160, 132))
    (found,) = detector_of(tmp_path, 0.0, 0.0, longer, longer, 0.0).detect(rgb)
    assert found.box_xyxy == (100, 120, 160, 132)


def test_a_ship_at_the_edge_is_not_refined(tmp_path: Path) -> None:
    rgb = draw(sea(256, 256), (0, 120, 60, 132))
    (found,) = detector_of(tmp_path, 0.0, 0.0, 0.1, 0.0, 0.0).detect(rgb)
    assert found.box_xyxy == (0, 120, 60, 132)


# The graph


def test_the_session_answers_for_several_views() -> None:
    bundle = pixel_bundle_of(refiner=refiner_graph(0.1, 0.2, 0.3, 0.4, 0.5))
    moves = RefinerSession(bundle, threads=1)(np.zeros((3, *VIEW_HW, 3), np.uint8))
    np.testing.assert_allclose(moves, np.tile([0.1, 0.2, 0.3, 0.4, 0.5], (3, 1)), rtol=1e-6)


def test_a_bundle_without_one_has_no_session() -> None:
    with pytest.raises(BundleError, match="the refiner is missing"):
        RefinerSession(pixel_bundle_of(), threads=1)


def test_a_graph_that_answers_in_another_shape_is_named() -> None:
    bundle = pixel_bundle_of(refiner=refiner_graph(answers=4))
    session = RefinerSession(bundle, threads=1)
    with pytest.raises(BundleError, match=r"the refiner gives 'moves' the shape \(1, 4\)"):
        session(np.zeros((1, *VIEW_HW, 3), np.uint8))


def test_another_graph_in_its_place_is_refused() -> None:
    bundle = pixel_bundle_of(refiner=refiner_graph())
    with pytest.raises(BundleError, match="the refiner has the"):
        RefinerSession(replace(bundle, refiner=bundle.segmenter), threads=1)


def test_straightening_keeps_a_refined_rectangle_near_its_mask(tmp_path: Path) -> None:
    detector = detector_of(tmp_path, 0.0, 0.0, 0.12, 0.0, 0.0)
    rgb = draw(sea(512, 512), (100, 120, 300, 150))
    (found,) = detector.detect(rgb)
    x0, _, x1, _ = found.box_xyxy
    # 200 px times exp(0.24) would be 27 px more on either side; eight is the most.
    assert x0 >= 92
    assert x1 <= 308
    assert x1 - x0 > 210


def test_each_outline_comes_with_the_mask_that_was_drawn(tmp_path: Path) -> None:
    detector = detector_of(tmp_path, 0.0, 0.0, 0.08, 0.0, 0.0)
    # The second ship's rectangle begins in an earlier column, and in no earlier row.
    rgb = draw(draw(sea(400, 400), (200, 100, 260, 112)), (100, 105, 160, 117))
    picture = open_picture(rgb)
    maps = detector.search(picture, detector.look(picture), gated=False)
    pairs = detector.outlines_in(maps, picture)
    ships = detector.ships_in(maps, picture)
    assert [outlined.rle for _, outlined in pairs] == [ship.rle for ship in ships]
    assert {drawn.box_xyxy for drawn, _ in pairs} == {(200, 100, 260, 112), (100, 105, 160, 117)}
    for drawn, outlined in pairs:
        assert np.count_nonzero(drawn.mask & outlined.mask) > 0.9 * drawn.area_px
        assert outlined.area_px > drawn.area_px
        assert outlined.score == drawn.score
