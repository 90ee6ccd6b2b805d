from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from shipseg.errors import UsageError
from shipseg.rle import Runs, mask_to_runs
from shipseg.writers import draw_comparison, draw_overlay, write_mask, write_picture
from shipseg.writers.comparison import AGREED, FALSE, MISSED
from shipseg.writers.outlines import PALETTE, draw_outline
from shipseg.writers.tags import Tag, draw_tags, drawable


@dataclass(frozen=True)
class FakeShip:
    runs: Runs
    score: float = 0.5


def rectangle(shape_hw: tuple[int, int], x0: int, y0: int, x1: int, y1: int) -> Runs:
    mask = np.zeros(shape_hw, np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask_to_runs(mask)


def ground(grey: int, shape_hw: tuple[int, int] = (120, 160)) -> npt.NDArray[np.uint8]:
    return np.full((*shape_hw, 3), grey, np.uint8)


def brightness(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    return rgb @ np.array([0.299, 0.587, 0.114])


def test_masks_are_0_and_255(tmp_path: Path) -> None:
    mask = np.zeros((5, 7), np.bool_)
    mask[1:3, 2:6] = True
    write_mask(tmp_path / "m.png", mask)
    with Image.open(tmp_path / "m.png") as image:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), np.where(mask, 255, 0))


def test_pictures_come_back_as_they_were(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    write_picture(tmp_path / "p.png", rgb)
    with Image.open(tmp_path / "p.png") as image:
        assert np.array_equal(np.asarray(image), rgb)


@pytest.mark.parametrize("grey", [0, 20, 128, 255])
def test_the_outline_lies_outside_and_leaves_the_ship_alone(grey: int) -> None:
    rgb = ground(grey)
    before = rgb.copy()
    draw_outline(rgb, rectangle((120, 160), 50, 40, 90, 60), PALETTE[0])
    changed = (rgb != before).any(axis=2)
    assert not changed[40:60, 50:90].any()
    # Within five pixels of the ship, on all sides.
    assert changed[34:66, 44:96].sum() == changed.sum()
    middle_row, middle_column = changed[50], changed[:, 70]
    assert middle_row[:50].any()
    assert middle_row[90:].any()
    assert middle_column[:40].any()
    assert middle_column[60:].any()


def test_the_outline_has_its_colour_and_a_dark_seam_on_white() -> None:
    rgb = ground(255)
    draw_outline(rgb, rectangle((120, 160), 50, 40, 90, 60), (255, 214, 0))
    row = rgb[50, :50]
    # The line's middle is 1.6 px outside: pixel 48 lies wholly within its 1.6 px.
    assert row[48].tolist() == [255, 214, 0]
    assert brightness(row[None, 46])[0] < 200
    assert row[40].tolist() == [255, 255, 255]


@pytest.mark.parametrize("grey", [15, 250])
@pytest.mark.parametrize("colour", PALETTE)
def test_every_colour_stands_out_on_dark_sea_and_white_cloud(
    grey: int, colour: tuple[int, int, int]
) -> None:
    rgb = ground(grey)
    draw_outline(rgb, rectangle((120, 160), 50, 40, 90, 60), colour)
    seen = brightness(rgb[50, 40:50])
    assert max(abs(seen - grey)) > 80


def test_outlines_are_cut_at_the_edge() -> None:
    rgb = ground(30)
    draw_outline(rgb, rectangle((120, 160), 0, 0, 10, 120), PALETTE[1])
    assert (rgb[:, 10:16] != 30).any()
    assert (rgb[:, 17:] == 30).all()


def test_an_empty_mask_draws_nothing() -> None:
    rgb = ground(30)
    draw_outline(rgb, np.zeros((0, 2), np.int64), PALETTE[1])
    assert (rgb == 30).all()


def test_an_overlay_leaves_its_picture_alone_and_tags_every_ship() -> None:
    rgb = ground(30)
    ships = [FakeShip(rectangle((120, 160), x, 60, x + 30, 70), 0.87) for x in (10, 60, 110)]
    plain, tagged = draw_overlay(rgb, ships, tags=False), draw_overlay(rgb, ships)
    assert (rgb == 30).all()
    differs = (plain != tagged).any(axis=2)
    for x in (10, 60, 110):
        assert differs[:, max(x - 15, 0) : x + 45].any()
        # No tag lies on a hull.
        assert not differs[60:70, x : x + 30].any()


def test_an_overlay_is_the_same_every_time() -> None:
    ships = [FakeShip(rectangle((120, 160), 50, 40, 90, 60))]
    assert np.array_equal(draw_overlay(ground(30), ships), draw_overlay(ground(30), ships))


@pytest.mark.parametrize("shape_hw", [(1, 1), (5, 5), (768, 3)])
def test_pictures_too_small_for_a_tag_go_without(shape_hw: tuple[int, int]) -> None:
    ship = FakeShip(rectangle(shape_hw, 0, 0, shape_hw[1], shape_hw[0]))
    assert draw_overlay(ground(30, shape_hw), [ship]).shape == (*shape_hw, 3)


def test_tags_do_not_cover_each_other() -> None:
    image = Image.new("RGB", (300, 200))
    tags = [Tag(str(i), "0.50", PALETTE[i], (100 + 4 * i, 90, 104 + 4 * i, 94)) for i in range(4)]
    draw_tags(image, tags)
    # Each colour of number can be read, so no tag hides one.
    pixels = np.asarray(image).reshape(-1, 3)
    for colour in PALETTE[:4]:
        assert (np.abs(pixels.astype(int) - colour).sum(axis=1) < 40).any()


def test_an_overlay_refuses_other_pictures() -> None:
    with pytest.raises(UsageError, match=r"\(H, W, 3\) uint8"):
        draw_overlay(np.zeros((4, 4), np.uint8), [])


def test_the_font_lacks_what_is_replaced() -> None:
    assert drawable("0a1b.jpg · F2 ‮é漢") == "0a1b.jpg · F2 ???"


def compare(
    rgb: npt.NDArray[np.uint8], truth: list[Runs], ours: list[Runs]
) -> npt.NDArray[np.uint8]:
    return draw_comparison(rgb, truth, ours, title="0a1b.jpg", figures="Dice 0.50")


def test_a_comparison_shows_three_panels_and_colours_the_errors() -> None:
    shape_hw = (400, 400)
    truth = rectangle(shape_hw, 100, 100, 200, 140)
    ours = rectangle(shape_hw, 150, 100, 250, 140)
    rgb = ground(60, shape_hw)
    picture = compare(rgb, [truth], [ours])
    assert picture.dtype == np.uint8
    height, width = picture.shape[:2]
    assert width == 3 * 400 + 4 * 16
    top = height - 16 - 400
    panels = [picture[top : top + 400, 16 + i * 416 : 416 + i * 416] for i in range(3)]
    assert (panels[0] == 60).all()
    assert tuple(panels[1][120, 120]) == AGREED
    assert tuple(panels[1][120, 240]) == (27, 27, 27)
    assert tuple(panels[2][120, 120]) == MISSED
    assert tuple(panels[2][120, 170]) == AGREED
    assert tuple(panels[2][120, 240]) == FALSE
    # Captions above, on white paper.
    assert (picture[:top] < 100).any()
    assert (picture[0] == 255).all()


def test_the_legend_names_only_what_is_there() -> None:
    shape_hw = (400, 400)
    ship = rectangle(shape_hw, 100, 100, 200, 140)
    right = compare(ground(60, shape_hw), [ship], [ship])
    for colour in (FALSE, MISSED):
        assert not (right == colour).all(axis=2).any()


def test_a_comparison_of_nothing() -> None:
    assert compare(ground(60, (400, 400)), [], []).shape[1] == 1264


@pytest.mark.parametrize("shape_hw", [(1, 1), (40, 30), (3000, 200)])
def test_comparisons_of_odd_sizes_stay_readable(shape_hw: tuple[int, int]) -> None:
    picture = compare(ground(60, shape_hw), [], [rectangle(shape_hw, 0, 0, 1, 1)])
    assert 3 * 320 <= picture.shape[1] <= 3 * 768 + 64
    assert picture.shape[0] < 900
