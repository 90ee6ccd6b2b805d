from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipseg.dataset.partition import PartFigures, describe_parts, partition
from shipseg.errors import BadInputError, UsageError
from shipseg.labels import LabelTable

THREE = {"train": 0.8, "val": 0.1, "test": 0.1}


def make_table(ships: list[list[int]]) -> LabelTable:
    """Make tiles with ships of the given areas, one below the other."""
    table = {}
    for index, areas in enumerate(ships):
        # Ship number n lies in columns from 40 n on.
        table[f"{index}.jpg"] = [
            np.array([[768 * 40 * place, area]]) for place, area in enumerate(areas)
        ]
    return LabelTable.from_ships(table)


def draw(seed: int, tiles: int) -> tuple[LabelTable, dict[str, int]]:
    """Draw tiles like the real ones: a fifth with ships, groups of up to 12."""
    rng = np.random.default_rng(seed)
    groups: dict[str, int] = {}
    ships: list[list[int]] = []
    group = 0
    while len(ships) < tiles:
        crowded = rng.random() < 0.2
        for _ in range(rng.integers(1, 13) if rng.random() < 0.3 else 1):
            groups[f"{len(ships)}.jpg"] = group
            count = min(rng.geometric(0.5), 15) if crowded else 0
            ships.append(np.exp(rng.normal(5, 1.5, count)).astype(int).clip(2, 20000).tolist())
        group += 1
    return make_table(ships), groups


def parts_of_groups(parts: dict[str, str], groups: dict[str, int]) -> dict[int, set[str]]:
    found = defaultdict(set)
    for name, part in parts.items():
        found[groups[name]].add(part)
    return found


def test_parts_resemble_each_other() -> None:
    table, groups = draw(0, 2000)
    parts = partition(table, groups, THREE)
    figures = describe_parts(table, groups, parts, list(THREE))
    whole = describe_parts(table, groups, dict.fromkeys(parts, "all"), ["all"])[0]
    assert whole.ship_share is not None
    assert sum(part.tiles for part in figures) == len(table)
    for part in figures:
        assert part.share == pytest.approx(THREE[part.name], abs=0.002)
        assert part.ship_share == pytest.approx(whole.ship_share, rel=0.03)
        assert part.ships_per_ship_tile == pytest.approx(whole.ships_per_ship_tile, rel=0.1)
        assert part.median_ship_px == pytest.approx(whole.median_ship_px, rel=0.2)
    # By tiles alone, as a random draw of groups would do it, they do not.
    random = np.random.default_rng(0).choice(
        list(THREE), max(groups.values()) + 1, p=[0.8, 0.1, 0.1]
    )
    drawn = {name: str(random[group]) for name, group in groups.items()}
    worst = max(
        abs((part.ship_share or 0) / whole.ship_share - 1)
        for part in describe_parts(table, groups, drawn, list(THREE))
    )
    assert worst > 0.1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(60, 200))
def test_groups_stay_whole_and_every_tile_has_a_part(seed: int, count: int, tiles: int) -> None:
    table, groups = draw(seed, tiles)
    shares = {f"fold{number}": 1 / count for number in range(count)}
    parts = partition(table, groups, shares, seed=seed)
    assert list(parts) == list(table.image_ids)
    assert set(parts.values()) == set(shares)
    assert all(len(found) == 1 for found in parts_of_groups(parts, groups).values())
    assert parts == partition(table, groups, shares, seed=seed)


def test_the_seed_decides_between_tiles_that_are_alike() -> None:
    table, groups = draw(1, 300)
    one, other = (partition(table, groups, THREE, seed=seed) for seed in (1, 2))
    assert one != other


def test_names_of_groups_do_not_matter() -> None:
    table, groups = draw(2, 200)
    renamed = {name: 1000 + 7 * group for name, group in groups.items()}
    assert partition(table, groups, THREE) == partition(table, renamed, THREE)


def test_a_group_larger_than_a_part_goes_where_there_is_room() -> None:
    table = make_table([[]] * 100)
    groups = {name: max(index - 60, 0) for index, name in enumerate(table.image_ids)}
    parts = partition(table, groups, THREE)
    figures = describe_parts(table, groups, parts, list(THREE))
    assert [part.tiles for part in figures] == [80, 10, 10]
    assert parts["0.jpg"] == "train"
    assert [part.largest_group for part in figures] == [61, 1, 1]


def test_too_few_groups_are_refused() -> None:
    table = make_table([[]] * 30)
    groups = {name: index % 2 for index, name in enumerate(table.image_ids)}
    with pytest.raises(BadInputError, match=r"30 tiles in 2 groups .* stays empty"):
        partition(table, groups, THREE)
    with pytest.raises(BadInputError, match="0 tiles"):
        partition(make_table([]), {}, THREE)


@pytest.mark.parametrize(
    "shares", [{"a": 0.5, "b": 0.6}, {"a": 1.0, "b": 0.0}, {}, {"a": 1.5, "b": -0.5}]
)
def test_shares_have_to_add_up(shares: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="add up to 1"):
        partition(make_table([[]]), {"0.jpg": 0}, shares)


def test_figures_are_counted_right() -> None:
    table = make_table([[10, 20], [30], [], [40]])
    groups = {"0.jpg": 0, "1.jpg": 0, "2.jpg": 1, "3.jpg": 2}
    parts = {"0.jpg": "a", "1.jpg": "a", "2.jpg": "a"}
    assert describe_parts(table, groups, parts, ["a", "b"]) == [
        PartFigures("a", 3, 1.0, 2, 2 / 3, 3, 1.5, 20.0, 2, 2),
        PartFigures("b", 0, 0.0, 0, None, 0, None, None, 0, 0),
    ]
