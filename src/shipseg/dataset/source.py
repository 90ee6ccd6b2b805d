"""A folder of tiles beside its label table: what training and evaluation draw from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shipseg.errors import BadInputError, ConfigError
from shipseg.imaging.decode import decode_tile
from shipseg.labels import LabelTable, read_labels, read_split
from shipseg.rle import crop


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

    def image(self, image_id: str) -> npt.NDArray[np.uint8]:
        """Decode one tile, (H, W, 3) uint8 RGB; raise ImageError when it is broken."""
        path = self.folder / image_id
        rgb = decode_tile(path.read_bytes(), name=image_id)
        if rgb.shape[:2] != self.table.shape_hw:
            raise BadInputError(
                f"{path}: the tile is {rgb.shape[0]} x {rgb.shape[1]} pixels, "
                f"its labels are for {self.table.shape_hw[0]} x {self.table.shape_hw[1]}"
            )
        return rgb

    def mask(
        self, image_id: str, window_xyxy: tuple[int, int, int, int] | None = None
    ) -> npt.NDArray[np.bool_]:
        """Return where ships are, (h, w) bool, of the whole tile or a window of it."""
        height, width = self.table.shape_hw
        x0, y0, x1, y1 = window_xyxy or (0, 0, width, height)
        out = np.zeros((y1 - y0, x1 - x0), dtype=np.bool_)
        for runs in self.table.ships_of(image_id):
            out |= crop(runs, self.table.shape_hw, (x0, y0, x1, y1))
        return out


def open_source(
    images: Path, labels: Path, *, on_bad_row: str = "error", missing: str = "error"
) -> TileSource:
    """Open a folder of tiles with its label table.

    Args:
        images: Folder that holds one file per ImageId.
        labels: Label table, `.csv`, `.csv.gz` or `.csv.zip`.
        on_bad_row: `error` or `skip`, as for `read_labels`.
        missing: What a labelled tile without a file means: `error`, or `skip` to leave it out.

    Raises:
        ConfigError: The folder is not there.
        BadInputError: Tiles are missing; the message counts them and names the first.
    """
    if not images.is_dir():
        raise ConfigError(f"the folder of tiles '{images}' is not there")
    table = read_labels(labels, on_bad_row=on_bad_row)
    # One listing instead of 192,556 calls to stat.
    present = {entry.name for entry in images.iterdir()}
    absent = [image_id for image_id in table.image_ids if image_id not in present]
    if absent and missing == "error":
        raise BadInputError(
            f"{len(absent)} of {len(table)} labelled tiles are not in '{images}', "
            f"the first is '{absent[0]}'",
            hint="check the folder, or leave those tiles out with missing=skip",
        )
    if absent:
        gone = set(absent)
        table = table.subset([i for i in table.image_ids if i not in gone])
    if not len(table):
        raise BadInputError(f"no tile of '{labels}' lies in '{images}'")
    return TileSource(images, table)


def divide(
    source: TileSource, split: Path | None, *, val_share: float, seed: int
) -> tuple[TileSource, TileSource]:
    """Part a source into training and validation tiles.

    Args:
        source: All tiles.
        split: Table `ImageId,split` with the names `train` and `val`; other names are left out.
            None draws a random share, which leaks where tiles overlap: callers warn.
        val_share: Share of the tiles to validate on when there is no split.
        seed: Seeds that draw.

    Raises:
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
            raise ConfigError(
                f"no tile of the label table is in '{name}' of {split or 'the random split'}"
            )
    return train, val
