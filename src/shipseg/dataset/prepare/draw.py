"""Which tiles go into which part."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shipseg.dataset.prepare.request import Request
from shipseg.dataset.source import TileSource, divide
from shipseg.errors import LabelError, UsageError
from shipseg.labels import LabelTable, read_split
from shipseg.labels.table import printable

Parts = dict[str, tuple[str, ...]]
"""Name of a part to its ImageIds, parts and ImageIds sorted."""

# A part becomes the name of a folder.
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,63}")
_SAME = {"valid": "val", "validation": "val", "training": "train"}


def divide_tiles(
    source: TileSource, split: Path | None, *, val_share: float = 0.1, seed: int = 0
) -> Parts:
    """Part tiles as a split says, or at random.

    Args:
        source: All tiles.
        split: Table ``ImageId,split``; tiles that it does not name are left out. None draws a
            random share for `val`, which leaks where tiles overlap: callers warn.
        val_share: That share.
        seed: Decides that draw.

    Returns:
        Parts; `valid` and `validation` are called `val`.

    Raises:
        UsageError: The split is not there, or no tile is in it.
        LabelError: The split has faults, or a name in it is no word.
    """
    if split is None:
        train, val = divide(source, None, val_share=val_share, seed=seed)
        return _sorted({"train": train.image_ids, "val": val.image_ids})
    named = read_split(split)
    bad = next((name for name in named.values() if not _PART.fullmatch(name)), None)
    if bad is not None:
        raise LabelError(
            f"'{split}': found a split named '{printable(bad)}', expected a word of letters, "
            "digits, '-' and '_', which can be the name of a folder"
        )
    parts: dict[str, list[str]] = {}
    for image_id in source.image_ids:
        if image_id in named:
            name = named[image_id]
            parts.setdefault(_SAME.get(name.lower(), name), []).append(image_id)
    if not parts:
        raise UsageError(f"none of the {len(source):,} labelled tiles is in the split '{split}'")
    return _sorted(parts)


def draw(parts: Parts, table: LabelTable, request: Request) -> Parts:
    """Draw as many tiles of each part as a request asks for.

    The draw depends on the seed and on the ImageIds alone. With the same seed a larger number takes
    the same tiles and more.

    Args:
        parts: What there is.
        table: Says which tiles hold ships.
        request: How many tiles, with which share of empty ones.

    Returns:
        The parts asked for.

    Raises:
        UsageError: A part has too few tiles, or is not there.
    """
    for name in (*request.only, *request.tiles):
        if name not in parts:
            raise UsageError(
                f"there is no part '{name}' to prepare, found {_quoted(parts)}",
                hint="the names are those of the split",
            )
    wanted = {name: ids for name, ids in parts.items() if not request.only or name in request.only}
    drawn = {
        name: _draw(_Pool.of(name, ids, table, request), request) for name, ids in wanted.items()
    }
    return _sorted({name: ids for name, ids in drawn.items() if ids})


@dataclass(frozen=True, slots=True)
class _Pool:
    """The tiles of a part, in the order in which they are drawn."""

    name: str
    all: list[str]
    ships: list[str]
    empty: list[str]

    @classmethod
    def of(cls, name: str, ids: Iterable[str], table: LabelTable, request: Request) -> _Pool:
        order = sorted(ids, key=lambda image_id: _rank(image_id, request.seed))
        holds = {image_id: table.has_ships(image_id) for image_id in order}
        return cls(name, order, [i for i in order if holds[i]], [i for i in order if not holds[i]])


def _rank(image_id: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {image_id}".encode("utf-8", "surrogatepass")).digest()


def _draw(pool: _Pool, request: Request) -> list[str]:
    number, share = request.tiles.get(pool.name), request.empty_share
    if share is None:
        if number is not None and number > len(pool.all):
            raise UsageError(
                f"{number:,} tiles asked for in '{pool.name}', which has {len(pool.all):,}",
                hint="ask for fewer, or leave the number out to take them all",
            )
        return pool.all[:number]
    most = _most(pool, share)
    if number is None:
        number = most
    empty = round(number * share)
    if empty > len(pool.empty) or number - empty > len(pool.ships):
        raise UsageError(
            f"{number:,} tiles asked for in '{pool.name}', {number - empty:,} with ships and "
            f"{empty:,} without; it has {len(pool.ships):,} and {len(pool.empty):,}",
            hint=f"at this share of empty tiles it gives at most {most:,}",
        )
    return pool.ships[: number - empty] + pool.empty[:empty]


def _most(pool: _Pool, share: float) -> int:
    """Find the largest number of tiles that has this share of empty ones."""
    # At the 192,556 tiles of the full set this takes 0.05 s; closed forms trip over rounding.
    for number in range(len(pool.all), 0, -1):
        empty = round(number * share)
        if empty <= len(pool.empty) and number - empty <= len(pool.ships):
            return number
    return 0


def _sorted(parts: Mapping[str, Iterable[str]]) -> Parts:
    return {name: tuple(sorted(parts[name])) for name in sorted(parts)}


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"
