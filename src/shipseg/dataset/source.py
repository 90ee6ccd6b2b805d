"""A folder of tiles beside its label table: what training and evaluation draw from."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from shipseg.errors import BadInputError, ConfigError
from shipseg.imaging.decode import decode_tile
from shipseg.labels import LabelTable, OnBadRow, read_labels, read_split, without_excluded
from shipseg.rle import TILE_HW, crop

logger = logging.getLogger(__name__)

OnMissing: TypeAlias = Literal["error", "skip"]
"""What a labelled tile without a file gets: one error for all of them, or being left out."""


@dataclass(frozen=True, slots=True)
class TileCount:
    """How much a source holds.

    Attributes:
        tiles: All tiles.
        with_ships: Tiles with at least one ship.
        ships: All ships.
    """

    tiles: int
    with_ships: int
    ships: int


@dataclass(frozen=True, slots=True)
class TileSource:
    """Tiles and truth, read straight from JPEG and runs: no mask files, nothing kept in memory.

    Attributes:
        folder: Where the tiles lie, one file per ImageId.
        table: The labels of exactly the tiles of this source.
    """

    folder: Path
    table: LabelTable

    @property
    def image_ids(self) -> tuple[str, ...]:
        """ImageIds in the table's order."""
        return self.table.image_ids

    def __len__(self) -> int:
        """Return the number of tiles."""
        return len(self.table)

    def count(self) -> TileCount:
        """Count tiles and ships."""
        with_ships = int(np.count_nonzero(self.table.ships_per_image()))
        return TileCount(len(self), with_ships, self.table.ship_count)

    def fingerprint(self) -> str:
        """Return the SHA-256, in hexadecimal, of ImageIds and truth in their order.

        Pixels are not part of it: reading 192,556 files takes minutes.
        """
        table = self.table
        digest = hashlib.sha256("\n".join(table.image_ids).encode())
        for column in (table.runs, table.run_offsets, table.ship_offsets):
            digest.update(column.astype("<i8").tobytes())
        return digest.hexdigest()

    def image(self, image_id: str) -> npt.NDArray[np.uint8]:
        """Decode one tile.

        Args:
            image_id: A file name in the folder.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            ImageError: The file is broken.
            BadInputError: The tile has another size than its labels are for.
            OSError: The file cannot be read.
        """
        path = self.folder / image_id
        rgb = decode_tile(path.read_bytes(), name=image_id)
        if rgb.shape[:2] != self.table.shape_hw:
            height, width = self.table.shape_hw
            raise BadInputError(
                f"{path}: the tile is {rgb.shape[0]} x {rgb.shape[1]} pixels, "
                f"expected {height} x {width}",
                hint="a training's tile_size says how large its tiles are",
            )
        return rgb

    def mask(
        self, image_id: str, window_xyxy: tuple[int, int, int, int] | None = None
    ) -> npt.NDArray[np.bool_]:
        """Paint where ships are.

        Args:
            image_id: A tile of this source.
            window_xyxy: (x0, y0, x1, y1) in pixels, half-open; None for the whole tile.

        Returns:
            (y1 - y0, x1 - x0) bool.

        Raises:
            LabelError: The tile is not of this source.
        """
        height, width = self.table.shape_hw
        x0, y0, x1, y1 = window_xyxy or (0, 0, width, height)
        out = np.zeros((y1 - y0, x1 - x0), dtype=np.bool_)
        for runs in self.table.ships_of(image_id):
            out |= crop(runs, self.table.shape_hw, (x0, y0, x1, y1))
        return out


def open_source(
    images: Path,
    labels: Path,
    *,
    shape_hw: tuple[int, int] = TILE_HW,
    on_bad_row: OnBadRow = "error",
    missing: OnMissing = "error",
    exclude: Path | None = None,
) -> TileSource:
    """Open a folder of tiles with its label table.

    What is left out by `on_bad_row` and `missing` is counted in a logged warning. Tiles left out by
    `exclude` need no file.

    Args:
        images: Folder that holds one file per ImageId.
        labels: Label table, `.csv`, `.csv.gz` or `.csv.zip`.
        shape_hw: Height and width of every tile, in pixels.
        on_bad_row: `error` or `skip`, as for `read_labels`.
        missing: What a labelled tile without a file means: `error`, or `skip` to leave it out.
        exclude: Table with the column `ImageId`: tiles to leave out, as `shipseg audit` finds them.

    Raises:
        ConfigError: The folder is not there.
        UsageError: A table is not there, or nothing is left.
        LabelError: The table has faults.
        BadInputError: Tiles are missing; the message counts them and names the first.
    """
    if not images.is_dir():
        raise ConfigError(f"the folder of tiles '{images}' is not there")
    table = read_labels(labels, shape_hw=shape_hw, on_bad_row=on_bad_row)
    if table.faults:
        logger.warning(
            "%d rows of '%s' set aside, the first is %s", len(table.faults), labels, table.faults[0]
        )
    if exclude is not None:
        table = without_excluded(table, exclude)
    # One listing instead of 192,556 calls to stat.
    present = {entry.name for entry in images.iterdir()}
    absent = [image_id for image_id in table.image_ids if image_id not in present]
    if len(absent) == len(table):
        raise BadInputError(
            f"none of the {len(table)} tiles in '{labels}' has a file in '{images}'"
        )
    if absent:
        found = (
            f"{len(absent)} of {len(table)} labelled tiles are not in '{images}', "
            f"the first is '{absent[0]}'"
        )
        if missing == "error":
            raise BadInputError(
                found, hint="check the folder, or leave those tiles out with missing=skip"
            )
        logger.warning("left out: %s", found)
        table = table.subset([i for i in table.image_ids if i in present])
    return TileSource(images, table)


def divide(
    source: TileSource, split: Path | None, *, val_share: float, seed: int
) -> tuple[TileSource, TileSource]:
    """Part a source into training and validation tiles.

    Args:
        source: All tiles.
        split: Table `ImageId,split` with the names `train` and `val`; other names, and tiles that
            it does not name, are left out. None draws a random share, which leaks where tiles
            overlap: callers warn.
        val_share: Share of the tiles to validate on when there is no split.
        seed: Seeds that draw.

    Returns:
        Training tiles and validation tiles, each in the table's order.

    Raises:
        UsageError: The split is not there.
        LabelError: The split has faults.
        ConfigError: A part would be empty.
    """
    ids = source.image_ids
    if split is None:
        order = np.random.default_rng(seed).permutation(len(ids))
        cut = round(len(ids) * val_share)
        chosen = {ids[i] for i in order[:cut]}
        parts = {i: "val" if i in chosen else "train" for i in ids}
    else:
        parts = read_split(split)
    train, val = (
        TileSource(source.folder, source.table.subset([i for i in ids if parts.get(i) == name]))
        for name in ("train", "val")
    )
    for name, part in (("train", train), ("val", val)):
        if not len(part):
            where = f"'{split}'" if split else f"the random split (val_share={val_share:g})"
            raise ConfigError(f"none of the {len(ids)} tiles is in '{name}' of {where}")
    return train, val


def together(*parts: TileSource) -> TileSource:
    """Join parts of one folder that `divide` made.

    Args:
        parts: One or more, with no tile in common.
    """
    first = parts[0]
    ships = {name: part.table.ships_of(name) for part in parts for name in part.image_ids}
    return TileSource(first.folder, LabelTable.from_ships(ships, first.table.shape_hw))
