from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.dataset.prepare import Parts, Request, divide_tiles, draw
from shipseg.dataset.source import TileSource
from shipseg.errors import LabelError, UsageError
from shipseg.labels import LabelTable

SHIP = np.array([[0, 3]])


def table_of(ships: int, empty: int) -> LabelTable:
    tiles = {f"s{i:03}.jpg": [SHIP] for i in range(ships)} | {
        f"e{i:03}.jpg": [] for i in range(empty)
    }
    return LabelTable.from_ships(tiles, (8, 8))


def count(table: LabelTable, ids: tuple[str, ...]) -> tuple[int, int]:
    with_ships = sum(map(table.has_ships, ids))
    return with_ships, len(ids) - with_ships


def everything(table: LabelTable) -> Parts:
    return {"train": table.image_ids}


def test_numbers_and_shares_are_met_exactly() -> None:
    table = table_of(20, 40)
    request = Request("classes", tiles={"train": 12}, empty_share=0.75)
    drawn = draw(everything(table), table, request)
    assert count(table, drawn["train"]) == (3, 9)
    assert list(drawn["train"]) == sorted(set(drawn["train"]))


def test_a_share_alone_takes_as_many_as_have_it() -> None:
    table = table_of(20, 40)
    assert count(
        table, draw(everything(table), table, Request("masks", empty_share=0))["train"]
    ) == (20, 0)
    assert count(
        table, draw(everything(table), table, Request("masks", empty_share=1))["train"]
    ) == (0, 40)
    assert count(
        table, draw(everything(table), table, Request("masks", empty_share=0.5))["train"]
    ) == (20, 20)


@given(ships=st.integers(0, 60), empty=st.integers(0, 60), share=st.floats(0, 1))
def test_no_larger_draw_has_the_share(ships: int, empty: int, share: float) -> None:
    table = table_of(ships, empty)
    drawn = draw(everything(table), table, Request("masks", empty_share=share)).get("train", ())
    assert count(table, drawn)[1] == round(len(drawn) * share)
    for more in range(len(drawn) + 1, ships + empty + 1):
        wanted = round(more * share)
        assert wanted > empty or more - wanted > ships


def test_a_draw_is_known_by_its_seed_and_grows_from_itself() -> None:
    table = table_of(30, 30)

    def drawn(number: int, seed: int, ids: tuple[str, ...]) -> tuple[str, ...]:
        request = Request("masks", tiles={"train": number}, seed=seed)
        return draw({"train": ids}, table, request)["train"]

    few = drawn(10, 0, table.image_ids)
    assert drawn(10, 0, table.image_ids[::-1]) == few
    assert drawn(10, 1, table.image_ids) != few
    assert set(few) < set(drawn(25, 0, table.image_ids))


def test_too_few_tiles_are_told_with_what_there_is() -> None:
    table = table_of(4, 40)
    with pytest.raises(UsageError, match="5 with ships and 15 without; it has 4 and 40") as caught:
        draw(everything(table), table, Request("masks", tiles={"train": 20}, empty_share=0.75))
    assert caught.value.hint is not None
    assert "at most 18" in caught.value.hint
    with pytest.raises(UsageError, match="50 tiles asked for in 'train', which has 44"):
        draw(everything(table), table, Request("masks", tiles={"train": 50}))
    with pytest.raises(UsageError, match="no part 'val' to prepare, found 'train'"):
        draw(everything(table), table, Request("masks", tiles={"val": 5}))


def test_parts_have_the_names_of_the_split(tmp_path: Path) -> None:
    table = table_of(3, 3)
    split = tmp_path / "split.csv"
    split.write_text(
        "ImageId,split\ns000.jpg,train\ns001.jpg,valid\ne000.jpg,validation\ne001.jpg,fold3\n"
    )
    parts = divide_tiles(TileSource(tmp_path, table), split)
    assert parts == {
        "fold3": ("e001.jpg",),
        "train": ("s000.jpg",),
        "val": ("e000.jpg", "s001.jpg"),
    }
    assert draw(parts, table, Request("coco", only=("val",))) == {"val": parts["val"]}


@pytest.mark.parametrize(
    "name", ["../up", "/abs", "a/b", "a\\b", ".hidden", "x" * 65, "tr\u202ein"]
)
def test_a_part_that_could_be_a_path_is_refused(tmp_path: Path, name: str) -> None:
    split = tmp_path / "split.csv"
    split.write_text(f"ImageId,split\ns000.jpg,{name}\n", encoding="utf-8")
    with pytest.raises(LabelError, match="can be the name of a folder"):
        divide_tiles(TileSource(tmp_path, table_of(3, 3)), split)


def test_without_a_split_a_random_share_validates(tmp_path: Path) -> None:
    table = table_of(10, 30)
    parts = divide_tiles(TileSource(tmp_path, table), None, val_share=0.25, seed=3)
    assert {name: len(ids) for name, ids in parts.items()} == {"train": 30, "val": 10}
    assert set(parts["train"]) | set(parts["val"]) == set(table.image_ids)
    assert parts == divide_tiles(TileSource(tmp_path, table), None, val_share=0.25, seed=3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"empty_share": float("nan")},
        {"empty_share": 1.5},
        {"size": 4},
        {"tile_size": 100_000},
        {"seed": -1},
        {"tiles": {"train": 0}},
        {"link": True, "size": 256},
    ],
)
def test_requests_that_cannot_be_met_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Request("masks", **wrong)  # type: ignore[arg-type]
