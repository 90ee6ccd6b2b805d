"""Making the files of tile after tile."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from shipseg.dataset.augment import resize_rgb
from shipseg.dataset.prepare.folder import PreparedFolder, Sums
from shipseg.dataset.prepare.layout import Item, ShipsOfTile, scale_ships
from shipseg.dataset.prepare.plan import Plan
from shipseg.dataset.whole import link_or_copy, write_bytes
from shipseg.errors import BadInputError, ShipsegError
from shipseg.imaging.decode import DEFAULT_LIMITS, decode_tile
from shipseg.imaging.files import open_file
from shipseg.parallel import in_order, worker_count

# Colour at full resolution, for a small hull is a few pixels of it.
_JPEG = {"quality": 95, "subsampling": 0}


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of a tile.

    Attributes:
        item: The tile and its files.
        ships: Its ships at the size of the picture; none where it failed.
        kept: Its files were there already, and right.
        copied: A link was asked for, and a copy made.
        error: Why there are no files.
    """

    item: Item
    ships: ShipsOfTile = ()
    kept: bool = False
    copied: bool = False
    error: ShipsegError | None = None


def make_files(
    plan: Plan, folder: PreparedFolder, *, workers: int | None = None
) -> Iterator[Outcome]:
    """Make the files of all tiles, several at a time; outcomes come in the order of the plan.

    A tile whose files an earlier run made is left alone. One that is broken stops nothing.

    Args:
        plan: What to make.
        folder: Where.
        workers: Tiles at a time; None takes one per core.

    Raises:
        OSError: A file cannot be written.
        UsageError: `workers` is below 1.
    """

    def work(item: Item) -> Outcome:
        try:
            return _make(plan, folder, item)
        except ShipsegError as error:
            folder.remove(item.files)
            return Outcome(item, error=error)

    return in_order(work, plan.items, worker_count(workers))


def _make(plan: Plan, folder: PreparedFolder, item: Item) -> Outcome:
    request = plan.request
    ships = scale_ships(plan.source.table.ships_of(item.image_id), request.tile_size, request.size)
    if folder.holds(item.files):
        return Outcome(item, ships, kept=True)
    path = plan.source.folder / item.image_id
    data = _read(plan, item.image_id)
    rgb = _decode(data, item.image_id, request.tile_size)
    target = folder.root / item.image
    copied = False
    if request.link:
        copied = not link_or_copy(path, target, data)
    else:
        data = _encode(resize_rgb(rgb, request.size)) if request.resizes else data
        write_bytes(target, data)
    sums: Sums = {item.image: (len(data), zlib.crc32(data))}
    if item.label is not None:
        label = plan.layout.label(ships, request.size)
        write_bytes(folder.root / item.label, label)
        sums[item.label] = len(label), zlib.crc32(label)
    folder.record(sums)
    return Outcome(item, ships, copied=copied)


def _read(plan: Plan, image_id: str) -> bytes:
    with open_file(plan.source.folder / image_id, name=image_id) as file:
        try:
            # One byte over the cap is enough for the decoder to refuse it.
            return file.read(DEFAULT_LIMITS.max_bytes + 1)
        except OSError as error:
            raise BadInputError(f"{image_id}: cannot be read: {error.strerror}") from error


def _decode(data: bytes, image_id: str, side: int) -> npt.NDArray[np.uint8]:
    rgb = decode_tile(data, name=image_id)
    if rgb.shape[:2] != (side, side):
        raise BadInputError(
            f"{image_id}: the tile is {rgb.shape[0]} x {rgb.shape[1]} px, expected {side} x {side}",
            hint="--tile-size says how large the tiles of the label table are",
        )
    return rgb


def _encode(rgb: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", **_JPEG)
    return buffer.getvalue()
