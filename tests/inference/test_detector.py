"""With the pixel bundle every answer is known: a white rectangle is a ship, where it is drawn."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shipseg import rle
from shipseg.errors import BadInputError, BundleError, ImageError, UsageError
from shipseg.imaging.decode import Picture
from shipseg.imaging.tiling import Window
from shipseg.inference import regions as module
from shipseg.inference.detector import Detection, Detector
from shipseg.inference.ships import Ship, reading_order

from .pixels import LEAST, TILE, Box, Rgb, draw, sea, write_pixel_bundle

WHITE, RED, GREEN = (255, 255, 255), (255, 0, 0), (0, 255, 0)


def boxes(ships: Sequence[Ship]) -> list[Box]:
    return [ship.box_xyxy for ship in ships]


def drawn(shape_hw: tuple[int, int], *ships: Box) -> Rgb:
    rgb = sea(*shape_hw)
    for ship in ships:
        draw(rgb, ship)
    return rgb


def in_reading_order(ships: Sequence[Box]) -> list[Box]:
    return sorted(ships, key=lambda box: (box[1], box[0]))


class Watched:
    """A detector's segmenter that notes the shapes it was asked for."""

    def __init__(self, detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self._asked = detector._segmenter
        monkeypatch.setattr(detector, "_segmenter", self)

    def __call__(self, image: Rgb) -> npt.NDArray[np.float32]:
        self.shapes.append(image.shape[:2])
        return self._asked(image)


@pytest.fixture
def watched(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(detector, monkeypatch)


# --- what comes out


def test_an_empty_sea_does_not_pass(detector: Detector, watched: Watched) -> None:
    found = detector.predict(sea(TILE, TILE))
    assert (found.passed, found.ship_probability, found.ships) == (False, 0.0, ())
    assert not found.mask.any()
    assert watched.shapes == []


def test_a_ship_is_where_it_is(detector: Detector, watched: Watched) -> None:
    found = detector.predict(drawn((TILE, TILE), (300, 400, 340, 412)), name="a.jpg")
    assert (found.name, found.shape_hw) == ("a.jpg", (TILE, TILE))
    assert (found.passed, found.ship_probability) == (True, 1.0)
    (ship,) = found.ships
    assert (ship.box_xyxy, ship.area_px, ship.score) == ((300, 400, 340, 412), 40 * 12, 1.0)
    assert found.mask.sum() == ship.area_px
    # One look at one window, not at the whole tile.
    assert watched.shapes == [(LEAST, LEAST)]


@st.composite
def fleets(draw_: st.DrawFn, side: int, most: int = 5) -> list[Box]:
    """Rectangles with sea between them, that a gate at half resolution sees in full."""
    ships: list[Box] = []
    for _ in range(draw_(st.integers(1, most))):
        w, h = draw_(st.integers(4, 120)), draw_(st.integers(4, 120))
        x, y = draw_(st.integers(0, side - w)), draw_(st.integers(0, side - h))
        new = (x, y, x + w, y + h)
        if all(new[0] > a[2] or a[0] > new[2] or new[1] > a[3] or a[1] > new[3] for a in ships):
            ships.append(new)
    return ships


@settings(deadline=None, max_examples=15)
@given(fleets(TILE))
def test_gated_equals_ungated_where_the_gate_sees_all(detector: Detector, fleet: list[Box]) -> None:
    rgb = drawn((TILE, TILE), *fleet)
    gated, ungated = detector.predict(rgb), detector.predict(rgb, gated=False)
    assert boxes(gated.ships) == boxes(ungated.ships) == in_reading_order(fleet)
    for one, other in zip(gated.ships, ungated.ships, strict=True):
        assert one.rle == other.rle
        assert one.score == other.score == 1.0


@settings(deadline=None, max_examples=12)
@given(fleets(TILE - 128, most=3), st.integers(0, 4), st.integers(0, 4))
def test_ships_move_with_the_picture(
    detector: Detector, fleet: list[Box], right: int, down: int
) -> None:
    dx, dy = 32 * right, 32 * down
    still = detector.predict(drawn((TILE, TILE), *fleet)).ships
    rgb = np.roll(drawn((TILE, TILE), *fleet), (dy, dx), axis=(0, 1))
    moved = detector.predict(rgb).ships
    assert boxes(moved) == [(a + dx, b + dy, c + dx, d + dy) for a, b, c, d in boxes(still)]


def test_ships_of_several_windows_come_row_by_row(detector: Detector, watched: Watched) -> None:
    # The lower window begins further up than the first ship of the upper one ends.
    fleet = [(600, 10, 610, 20), (40, 30, 50, 40), (620, 60, 630, 70), (60, 90, 70, 100)]
    found = detector.predict(drawn((TILE, TILE), *fleet))
    assert len(watched.shapes) == 2
    assert boxes(found.ships) == fleet
    keys = [reading_order(ship) for ship in found.ships]
    assert keys == sorted(keys)


# --- hulls that run out of their window


@pytest.mark.parametrize("box", [(0, 380, 768, 392), (380, 0, 392, 768), (90, 500, 700, 530)])
def test_a_hull_that_the_gate_saw_one_end_of_is_whole(
    detector: Detector, watched: Watched, box: Box
) -> None:
    rgb = draw(sea(TILE, TILE), box, RED)
    draw(rgb, (box[0], box[1], box[0] + 8, box[1] + 8))
    assert boxes(detector.detect(rgb)) == [box]
    # The reach doubles: a few looks, not one for every 32 px.
    assert 2 <= len(watched.shapes) <= 5


def test_a_hull_over_two_windows_is_one_ship(detector: Detector, watched: Watched) -> None:
    # The gate sees bow and stern, and a window around each; between them it sees nothing.
    box = (40, 380, 730, 396)
    rgb = draw(sea(TILE, TILE), box, RED)
    draw(rgb, (40, 380, 60, 396))
    draw(rgb, (700, 380, 730, 396))
    (ship,) = detector.detect(rgb)
    assert (ship.box_xyxy, ship.area_px) == (box, 690 * 16)
    assert watched.shapes[:2] == [(LEAST, LEAST)] * 2


def test_a_picture_that_is_all_ship_costs_few_looks(detector: Detector, watched: Watched) -> None:
    rgb = draw(sea(1500, 1500), (0, 0, 1500, 1500), RED)
    draw(rgb, (700, 700, 720, 720))
    assert boxes(detector.detect(rgb)) == [(0, 0, 1500, 1500)]
    assert len(watched.shapes) <= 6


def test_a_ship_at_the_edge_of_an_odd_picture_is_looked_at_once(
    detector: Detector, watched: Watched
) -> None:
    # 750 px end within a cell, and beyond the picture there is nothing to go on to.
    rgb = drawn((750, 750), (650, 740, 750, 750))
    assert boxes(detector.detect(rgb)) == [(650, 740, 750, 750)]
    assert len(watched.shapes) == 1


# --- pictures of every size


@pytest.mark.parametrize(
    "shape_hw",
    [(768, 768), (1, 1), (5, 900), (900, 5), (100, 100), (255, 257), (767, 769), (1000, 1033)],
)
def test_a_picture_of_any_size(detector: Detector, shape_hw: tuple[int, int]) -> None:
    height, width = shape_hw
    empty = detector.predict(sea(height, width))
    assert (empty.passed, empty.ships) == (False, ())
    ship = (width // 2, height // 2, width // 2 + min(9, width), height // 2 + min(9, height))
    ship = (ship[0], ship[1], min(ship[2], width), min(ship[3], height))
    for gated in (True, False):
        found = detector.predict(drawn(shape_hw, ship), gated=gated)
        assert found.shape_hw == shape_hw
        whole = (ship[2] - ship[0]) * (ship[3] - ship[1]) >= 4
        assert boxes(found.ships) == [ship] * whole


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_a_corner_of_any_picture_is_seen(detector: Detector, data: st.DataObject) -> None:
    height, width = data.draw(st.tuples(st.integers(8, 1700), st.integers(8, 1000)))
    y = data.draw(st.sampled_from([0, height - 8]))
    x = data.draw(st.sampled_from([0, width - 8]))
    box = (x, y, x + 8, y + 8)
    assert boxes(detector.detect(drawn((height, width), box))) == [box]


def test_every_window_that_passes_is_looked_at(pixel_bundle: Path) -> None:
    # No cell is hot by itself: 0.5 is the cells' threshold, 0.3 the gate's.
    detector = Detector(pixel_bundle, gate_threshold=0.3)
    rgb = drawn((TILE, 2 * TILE + 128), (100, 100, 140, 120), (1400, 300, 1440, 320))
    rgb[..., 1] = rgb[..., 1] // 255 * 100
    rgb[300:320, 1400:1440, 1] = 110
    assert boxes(detector.detect(rgb)) == [(100, 100, 140, 120), (1400, 300, 1440, 320)]


def test_tiled_equals_whole(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = [
        (20, 20, 90, 40),
        (1330, 300, 1560, 330),
        (1400, 100, 1410, 700),
        (2000, 880, 2100, 900),
    ]
    rgb = drawn((900, 2100), *fleet)
    asked = Watched(detector, monkeypatch)
    tiled = detector.predict(rgb, gated=False)
    assert len(asked.shapes) == 2
    monkeypatch.setattr(module, "_WHOLE_PX", 10_000)
    whole = detector.predict(rgb, gated=False)
    assert asked.shapes[2:] == [(928, 2112)]
    assert [ship.rle for ship in tiled.ships] == [ship.rle for ship in whole.ships]
    # The second and third cross, so they are one.
    assert len(whole.ships) == 3
    assert [ship.score for ship in tiled.ships] == [1.0] * 3


def test_blending_changes_no_map_that_the_windows_agree_on(detector: Detector) -> None:
    rgb = np.random.default_rng(3).integers(0, 256, (1600, 1700, 3), np.uint8)
    rgb[:, ::2, 0] = 255
    red = rgb[..., 0] / np.float32(255)
    expected = np.stack([red, red])
    found = detector._maps_of(Picture(rgb), Window(0, 0, 1700, 1600))
    np.testing.assert_allclose(found, expected, rtol=3e-7)
    # 0 and 1 to the last bit.
    np.testing.assert_array_equal(found[..., ::2], 1.0)
    np.testing.assert_array_equal(found == 0, expected == 0)


# --- nodata


def test_nodata_is_never_ship(pixel_bundle: Path) -> None:
    rgb = drawn((TILE, TILE), (300, 300, 400, 340))
    valid = np.ones((TILE, TILE), bool)
    valid[:, 350:] = False
    for threshold in (None, 0.0):
        detector = Detector(pixel_bundle, threshold=threshold)
        for gated in (True, False):
            found = detector.predict(Picture(rgb, valid), gated=gated)
            assert found.ships
            assert not (found.mask & ~valid).any()


def test_a_hot_cell_wholly_in_nodata_opens_no_window(detector: Detector, watched: Watched) -> None:
    rgb = drawn((TILE, TILE), (96, 96, 160, 160), (600, 600, 640, 620))
    valid = np.ones((TILE, TILE), bool)
    valid[:256, :256] = False
    picture = Picture(rgb, valid)
    sighting = detector.look(picture)
    assert not sighting.hot[:8, :8].any()
    assert boxes(detector.detect(picture)) == [(600, 600, 640, 620)]
    assert watched.shapes == [(LEAST, LEAST)]


def test_a_picture_of_nothing_but_nodata_does_not_pass(detector: Detector) -> None:
    rgb = drawn((TILE, 900), (96, 96, 160, 160))
    found = detector.predict(Picture(rgb, np.zeros((TILE, 900), bool)))
    assert (found.passed, found.ship_probability, found.ships) == (False, 0.0, ())


def test_the_gate_is_not_asked_about_windows_of_nodata(detector: Detector) -> None:
    valid = np.zeros((TILE, 2 * TILE), bool)
    valid[:, :100] = True
    rgb = drawn((TILE, 2 * TILE), (1200, 100, 1300, 150))
    assert detector.predict(Picture(rgb, valid)).ship_probability == 0.0


def test_a_hot_cell_of_an_unaligned_window_stands_over_valid_cells(detector: Detector) -> None:
    # The second window begins at 232, between two cells. Its cell 20 reaches from 872 to 904, over
    # the picture's cell 27, which is nodata, and its cell 28, where the ship is.
    valid = np.ones((1000, TILE), bool)
    valid[864:896] = False
    picture = Picture(drawn((1000, TILE), (100, 896, 140, 904)), valid)
    rows = np.unique(np.nonzero(detector.look(picture).hot)[0])
    assert rows.tolist() == [28]
    assert boxes(detector.detect(picture)) == [(100, 896, 140, 904)]


# --- sources


@pytest.fixture
def png(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.fromarray(drawn((300, 400), (100, 120, 140, 130))).save(path)
    return path


def test_every_kind_of_source_is_the_same_picture(detector: Detector, png: Path) -> None:
    rgb = drawn((300, 400), (100, 120, 140, 130))
    sources = [str(png), png, png.read_bytes(), rgb, Picture(rgb), np.asfortranarray(rgb)]
    found = [detector.predict(source) for source in sources]
    assert [f.name for f in found] == ["a.png", "a.png", *["image"] * 4]
    for one in found:
        assert boxes(one.ships) == boxes(detector.detect(rgb)) == [(100, 120, 140, 130)]
    assert detector.classify(png) == 1.0


@pytest.mark.parametrize(
    "source",
    [sea(4, 4)[..., 0], sea(4, 4).astype(np.float32), np.zeros((4, 4, 4), np.uint8), sea(0, 4)],
)
def test_another_array_is_refused(detector: Detector, source: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(BadInputError, match="the array is"):
        detector.predict(source)


def test_bytes_that_are_no_picture_are_refused(detector: Detector) -> None:
    with pytest.raises(ImageError):
        detector.predict(b"no picture")


def test_a_source_is_left_as_it_was(detector: Detector) -> None:
    rgb = drawn((300, 400), (100, 120, 140, 130))
    valid = np.ones((300, 400), bool)
    valid[:, 350:] = False
    picture = Picture(rgb.copy(), valid.copy())
    rgb.flags.writeable = False
    detector.predict(rgb)
    detector.predict(picture, gated=False)
    np.testing.assert_array_equal(picture.rgb, rgb)
    np.testing.assert_array_equal(picture.valid, valid)


# --- settings


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_a_threshold_is_a_probability(pixel_bundle: Path, value: float) -> None:
    with pytest.raises(UsageError, match=r"the threshold is .*, expected a number in 0\.\.1"):
        Detector(pixel_bundle, threshold=value)
    with pytest.raises(UsageError, match="the gate threshold is"):
        Detector(pixel_bundle, gate_threshold=value)


@pytest.mark.parametrize("threads", [0, -1])
def test_there_is_at_least_one_thread(pixel_bundle: Path, threads: int) -> None:
    with pytest.raises(UsageError, match="expected 1 or more"):
        Detector(pixel_bundle, threads=threads)


def test_thresholds_are_the_bundle_s_unless_given(pixel_bundle: Path) -> None:
    rgb = draw(sea(TILE, TILE), (300, 400, 340, 412), (150, 150, 150))
    plain = Detector(pixel_bundle)
    assert (plain.threshold, plain.gate_threshold) == (0.5, 0.5)
    assert len(plain.detect(rgb)) == 1
    assert Detector(pixel_bundle, threshold=0.6).detect(rgb) == ()
    assert not Detector(pixel_bundle, gate_threshold=0.6).predict(rgb).passed
    # A value just at the threshold is in.
    exact = float(np.float32(150) / np.float32(255))
    assert len(Detector(pixel_bundle, threshold=exact).detect(rgb)) == 1


def test_two_threads_give_the_same(pixel_bundle: Path) -> None:
    rgb = drawn((TILE, TILE), (300, 400, 340, 412))
    one, two = (Detector(pixel_bundle, threads=n).detect(rgb) for n in (1, 2))
    assert [ship.rle for ship in one] == [ship.rle for ship in two]


@pytest.fixture
def odd_bundle(tmp_path: Path) -> Path:
    """A segmenter whose windows have sides of multiples of 48, and crops that are none."""
    return write_pixel_bundle(tmp_path / "odd", multiple=48, crop_size=100, min_area_px=50)


def test_the_bundle_s_multiple_and_least_area_are_kept(
    odd_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = Detector(odd_bundle)
    watched = Watched(detector, monkeypatch)
    rgb = drawn((500, 500), (300, 400, 340, 412), (320, 380, 327, 387), (490, 490, 500, 500))
    found: Detection = detector.predict(rgb)
    assert boxes(found.ships) == [(300, 400, 340, 412), (490, 490, 500, 500)]
    assert all(side % 48 == 0 for shape in watched.shapes for side in shape)


def test_a_missing_bundle_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model bundle"):
        Detector(tmp_path / "none")
    with pytest.raises(BundleError):
        Detector(tmp_path)


def test_the_mask_is_the_union_of_the_ships(detector: Detector) -> None:
    found = detector.predict(drawn((300, 300), (10, 10, 30, 20), (100, 100, 120, 140)))
    assert rle.area(rle.mask_to_runs(found.mask)) == sum(ship.area_px for ship in found.ships)
