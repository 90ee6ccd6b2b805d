from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, label

from shipseg.dataset.overlap import Overlap, find_overlaps
from shipseg.labels import LabelTable

from .acquisitions import BLOCK, TILE, cut, draw_sea, rectangle, save, save_tiles, table_of

STEP = st.integers(-2, 2)


def pairs_of(table: LabelTable, images: Path | None = None) -> tuple[Overlap, ...]:
    return find_overlaps(table, images, block_px=BLOCK).overlaps


def draw_ships(seed: int) -> list[npt.NDArray[np.bool_]]:
    """Draw blobs on a plane of seven blocks."""
    side = 7 * BLOCK
    noise = np.random.default_rng(seed).standard_normal((side, side))
    smooth = gaussian_filter(noise, 5)
    blobs, count = label(smooth > 2.2 * smooth.std())
    return [blobs == index + 1 for index in range(count)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9), STEP, STEP)
def test_masks_moved_by_blocks_are_found_where_blocks_share_enough(
    seed: int, dx: int, dy: int
) -> None:
    ships = draw_ships(seed)
    places = {"a.jpg": (2, 2), "b.jpg": (2 + dx, 2 + dy)}
    masks = {name: [cut(ship, place) for ship in ships] for name, place in places.items()}
    found = pairs_of(table_of(masks))
    # Ten pixels in three columns: counted on painted masks, block by block.
    x0, y0 = 2 + max(dx, 0), 2 + max(dy, 0)
    x1, y1 = 5 + min(dx, 0), 5 + min(dy, 0)
    blocks = [
        ship[y * BLOCK : (y + 1) * BLOCK, x * BLOCK : (x + 1) * BLOCK]
        for ship in [*ships, np.logical_or.reduce(ships)]
        for x in range(x0, x1)
        for y in range(y0, y1)
    ]
    enough = any(block.sum() >= 10 and segments(block) >= 3 for block in blocks)
    expected = (Overlap("a.jpg", "b.jpg", (dx * BLOCK, dy * BLOCK), "ships"),)
    assert found == (expected if enough else ())


def segments(block: npt.NDArray[np.bool_]) -> int:
    """Count the vertical runs."""
    return int(block[0].sum() + np.count_nonzero(block[1:] & ~block[:-1]))


def test_touching_ships_may_be_one_row_or_two() -> None:
    upper, lower = rectangle(80, 70, 20, 10), rectangle(80, 80, 20, 14)
    moved = rectangle(80 - BLOCK, 70, 20, 24)
    table = table_of({"two.jpg": [upper, lower], "one.jpg": [moved]})
    assert pairs_of(table) == (Overlap("two.jpg", "one.jpg", (BLOCK, 0), "ships"),)


def test_a_ship_labelled_otherwise_does_not_hide_another() -> None:
    same, first = rectangle(80, 70, 20, 10), rectangle(100, 100, 12, 12)
    second = rectangle(101, 100, 12, 12)
    table = table_of({"a.jpg": [same, first], "b.jpg": [same, second]})
    assert pairs_of(table) == (Overlap("a.jpg", "b.jpg", (0, 0), "ships"),)


@pytest.mark.parametrize(("width", "height", "pairs"), [(3, 3, 0), (2, 40, 0), (3, 4, 1)])
def test_masks_of_a_few_pixels_prove_nothing(width: int, height: int, pairs: int) -> None:
    mask = rectangle(70, 70, width, height)
    assert len(pairs_of(table_of({"a.jpg": [mask], "b.jpg": [mask]}))) == pairs


@pytest.mark.parametrize(("copies", "pairs"), [(9, 36), (18, 153), (19, 0)])
def test_a_mask_that_is_everywhere_is_chance(copies: int, pairs: int) -> None:
    table = table_of({f"{index}.jpg": [rectangle(70, 70, 20, 10)] for index in range(copies)})
    assert len(pairs_of(table)) == pairs


def test_masks_moved_by_less_than_a_block_are_different() -> None:
    moved = {"a.jpg": [rectangle(70, 70, 20, 10)], "b.jpg": [rectangle(71, 70, 20, 10)]}
    assert pairs_of(table_of(moved)) == ()


def test_a_part_behind_the_last_whole_block_does_not_count() -> None:
    mask = rectangle(170, 170, 20, 20)
    table = table_of({"a.jpg": [mask], "b.jpg": [mask]})
    assert len(find_overlaps(table, block_px=TILE // 2).overlaps) == 1
    assert find_overlaps(table, block_px=160).overlaps == ()


def test_many_tiles_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    ships = draw_ships(0)
    places = {f"{x}{y}.jpg": (x, y) for x in range(5) for y in range(5)}
    masks = {name: [cut(ship, place) for ship in ships] for name, place in places.items()}
    table = table_of(masks)
    whole = pairs_of(table)
    assert len(whole) > 50
    monkeypatch.setattr("shipseg.dataset.overlap.ships._TILES_AT_ONCE", 4)
    assert pairs_of(table) == whole


def test_ships_lead_to_pairs_whose_blocks_look_too_different(tmp_path: Path) -> None:
    sea = draw_sea(0, contrast=12)
    save(tmp_path / "a.jpg", cut(sea, (0, 0)))
    save(tmp_path / "b.jpg", cut(sea, (1, 0)), quality=60)
    ship = rectangle(100, 70, 20, 10, 7 * BLOCK)
    masks = {"a.jpg": [cut(ship, (0, 0))], "b.jpg": [cut(ship, (1, 0))]}
    assert pairs_of(table_of({name: [] for name in masks}), tmp_path) == ()
    found = pairs_of(table_of(masks), tmp_path)
    assert found == (Overlap("a.jpg", "b.jpg", (BLOCK, 0), "pixels"),)


def test_pixels_overrule_ships(tmp_path: Path) -> None:
    mask = rectangle(70, 70, 20, 10)
    table = table_of({f"{name}.jpg": [mask] for name in "abcd"})
    sea = draw_sea(0)
    save_tiles(tmp_path, sea, {"a.jpg": (0, 0), "b.jpg": (0, 0)})
    save(tmp_path / "c.jpg", cut(sea, (3, 3)))
    found = {(pair.first, pair.second): pair.evidence for pair in pairs_of(table, tmp_path)}
    # c shows other ground; d has no file, so that ships are all there is to go by.
    assert found == {
        ("a.jpg", "b.jpg"): "pixels",
        ("a.jpg", "d.jpg"): "ships",
        ("b.jpg", "d.jpg"): "ships",
        ("c.jpg", "d.jpg"): "ships",
    }
