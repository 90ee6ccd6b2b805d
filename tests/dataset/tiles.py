"""Small tiles drawn for tests: bright rectangles on dark water, and their labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from shipseg.rle import encode_rle

SEA, SHIP = 50, 230


@dataclass(frozen=True, slots=True)
class Tiles:
    """Where a drawn set lies, and its truth.

    Attributes:
        images: Folder of tiles.
        labels: Label table.
        split: Split table.
        masks: ImageId to (size, size) bool, all ships of the tile.
    """

    images: Path
    labels: Path
    split: Path
    masks: dict[str, npt.NDArray[np.bool_]]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.masks)


def write_tiles(folder: Path, tiles: int = 16, *, size: int = 128, seed: int = 0) -> Tiles:
    """Write tiles of which every other one holds one or two ships; a quarter is for validation.

    Ships are exactly `SHIP` and water exactly `SEA` in all channels, and the files are lossless
    under their Kaggle-like names, so that a picture can be compared with its mask.
    """
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    masks: dict[str, npt.NDArray[np.bool_]] = {}
    rows, split = ["ImageId,EncodedPixels"], ["ImageId,split"]
    for index in range(tiles):
        name = f"{index:05x}.jpg"
        ships = _ships(rng, size, count=1 + index // 2 % 2) if index % 2 == 0 else []
        rows += [f"{name},{encode_rle(ship)}" for ship in ships] or [f"{name},"]
        split.append(f"{name},{'val' if index % 8 in (6, 7) else 'train'}")
        masks[name] = np.logical_or.reduce([np.zeros((size, size), np.bool_), *ships])
        rgb = np.full((size, size, 3), SEA, np.uint8)
        rgb[masks[name]] = SHIP
        with (folder / "images" / name).open("wb") as file:
            # The decoder goes by content, not by name.
            Image.fromarray(rgb).save(file, "PNG")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    (folder / "split.csv").write_text("\n".join(split) + "\n")
    return Tiles(folder / "images", folder / "labels.csv", folder / "split.csv", masks)


def _ships(rng: np.random.Generator, size: int, *, count: int) -> list[npt.NDArray[np.bool_]]:
    """Draw rectangles of 12 to 30 pixels, each in a half of its own."""
    half = size // count
    ships = []
    for part in range(count):
        height, width = rng.integers(12, 31, size=2)
        y0 = int(rng.integers(size - height))
        x0 = int(rng.integers(part * half, (part + 1) * half - width))
        ships.append(np.zeros((size, size), np.bool_))
        ships[-1][y0 : y0 + height, x0 : x0 + width] = True
    return ships
