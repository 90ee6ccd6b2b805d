"""Part tiles into sets that resemble each other, without tearing groups apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.errors import BadInputError, UsageError
from shipseg.labels import LabelTable
from shipseg.labels.table import take_ranges

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Tiles with at least so many ships are to be spread as their part's share says.
_SHIPS_PER_TILE = (1, 2, 5)
# Classes of ship size, each with as many ships as the others.
_SIZES = 4
# How much each of these counts, tiles first. Tiles with ships matter most: on twelve splits of
# drawn tiles and two of real ones their share was off by 2.3 % at most, else by 7.2 %.
_WEIGHTS = np.array([1, 3, 1, 0.5, *[0.5] * _SIZES])


@dataclass(frozen=True, slots=True)
class PartFigures:
    """What a part holds; a figure over nothing is None.

    Attributes:
        name: The part.
        tiles: Its tiles.
        share: Share of all tiles.
        ship_tiles: Tiles with at least one ship.
        ship_share: Share of its tiles that they are.
        ships: Its ships.
        ships_per_ship_tile: Mean number on tiles that have any.
        median_ship_px: Median area of a ship, in pixels.
        groups: Groups of tiles that share ground; a tile by itself is one.
        largest_group: Tiles in the largest of them.
    """

    name: str
    tiles: int
    share: float
    ship_tiles: int
    ship_share: float | None
    ships: int
    ships_per_ship_tile: float | None
    median_ship_px: float | None
    groups: int
    largest_group: int


def partition(
    table: LabelTable, groups: Mapping[str, int], shares: Mapping[str, float], *, seed: int = 0
) -> dict[str, str]:
    """Give each group of tiles to one part, so that the parts resemble each other.

    Groups are dealt out from the largest to the smallest, each to the part that then lacks least of
    its share of the tiles, of the tiles with at least 1, 2 and 5 ships, and of the ships in each
    quarter of sizes. Tiles without ships that are groups by themselves come last, and make the
    numbers of tiles right.

    Args:
        table: The tiles and their ships.
        groups: ImageId to group, for all tiles.
        shares: Name of each part to its share, above 0; together 1.
        seed: Decides between groups that are alike.

    Returns:
        ImageId to part, in the table's order. The same for the same arguments.

    Raises:
        UsageError: The shares are no such shares.
        BadInputError: There are too few groups to fill each part.

    Examples:
        >>> table = LabelTable.from_ships({name: [] for name in "abcdef"})
        >>> groups = {"a": 0, "b": 0, "c": 1, "d": 2, "e": 3, "f": 4}
        >>> parts = partition(table, groups, {"train": 0.5, "val": 0.5})
        >>> parts["a"] == parts["b"], sorted(parts.values())
        (True, ['train', 'train', 'train', 'val', 'val', 'val'])
    """
    _check_shares(shares)
    numbers = np.array([groups[image_id] for image_id in table.image_ids], np.int64)
    group_of_tile: Ints = np.unique(numbers, return_inverse=True)[1].astype(np.int64)
    totals = np.zeros((group_of_tile.max(initial=-1) + 1, 1 + len(_SHIPS_PER_TILE) + _SIZES))
    np.add.at(totals, group_of_tile, _traits(table))
    wanted = np.array(list(shares.values()))
    part_of_group = _deal(totals, wanted / wanted.sum(), np.random.default_rng(seed))
    names = list(shares)
    empty = sorted(set(range(len(names))) - set(part_of_group.tolist()))
    if empty:
        raise BadInputError(
            f"{len(table):,} tiles in {len(totals):,} groups that share ground do not fill "
            f"{len(names)} parts: '{names[empty[0]]}' stays empty",
            hint="ask for fewer parts, or for a larger share of the empty one",
        )
    parts = part_of_group[group_of_tile].tolist()
    return {image_id: names[part] for image_id, part in zip(table.image_ids, parts, strict=True)}


def _check_shares(shares: Mapping[str, float]) -> None:
    whole = sum(shares.values())
    if not all(share > 0 for share in shares.values()) or not abs(whole - 1) < 1e-6:
        shown = ", ".join(f"{name} {share:g}" for name, share in shares.items())
        raise UsageError(f"the shares are {shown}; expected numbers above 0 that add up to 1")


def _traits(table: LabelTable) -> Floats:
    """Count, for each tile, what is to be spread evenly: ``(tiles, traits)``."""
    ships = table.ships_per_image()
    areas = table.ship_areas()
    edges = np.quantile(areas, np.arange(1, _SIZES) / _SIZES) if len(areas) else np.zeros(0)
    tiles = np.repeat(np.arange(len(table)), ships)
    sizes = np.zeros((len(table), _SIZES))
    np.add.at(sizes, (tiles, np.searchsorted(edges, areas, side="right")), 1)
    many = ships[:, None] >= np.array(_SHIPS_PER_TILE)
    return np.column_stack((np.ones(len(table)), many, sizes))


def _deal(totals: Floats, shares: Floats, rng: np.random.Generator) -> Ints:
    """Give groups to parts: ``(groups, traits)`` and ``(parts,)`` to ``(groups,)``."""
    weights = totals / np.maximum(totals.sum(axis=0), 1)
    parts = np.zeros(len(totals), np.int64)
    held = np.zeros((len(shares), totals.shape[1]))
    shuffled = rng.permutation(len(totals))
    alone = (totals[shuffled, 0] == 1) & (totals[shuffled, 1] == 0)
    fillers, dealt = shuffled[alone], shuffled[~alone]
    order = dealt[np.argsort(-weights[dealt].sum(axis=1), kind="stable")]
    for group in order.tolist():
        weight = weights[group]
        # By how much the sum of (held - share)² / share grows.
        growth = (_WEIGHTS * weight * (2 * (held - shares[:, None]) + weight)).sum(axis=1) / shares
        part = int(np.argmin(growth))
        parts[group] = part
        held[part] += weight
    tiles = np.bincount(parts[order], weights=totals[order, 0], minlength=len(shares))
    counts = _fill(tiles.astype(np.float64), shares, len(fillers))
    parts[fillers] = np.repeat(np.arange(len(shares)), counts)
    return parts


def _fill(tiles: Floats, shares: Floats, spare: int) -> Ints:
    """Say how many of `spare` tiles each part gets, so that all come near their shares."""
    lacking = np.maximum(shares * (tiles.sum() + spare) - tiles, 0)
    exact = lacking * (spare / lacking.sum()) if spare else np.zeros(len(shares))
    counts = np.floor(exact).astype(np.int64)
    # The largest remainders are rounded up.
    counts[np.argsort(counts - exact, kind="stable")[: spare - counts.sum()]] += 1
    return counts


def describe_parts(
    table: LabelTable, groups: Mapping[str, int], parts: Mapping[str, str], names: Sequence[str]
) -> list[PartFigures]:
    """Say what parts hold.

    Args:
        table: The tiles and their ships.
        groups: ImageId to group.
        parts: ImageId to part; tiles that it does not name are left out.
        names: The parts, in the order wanted.
    """
    part_of_tile = np.array([parts.get(image_id, "") for image_id in table.image_ids])
    numbers = np.array([groups[image_id] for image_id in table.image_ids], np.int64)
    whole = int(np.count_nonzero(part_of_tile != ""))
    return [
        _figures(table, name, np.flatnonzero(part_of_tile == name), numbers, whole)
        for name in names
    ]


def _figures(table: LabelTable, name: str, tiles: Ints, groups: Ints, whole: int) -> PartFigures:
    per_tile = table.ships_per_image()[tiles]
    ships = take_ranges(table.ship_offsets, tiles)[0]
    with_ships = int(np.count_nonzero(per_tile))
    sizes = np.unique(groups[tiles], return_counts=True)[1]
    return PartFigures(
        name=name,
        tiles=len(tiles),
        share=len(tiles) / whole if whole else 0.0,
        ship_tiles=with_ships,
        ship_share=with_ships / len(tiles) if len(tiles) else None,
        ships=len(ships),
        ships_per_ship_tile=len(ships) / with_ships if with_ships else None,
        median_ship_px=float(np.median(table.ship_areas()[ships])) if len(ships) else None,
        groups=len(sizes),
        largest_group=int(sizes.max(initial=0)),
    )
