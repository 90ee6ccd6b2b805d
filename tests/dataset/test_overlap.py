from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.dataset.overlap import Overlap, Search, find_overlaps, group_overlaps
from shipseg.dataset.overlap.compare import same_ground
from shipseg.dataset.overlap.pixels import Album, alike_pairs
from shipseg.errors import ConfigError, UsageError
from shipseg.labels import LabelTable

from .acquisitions import BLOCK, HW, cut, draw_sea, empty_table, save, save_tiles, true_pairs

STEPS = range(-2, 3)


def search(names: list[str], folder: Path | None, **options: object) -> Search:
    return find_overlaps(empty_table(names), folder, block_px=BLOCK, **options)  # type: ignore[arg-type]


def as_set(found: Search) -> set[tuple[str, str, tuple[int, int]]]:
    return {(pair.first, pair.second, pair.shift_xy) for pair in found.overlaps}


def test_every_shift_is_found_and_nothing_else(tmp_path: Path) -> None:
    # A tile in the middle of its acquisition, and one at each of the 25 shifts.
    places = {"a.jpg": (2, 2)}
    places |= {f"a{dx}{dy}.jpg": (2 + dx, 2 + dy) for dx in STEPS for dy in STEPS}
    save_tiles(tmp_path, draw_sea(0), places)
    apart = {f"b{index}.jpg": (3 * (index % 2), 3 * (index // 2)) for index in range(4)}
    save_tiles(tmp_path, draw_sea(1), apart)
    found = search([*places, *apart], tmp_path, workers=2)
    assert len([pair for pair in found.overlaps if pair.first == "a.jpg"]) == 25
    assert as_set(found) == true_pairs(places)
    assert {pair.evidence for pair in found.overlaps} == {"pixels"}
    assert found.unreadable == found.without_file == ()


@pytest.mark.parametrize("quality", [100, 75])
def test_jpeg_of_another_quality_hides_nothing(tmp_path: Path, quality: int) -> None:
    # At full size: the means of a block's cells are the steadier the larger the block is.
    sea = draw_sea(3, 16)
    save(tmp_path / "a.jpg", sea[:768, :768], quality=95)
    save(tmp_path / "b.jpg", sea[256:, 256:], quality=quality)
    table = LabelTable.from_ships({"a.jpg": [], "b.jpg": []})
    found = find_overlaps(table, tmp_path).overlaps
    assert found == (Overlap("a.jpg", "b.jpg", (256, 256), "pixels"),)


def test_calm_sea_that_looks_alike_is_told_apart(tmp_path: Path) -> None:
    names = ["a.jpg", "b.jpg"]
    for seed, name in enumerate(names):
        save(tmp_path / name, cut(draw_sea(seed, contrast=0.3), (0, 0)), quality=100)
    album = Album(tmp_path, names, HW, BLOCK, 1)
    # The descriptors do collide, so that only the comparison can tell.
    assert len(alike_pairs(album, np.arange(2))[0])
    assert search(names, tmp_path).overlaps == ()


def test_ground_of_one_colour_is_never_the_same(tmp_path: Path) -> None:
    pictures = {
        "black": np.zeros(HW, np.uint8),
        "white": np.full(HW, 255, np.uint8),
        "band": np.repeat(np.where(np.arange(192) < 100, 40, 80).astype(np.uint8)[:, None], 192, 1),
    }
    names = [f"{name}{copy}.jpg" for name in pictures for copy in "01"]
    for name in names:
        save(tmp_path / name, pictures[name[:5] if name[0] != "b" else name[:-5]])
    assert search(names, tmp_path).overlaps == ()


def test_what_is_equal_is_the_same_ground_only_if_it_tells_something() -> None:
    sea = draw_sea(0, 2)
    edge = np.where(np.add.outer(np.arange(128), np.arange(128)) % 128 < 60, 0, 90).astype(np.uint8)
    assert same_ground(sea, sea)
    # An edge along the diagonal is four different squares.
    assert not same_ground(edge, edge)
    assert not same_ground(sea, draw_sea(1, 2))
    # The same waves, but far brighter: no noise of any codec.
    assert same_ground(sea, sea + 1)
    assert not same_ground(sea, sea + 20)


def test_a_tile_that_is_there_twice_is_an_overlap_without_shift(tmp_path: Path) -> None:
    save_tiles(tmp_path, draw_sea(0), {"a.jpg": (1, 1), "copy.jpg": (1, 1)})
    assert search(["copy.jpg", "a.jpg"], tmp_path).overlaps == (
        Overlap("copy.jpg", "a.jpg", (0, 0), "pixels"),
    )


def test_two_acquisitions_of_one_shape_are_not_one(tmp_path: Path) -> None:
    # The same coast, seen on two days: as bright, but other waves.
    coast = np.where(np.add.outer(np.arange(192), np.arange(192)) > 200, 60, 0).astype(np.uint8)
    for seed, name in enumerate(("a.jpg", "b.jpg")):
        save(tmp_path / name, cut(draw_sea(seed), (0, 0)) + coast)
    assert search(["a.jpg", "b.jpg"], tmp_path).overlaps == ()


def test_broken_tiles_are_named_and_stop_nothing(tmp_path: Path) -> None:
    places = {"a0.jpg": (0, 0), "a1.jpg": (1, 0), "a2.jpg": (2, 0), "a3.jpg": (1, 1)}
    save_tiles(tmp_path, draw_sea(0), places)
    data = (tmp_path / "a1.jpg").read_bytes()
    (tmp_path / "a1.jpg").write_bytes(data[: len(data) // 2])
    save(tmp_path / "a3.jpg", np.zeros((64, 64), np.uint8))
    found = search([*places, "a4.jpg"], tmp_path)
    assert as_set(found) == {("a0.jpg", "a2.jpg", (2 * BLOCK, 0))}
    assert [tile.image_id for tile in found.unreadable] == ["a1.jpg", "a3.jpg"]
    assert "truncated" in found.unreadable[0].reason
    assert "64 x 64 pixels, expected 192 x 192" in found.unreadable[1].reason
    assert found.without_file == ("a4.jpg",)


def test_a_call_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not there"):
        search(["a.jpg"], tmp_path / "nowhere")
    with pytest.raises(UsageError, match="workers is 0"):
        search(["a.jpg"], tmp_path, workers=0)
    with pytest.raises(UsageError, match="multiple of 8"):
        find_overlaps(empty_table(["a.jpg"]), block_px=100)


def test_no_tiles_and_one_tile_overlap_nothing(tmp_path: Path) -> None:
    assert search([], tmp_path) == Search(())
    save_tiles(tmp_path, draw_sea(0), {"a.jpg": (0, 0)})
    assert search(["a.jpg"], tmp_path) == Search(())


@given(st.tuples(st.integers(-7, 7), st.integers(-5, 5)))
def test_windows_show_the_same_ground(shift: tuple[int, int]) -> None:
    # Pixels that know where they are: second lies at the shift in the frame of first.
    rows, columns = np.mgrid[0:6, 0:8]
    (x0, y0, x1, y1), (u0, v0, u1, v1) = Overlap("a", "b", shift, "ships").windows((6, 8))
    assert (x1 - x0, y1 - y0) == (8 - abs(shift[0]), 6 - abs(shift[1]))
    for first, second in ((columns, columns + shift[0]), (rows, rows + shift[1])):
        assert np.array_equal(first[y0:y1, x0:x1], second[v0:v1, u0:u1])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_groups_are_what_can_be_reached(edges: list[tuple[int, int]]) -> None:
    names = [f"{index}.jpg" for index in range(10)]
    pairs = [Overlap(names[a], names[b], (0, 0), "ships") for a, b in edges]
    groups = group_overlaps(names, pairs)
    # A slow reference: spread the smallest name until nothing changes.
    least = list(range(10))
    for _ in range(10):
        for a, b in edges:
            least[a] = least[b] = min(least[a], least[b])
    firsts = sorted(set(least))
    assert groups == {name: firsts.index(least[index]) for index, name in enumerate(names)}
