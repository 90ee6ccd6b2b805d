"""Refined rectangles: moved as a network says, and never off their ship."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shipseg.bundle.format import write_bundle
from shipseg.bundle.manifest import CalibrationSpec
from shipseg.errors import BundleError
from shipseg.imaging.hull_view import VIEW_HW
from shipseg.imaging.tiling import Window
from shipseg.inference.detector import Detector, open_picture
from shipseg.inference.refine import Refiner
from shipseg.inference.runtime import RefinerSession
from shipseg.rectangle import Rectangle, rectangle_of

from .pixels import (
    SHIFT,
    draw,
    pixel_bundle_of,
    refiner_graph,
    sea,
    sides_of,
    write_pixel_bundle,
)

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

    def __init__(self, sides: tuple[float, ...], fit: float = 0.9) -> None:
        self.sides, self.fit, self.asked = sides, fit, 0

    def __call__(self, views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert views.shape[1:] == (*VIEW_HW, 3)
        assert views.dtype == np.uint8
        self.asked += len(views)
        sides = np.tile(np.array(self.sides, np.float32), (len(views), 1))
        return sides, np.full(len(views), self.fit, np.float32)


def test_what_every_mirrored_view_claims_alike_is_no_move() -> None:
    # A hull that lies left in a view and left in the mirrored one lies in the middle.
    session = Always(sides_of(60, 12, ahead=4.0, aside=1.0))
    assert_same(refined(rectangle(), session), rectangle())
    assert session.asked == 2


def test_the_second_pass_looks_from_where_the_first_came_to() -> None:
    found = refined(rectangle(), Always(sides_of(60, 12, longer=1.1, wider=0.9)))
    # What the view shows grows with the hull, and with it what is the same share of it.
    length, width = 66 / 98 * (1.5 * 66 + 8), 10.8 / 40 * (2 * 10.8 + 16)
    assert found.length == pytest.approx(length)
    assert found.width == pytest.approx(width)


@pytest.mark.parametrize("left_handed", [False, True])
def test_the_hull_is_followed_where_it_lies(left_handed: bool) -> None:
    truth = rectangle(0.36, left_handed=left_handed)
    truth = replace(
        truth, centre_xy=truth.centre_xy + np.array([3.0, -1.0]), length=66.0, width=10.0
    )
    rgb = np.full((*HW, 3), 40, np.uint8)
    rgb[truth.drawn(HW)] = 240
    guess = rectangle(0.3, left_handed=left_handed)
    found = Refiner(_Eye(), 0.0)(guess, lambda window: rgb[window.slices], HW)  # type: ignore[arg-type]
    before, after = iou(guess, truth), iou(found, truth)
    assert before < 0.75
    assert after > 0.9


class _Eye:
    """A network that sees a bright hull on dark water, and how well the view frames it."""

    def __call__(self, views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sides = np.array([_seen(view[..., 0] > 140) for view in views], np.float32)
        # Of a hull that is framed exactly, a third of the view's length and a half of its width.
        off = np.abs(sides[:, :2] - (0.31, -0.31)).sum(1)
        return sides, np.clip(1 - 4 * off, 0, 1).astype(np.float32)


def _seen(bright: np.ndarray) -> list[float]:
    height, width = VIEW_HW
    hull = rectangle_of(bright)
    if hull.along[0] < 0:
        hull = replace(hull, along=-hull.along)
    slope = hull.along[1] / hull.along[0]
    x, y = (hull.centre_xy + 0.5) / (width, height) - 0.5
    middles = [y + slope * (at - x) * width / height for at in (0.18, -0.18)]
    half_x, half_y = hull.length / 2 / width, hull.width / 2 / height
    return [x + half_x, x - half_x, y + half_y, y - half_y, *middles]


def iou(one: Rectangle, other: Rectangle) -> float:
    a, b = one.drawn(HW), other.drawn(HW)
    return float((a & b).sum() / (a | b).sum())


def test_what_is_found_is_drawn_where_the_truth_would_be() -> None:
    assert_same(refined(rectangle(), Always(sides_of(60, 12)), 0.5), rectangle(), shift=0.5)


@pytest.mark.parametrize("side", [0, 2, 4])
@pytest.mark.parametrize("value", [math.nan, 3.0, -3.0, math.inf])
def test_a_network_that_has_lost_its_ship_is_not_followed(side: int, value: float) -> None:
    sides = list(sides_of(60, 12))
    sides[side] = value
    assert_same(refined(rectangle(), Always(tuple(sides)), 0.5), rectangle())


# Many at once


def test_many_are_moved_by_one_look_and_judged_by_another() -> None:
    truth = rectangle(0.36)
    rgb = np.full((*HW, 3), 40, np.uint8)
    rgb[truth.drawn(HW)] = 240
    beside = replace(truth, centre_xy=truth.centre_xy + 14 * truth.along)
    refiner = Refiner(_Eye(), 0.5)  # type: ignore[arg-type]
    judged = refiner.judged([truth, beside], lambda window: rgb[window.slices], HW)
    for found, fit in judged:
        # Where the pixels are: the shift is of what is drawn.
        assert iou(found, truth) > 0.85
        assert fit > 0.7
    assert refiner.judged([], read, HW) == []


@pytest.mark.parametrize("value", [math.nan, 3.0, math.inf])
def test_what_a_lost_network_judges_stays_where_it_is(value: float) -> None:
    sides = list(sides_of(60, 12))
    sides[0] = value
    session = Always(tuple(sides), fit=math.nan)
    ((found, fit),) = Refiner(session, 0.5).judged([rectangle()], read, HW)  # type: ignore[arg-type]
    assert_same(found, rectangle())
    assert fit == 0
    assert session.asked == 2


# In the detector


def detector_of(tmp_path: Path, sides: tuple[float, ...]) -> Detector:
    return Detector(write_pixel_bundle(tmp_path / "b", refiner=refiner_graph(sides), **STILL))


def test_the_detector_refines_what_it_straightens(tmp_path: Path) -> None:
    rgb = draw(sea(256, 256), (100, 120, 160, 132))
    plain = Detector(write_pixel_bundle(tmp_path / "plain", **STILL))
    (before,) = plain.detect(rgb)
    (found,) = detector_of(tmp_path, sides_of(60, 12, longer=1.04)).detect(rgb)
    was, now = rectangle_of(before.mask), rectangle_of(found.mask)
    assert now.length == pytest.approx(was.length * 1.08, abs=1.2)
    # A border half a pixel further takes a row on both sides.
    assert now.width == pytest.approx(was.width, abs=1.1)
    np.testing.assert_allclose(now.centre_xy - was.centre_xy, SHIFT, atol=0.51)
    assert found.score == before.score


def test_masks_as_drawn_are_not_refined(tmp_path: Path) -> None:
    bundle = write_pixel_bundle(
        tmp_path / "b", refiner=refiner_graph(sides_of(60, 12, longer=1.1)), **STILL
    )
    rgb = draw(sea(256, 256), (100, 120, 160, 132))
    (found,) = Detector(bundle, straighten=False).detect(rgb)
    assert found.box_xyxy == (100, 120, 160, 132)


@pytest.mark.parametrize("times", [0.6, 1.8])
def test_a_rectangle_that_leaves_its_ship_is_dropped(tmp_path: Path, times: float) -> None:
    rgb = draw(sea(256, 256), (100, 120, 160, 132))
    (found,) = detector_of(tmp_path, sides_of(60, 12, longer=times, wider=times)).detect(rgb)
    assert found.box_xyxy == (100, 120, 160, 132)


def test_a_ship_at_the_edge_is_not_refined(tmp_path: Path) -> None:
    rgb = draw(sea(256, 256), (0, 120, 60, 132))
    (found,) = detector_of(tmp_path, sides_of(60, 12, longer=1.1)).detect(rgb)
    assert found.box_xyxy == (0, 120, 60, 132)


# The graph


def test_the_session_answers_for_several_views() -> None:
    said = (0.3, -0.2, 0.1, -0.15, 0.02, 0.01)
    bundle = pixel_bundle_of(refiner=refiner_graph(said))
    sides, fit = RefinerSession(bundle, threads=1)(np.zeros((3, *VIEW_HW, 3), np.uint8))
    np.testing.assert_allclose(sides, np.tile(said, (3, 1)), rtol=1e-6)
    np.testing.assert_array_equal(fit, [1, 1, 1])


def test_a_bundle_without_one_has_no_session() -> None:
    with pytest.raises(BundleError, match="the refiner is missing"):
        RefinerSession(pixel_bundle_of(), threads=1)


def test_a_graph_that_answers_in_another_shape_is_named() -> None:
    bundle = pixel_bundle_of(refiner=refiner_graph((0.3, -0.3, 0.2, -0.2)))
    session = RefinerSession(bundle, threads=1)
    with pytest.raises(BundleError, match=r"the refiner gives 'sides' the shape \(1, 4\)"):
        session(np.zeros((1, *VIEW_HW, 3), np.uint8))


def test_another_graph_in_its_place_is_refused() -> None:
    bundle = pixel_bundle_of(refiner=refiner_graph())
    with pytest.raises(BundleError, match="the refiner has the"):
        RefinerSession(replace(bundle, refiner=bundle.segmenter), threads=1)


def test_straightening_keeps_a_refined_rectangle_near_its_mask(tmp_path: Path) -> None:
    detector = detector_of(tmp_path, sides_of(200, 30, longer=1.12))
    rgb = draw(sea(512, 512), (100, 120, 300, 150))
    (found,) = detector.detect(rgb)
    x0, _, x1, _ = found.box_xyxy
    # A quarter longer would be 25 px more on either side; eight is the most.
    assert x0 >= 92
    assert x1 <= 308
    assert x1 - x0 > 210


def test_each_outline_comes_with_the_mask_that_was_drawn(tmp_path: Path) -> None:
    detector = detector_of(tmp_path, sides_of(60, 12, longer=1.08))
    # The second ship's rectangle begins in an earlier column, and in no earlier row.
    rgb = draw(draw(sea(400, 400), (200, 100, 260, 112)), (100, 105, 160, 117))
    picture = open_picture(rgb)
    maps = detector.search(picture, detector.look(picture), gated=False)
    pairs = detector.outlines_in(maps, picture)
    ships = detector.ships_in(maps, picture)
    assert [ship.rle for _, ship in pairs] == [ship.rle for ship in ships]
    boxes = {outlined.drawn.box_xyxy for outlined, _ in pairs}
    assert boxes == {(200, 100, 260, 112), (100, 105, 160, 117)}
    for outlined, ship in pairs:
        drawn = outlined.drawn
        assert np.count_nonzero(drawn.mask & ship.mask) > 0.9 * drawn.area_px
        assert ship.area_px > drawn.area_px
        assert ship.score == drawn.score


# Scores


def scored(tmp_path: Path, fit: float, **calibration: float) -> float:
    fields = {"intercept": 0.0, "slope": 0.0, "area_slope": 0.0, **calibration}
    bundle = pixel_bundle_of(refiner=refiner_graph(fit=fit), **STILL)
    assert bundle.manifest.refiner is not None
    spec = bundle.manifest.refiner.model_copy(update={"calibration": CalibrationSpec(**fields)})
    manifest = bundle.manifest.model_copy(update={"refiner": spec})
    detector = Detector(write_bundle(replace(bundle, manifest=manifest), "A card.\n", tmp_path))
    (found,) = detector.detect(draw(sea(256, 256), (100, 120, 160, 132)))
    return found.score


def test_a_score_may_be_what_the_refiner_expects(tmp_path: Path) -> None:
    assert scored(tmp_path / "low", 0.2, fit_slope=1.0) == pytest.approx(0.2, abs=1e-6)
    assert scored(tmp_path / "high", 0.9, fit_slope=1.0) == pytest.approx(0.9, abs=1e-6)
    # Nothing finite is certain, and what is no number fits nothing.
    assert scored(tmp_path / "one", 1.0, fit_slope=1.0) < 1
    assert scored(tmp_path / "nan", math.nan, fit_slope=1.0) < 0.001


def test_a_refiners_calibration_weighs_confidence_and_area_as_well(tmp_path: Path) -> None:
    found = scored(tmp_path / "b", 0.7, intercept=-1.0, area_slope=0.5, fit_slope=2.0)
    odds = -1 + 0.5 * math.log(60 * 12 / 1000) + 2 * math.log(0.7 / 0.3)
    assert found == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-6)


def test_masks_as_drawn_are_scored_by_the_segmenters_calibration(tmp_path: Path) -> None:
    always = {"slope": 0.0, "area_slope": 0.0}
    bundle = pixel_bundle_of(
        refiner=refiner_graph(fit=0.9), calibration={"intercept": 0.0, **always}, **STILL
    )
    assert bundle.manifest.refiner is not None
    spec = CalibrationSpec(intercept=2.0, **always)
    refiner = bundle.manifest.refiner.model_copy(update={"calibration": spec})
    manifest = bundle.manifest.model_copy(update={"refiner": refiner})
    path = write_bundle(replace(bundle, manifest=manifest), "A card.\n", tmp_path / "b")
    rgb = draw(sea(256, 256), (100, 120, 160, 132))
    (plain,) = Detector(path, straighten=False).detect(rgb)
    (refined,) = Detector(path).detect(rgb)
    assert plain.score == pytest.approx(0.5)
    assert refined.score == pytest.approx(1 / (1 + math.exp(-2)))
