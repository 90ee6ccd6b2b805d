from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inference.pixels import draw, refiner_graph, sea, sides_of, write_pixel_bundle
from shapely import LineString, Polygon, box
from shapely.affinity import translate

from shipseg.errors import BadInputError
from shipseg.imaging.picture import Picture
from shipseg.imaging.synthetic import draw_scene
from shipseg.imaging.tiling import Window
from shipseg.inference.detector import Detector
from shipseg.scenes.batch import SceneSettings, settings_key
from shipseg.scenes.looks import SQUARE_PX, WHOLE_PX
from shipseg.scenes.result import SceneResult

from .rasters import boxes, find, iou, save

GREEN = (0, 255, 0)


def of_whole(detector: Detector, rgb: np.ndarray) -> list[tuple[Polygon, float]]:
    """What the tiles' detector finds, in the order of scenes."""
    found = [(ship.polygon, ship.score) for ship in detector.predict(rgb).ships]
    return sorted(found, key=lambda pair: (pair[0].bounds[1], pair[0].bounds[0], pair[0].bounds))


def assert_same(result: SceneResult, expected: list[tuple[Polygon, float]]) -> None:
    assert len(result.ships) == len(expected) > 0
    for ship, (outline, score) in zip(result.ships, expected, strict=True):
        assert ship.outline.equals(outline)
        assert ship.score == score


@pytest.mark.parametrize("seed", [1, 3])
def test_a_scene_gives_what_the_whole_picture_gives(
    bundled: Detector, tmp_path: Path, seed: int
) -> None:
    rgb = draw_scene(seed, (1300, 1500), ships=9).rgb
    result = find(bundled, save(tmp_path / "s.tif", rgb), whole_px=1536)
    assert_same(result, of_whole(bundled, rgb))
    assert result.looked_at_px == 1300 * 1500


def test_a_scene_refuses_what_the_whole_picture_refuses(tmp_path: Path) -> None:
    by_cell = {"intercept": -3.0, "slope": 0.0, "area_slope": 0.0, "cell_slope": 1.0, "least": 0.5}
    doubting = Detector(write_pixel_bundle(tmp_path / "bundle", objectness=by_cell))
    rgb = draw(sea(900, 1700), (100, 120, 160, 132))
    # The gate reads green; the segmenter red. This one's windows overlap.
    draw(rgb, (700, 600, 760, 612), (255, 200, 255))
    path = save(tmp_path / "s.tif", rgb)
    result = find(doubting, path)
    assert_same(result, of_whole(doubting, rgb))
    assert boxes(result) == [(100, 120, 160, 132)]
    assert boxes(find(doubting, path, gated=False)) == [
        (100, 120, 160, 132), (700, 600, 760, 612),
    ]  # fmt: skip


# Examples are few: each is a scene.
few = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize(("seed", "least"), [(21, 0.85), (26, 0.7)])
def test_squares_give_what_one_large_look_gives(
    bundled: Detector, tmp_path: Path, seed: int, least: float
) -> None:
    """A network's answer depends on what else it sees: by a few pixels, and more at some quays."""
    size = 3 * SQUARE_PX
    path = save(tmp_path / "s.tif", draw_scene(seed, (size, size), ships=40, coast=True).rgb)
    squares, whole = (
        find(bundled, path, whole_px=whole_px, gated=False) for whole_px in (512, 2 * size)
    )
    sure = [ship.outline for ship in whole.ships if ship.score >= 0.5]
    assert len(sure) >= 12
    at_border = [
        s for s in sure
        if any(s.distance(line) == 0 for n in (1, 2) for line in _lines(n * SQUARE_PX, size))
    ]  # fmt: skip
    assert len(at_border) >= 3
    same = [max(iou(outline, ship.outline) for ship in squares.ships) for outline in sure]
    assert np.quantile(same, 0.1) > 0.85
    assert min(same) > least


def _lines(at: int, size: int) -> tuple[LineString, LineString]:
    return LineString([(at, 0), (at, size)]), LineString([(0, at), (size, at)])


@few
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1500), st.integers(0, 1200), st.integers(3, 260), st.integers(3, 30)
        ),
        min_size=1,
        max_size=8,
    ),
    st.booleans(),
)
def test_windows_make_no_difference(
    pixels: Detector, tmp_path: Path, rectangles: list[tuple[int, ...]], harbour: bool
) -> None:
    # Here a pixel's probability depends on no surroundings, so squares must agree as well.
    rgb = sea(1300, 1700)
    if harbour:
        rgb[100:1290, 40:1650] = GREEN
    for x, y, length, beam in rectangles:
        draw(rgb, (x, y, min(1700, x + length), min(1300, y + beam)))
    path = save(tmp_path / "s.tif", rgb)
    expected = of_whole(pixels, rgb)
    for whole_px in (256, WHOLE_PX):
        assert_same(find(pixels, path, whole_px=whole_px), expected)


STRAIGHTENING = {"rectangularity": 0.75, "longer_px": 6.0, "narrower_px": 2.0}


@pytest.fixture(scope="module")
def straightening(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    folder = tmp_path_factory.mktemp("bundle") / "pixels"
    return Detector(write_pixel_bundle(folder, straightening=STRAIGHTENING))


@pytest.fixture(scope="module")
def refining(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    folder = tmp_path_factory.mktemp("bundle") / "pixels"
    # What it says follows from the pixels that it sees.
    graph = refiner_graph(sides_of(60, 20, ahead=1.0, longer=0.9, wider=0.9), bright=0.1)
    return Detector(write_pixel_bundle(folder, refiner=graph, straightening=STRAIGHTENING))


@pytest.mark.parametrize("which", ["straightening", "refining"])
@few
@given(
    st.lists(
        st.tuples(
            st.integers(0, 900), st.integers(0, 700), st.integers(20, 90), st.integers(5, 30)
        ),
        min_size=1, max_size=14,
    ),
)  # fmt: skip
def test_hulls_are_straightened_as_on_a_tile(
    request: pytest.FixtureRequest, which: str, tmp_path: Path, rectangles: list[tuple[int, ...]]
) -> None:
    detector: Detector = request.getfixturevalue(which)
    rgb = sea(800, 1000)
    rgb[..., 2] = 1
    for x, y, length, beam in rectangles:
        draw(rgb, (x, y, min(1000, x + length), min(800, y + beam)))
    rgb[300:340, 500:520] = 0
    picture = Picture(rgb, rgb.any(axis=-1))
    found = [(ship.polygon, ship.score) for ship in detector.predict(picture).ships]
    found.sort(key=lambda pair: (pair[0].bounds[1], pair[0].bounds[0], pair[0].bounds))
    result = find(detector, save(tmp_path / "s.tif", rgb, nodata=0))
    assert_same(result, found)
    lost = box(500, 300, 520, 340)
    assert not any(ship.outline.intersection(lost).area for ship in result.ships)
    for index, ship in enumerate(result.ships):
        for other in result.ships[index + 1 :]:
            assert ship.outline.intersection(other.outline).area == 0


def test_a_bundle_says_whether_hulls_are_straightened() -> None:
    rgb = draw_scene(3, (500, 500), ships=4, coast=False).rgb
    plain, straight = Detector(straighten=False), Detector()
    assert straight.manifest.segmenter.straightening is not None
    assert plain.outliner.straightening is None
    assert settings_key(plain, SceneSettings()) != settings_key(straight, SceneSettings())
    masks, hulls = ([ship.rle for ship in d.predict(rgb).ships] for d in (plain, straight))
    # One of the drawn ships lies alongside another, and is parted from it.
    assert (len(masks), len(hulls)) == (2, 3)
    # The other one is cut by the edge and keeps its mask.
    assert len(set(masks) & set(hulls)) == 1


def test_a_lone_hull_is_straightened(straightening: Detector, tmp_path: Path) -> None:
    rgb = draw(sea(800, 1000), (300, 300, 360, 320))
    path = save(tmp_path / "s.tif", rgb)
    (ship,) = find(straightening, path).ships
    assert ship.outline.bounds == (297, 301, 363, 319)


def test_a_refiner_sees_the_scene_s_pixels(
    refining: Detector, straightening: Detector, tmp_path: Path
) -> None:
    for blue in (0, 250):
        rgb = draw(sea(800, 1000), (300, 300, 360, 320))
        rgb[..., 2] = np.maximum(rgb[..., 2], blue)
        path = save(tmp_path / f"{blue}.tif", rgb)
        (ship,) = find(refining, path).ships
        (plain,) = find(straightening, path).ships
        # The brighter the water, the larger it says that the hull is.
        larger = ship.outline.area > plain.outline.area
        assert larger == (blue > 0)


def test_a_ship_over_four_squares_is_one(pixels: Detector, tmp_path: Path) -> None:
    rgb = sea(2048, 2048)
    # So much is hot that it is looked at square by square.
    rgb[64:1984, 64:1984] = GREEN
    corner = 2 * SQUARE_PX
    draw(rgb, (corner - 90, corner - 10, corner + 70, corner + 12))
    result = find(pixels, save(tmp_path / "s.tif", rgb))
    assert boxes(result) == [(corner - 90, corner - 10, corner + 70, corner + 12)]
    assert not result.ships[0].cut


def test_ships_that_touch_a_border_at_a_corner_are_one(pixels: Detector, tmp_path: Path) -> None:
    rgb = sea(1536, 1536)
    rgb[:] = GREEN
    at = SQUARE_PX
    draw(rgb, (at - 20, at - 20, at, at))
    draw(rgb, (at, at, at + 20, at + 20))
    result = find(pixels, save(tmp_path / "s.tif", rgb))
    assert boxes(result) == [(at - 20, at - 20, at + 20, at + 20)]
    assert result.ships[0].outline.is_valid


def test_a_hull_is_followed_where_the_gate_saw_nothing(pixels: Detector, tmp_path: Path) -> None:
    rgb = sea(600, 3000)
    # Red only: of 2,400 px the gate sees the first forty.
    draw(rgb, (300, 300, 2700, 320), (255, 0, 0))
    draw(rgb, (300, 300, 340, 320))
    result = find(pixels, save(tmp_path / "s.tif", rgb))
    assert boxes(result) == [(300, 300, 2700, 320)]


def test_a_shift_by_strides_moves_the_ships_by_it(bundled: Detector, tmp_path: Path) -> None:
    stride = 640
    drawn = draw_scene(5, (500, 500), ships=4, coast=False).rgb
    found = []
    for steps in (1, 2):
        # The rest is nodata. The scene ends with a window of the gate, so none is moved inwards.
        rgb = np.zeros((3 * stride + 128, 3 * stride + 128, 3), np.uint8)
        at = 132 + steps * stride
        rgb[at : at + 500, at : at + 500] = np.maximum(drawn, 1)
        found.append(find(bundled, save(tmp_path / f"{steps}.tif", rgb, nodata=0)))
    assert len(found[0].ships) >= 3
    assert_same(found[1], [(translate(s.outline, stride, stride), s.score) for s in found[0].ships])


def test_a_shift_by_any_offset_moves_sure_ships_by_it(bundled: Detector, tmp_path: Path) -> None:
    """By the tolerance of docs/scenes.md, which few ships miss; none of these."""
    rgb = draw_scene(14, (1450, 1450), ships=12, coast=False).rgb
    first = find(bundled, save(tmp_path / "s.tif", rgb[:1200, :1200]))
    inner = box(150, 250, 1100, 1100)
    sure = [s.outline for s in first.ships if s.score >= 0.5 and inner.contains(s.outline)]
    assert len(sure) >= 4
    for dx, dy in ((7, 3), (100, 213)):
        moved = find(bundled, save(tmp_path / "s.tif", rgb[dy : dy + 1200, dx : dx + 1200]))
        for outline in sure:
            expected = translate(outline, -dx, -dy)
            assert max(iou(expected, s.outline) for s in moved.ships) > 0.85


def test_workers_make_no_difference(bundled: Detector, tmp_path: Path) -> None:
    path = save(tmp_path / "s.tif", draw_scene(2, (900, 1100), ships=6, coast=True).rgb)
    one, three = (find(bundled, path, workers=n) for n in (1, 3))
    assert_same(three, [(s.outline, s.score) for s in one.ships])


def test_nothing_is_found_in_nodata(pixels: Detector, tmp_path: Path) -> None:
    rgb = sea(900, 900)
    draw(rgb, (100, 100, 160, 112))
    draw(rgb, (500, 500, 560, 512))
    alpha = np.full((900, 900, 1), 255, np.uint8)
    alpha[:, :300] = 0
    path = save(
        tmp_path / "s.tif", np.concatenate([rgb, alpha], -1),
        colours=["red", "green", "blue", "alpha"],
    )  # fmt: skip
    result = find(pixels, path)
    assert boxes(result) == [(500, 500, 560, 512)]
    assert result.looked_at_px == 900 * 600


def test_ships_at_edges_and_beside_nodata_are_cut(pixels: Detector, tmp_path: Path) -> None:
    rgb = sea(900, 900)
    rgb[..., 2] = 1
    for place in ((0, 100, 60, 112), (300, 300, 360, 312), (500, 500, 560, 512)):
        draw(rgb, place)
    rgb[500:512, 560:] = 0
    result = find(pixels, save(tmp_path / "s.tif", rgb, nodata=0))
    assert [ship.cut for ship in result.ships] == [True, False, True]


def test_an_area_of_interest_is_all_that_is_looked_at(pixels: Detector, tmp_path: Path) -> None:
    rgb = sea(900, 900)
    draw(rgb, (100, 100, 160, 112))
    draw(rgb, (500, 500, 560, 512))

    def left(window: Window) -> np.ndarray:
        columns = np.arange(window.x0, window.x1) < 130
        return np.broadcast_to(columns, window.shape_hw)

    result = find(pixels, save(tmp_path / "s.tif", rgb), valid_area=left)
    assert boxes(result) == [(100, 100, 130, 112)]
    assert result.ships[0].cut
    assert result.looked_at_px == 130 * 900


def test_without_the_gate_everything_is_segmented(pixels: Detector, tmp_path: Path) -> None:
    rgb = draw(sea(700, 900), (300, 300, 360, 312), (255, 0, 0))
    path = save(tmp_path / "s.tif", rgb)
    assert boxes(find(pixels, path)) == []
    assert boxes(find(pixels, path, gated=False)) == [(300, 300, 360, 312)]


def test_all_that_is_ship_cannot_be(
    pixels: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shipseg.scenes.detect._MOST_BYTES", 1_000_000)
    path = save(tmp_path / "s.tif", np.full((1600, 1600, 3), 255, np.uint8))
    with pytest.raises(BadInputError, match="ships would fill more than"):
        find(pixels, path)


def test_a_blob_larger_than_any_ship_is_left_apart(
    pixels: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shipseg.scenes.joining.MOST_BOX_PX", 100_000)
    rgb = draw(sea(600, 2000), (100, 200, 1900, 300))
    result = find(pixels, save(tmp_path / "s.tif", rgb))
    assert len(result.ships) > 1
    assert sum(ship.outline.area for ship in result.ships) == 1800 * 100
    assert any("larger together than any ship" in warning for warning in result.warnings)


def test_an_empty_scene_has_no_ships(pixels: Detector, tmp_path: Path) -> None:
    result = find(pixels, save(tmp_path / "s.tif", sea(500, 500), nodata=0))
    assert (len(result.ships), result.looked_at_px) == (0, 0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (33, 20), (769, 1000)])
def test_scenes_of_any_shape(pixels: Detector, tmp_path: Path, shape: tuple[int, int]) -> None:
    rgb = np.full((*shape, 3), 255, np.uint8)
    result = find(pixels, save(tmp_path / "s.tif", rgb))
    area = shape[0] * shape[1]
    assert sum(ship.outline.area for ship in result.ships) == (area if area >= 4 else 0)


def test_the_example_of_the_docs_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "scenes.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    save(tmp_path / "harbour.tif", draw_scene(3, (700, 800), ships=3).rgb)
    monkeypatch.chdir(tmp_path)
    found: dict[str, SceneResult] = {}
    exec(code, found)
    assert found["result"].name == "harbour.tif"
    assert len(found["result"].ships) > 0


def test_progress_is_told(pixels: Detector, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    path = save(tmp_path / "s.tif", draw(sea(900, 900), (300, 300, 360, 312)))
    find(pixels, path, progress=lambda *what: told.append(what))
    assert told == [("gate", n, 4) for n in range(1, 5)] + [("segmenter", 1, 1)]
