"""Acquisitions drawn for tests, and tiles of 3 x 3 blocks cut from them; a block has 64 px."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter

from shipseg.labels import LabelTable, write_labels
from shipseg.rle import mask_to_runs

BLOCK, TILE = 64, 192
HW = (TILE, TILE)

Place = tuple[int, int]
"""Column and row of a tile's upper left corner, in blocks."""


def draw_sea(seed: int, blocks: int = 7, *, contrast: float = 4.0) -> npt.NDArray[np.uint8]:
    """Draw waves: (H, W) uint8, 90 in the mean, correlated over two pixels as real ones are."""
    side = blocks * BLOCK
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal((side, side)), 1.0)
    return np.clip(90 + contrast * noise / noise.std(), 0, 255).round().astype(np.uint8)


def cut(picture: npt.NDArray[np.generic], place: Place) -> npt.NDArray[np.generic]:
    x, y = place[0] * BLOCK, place[1] * BLOCK
    return picture[y : y + TILE, x : x + TILE]


def save(path: Path, grey: npt.NDArray[np.uint8], *, quality: int = 95) -> None:
    """Save grey pixels as an RGB JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(np.repeat(grey[..., None], 3, axis=2)).save(buffer, "JPEG", quality=quality)
    path.write_bytes(buffer.getvalue())


def save_tiles(
    folder: Path, sea: npt.NDArray[np.uint8], places: Mapping[str, Place], *, quality: int = 95
) -> None:
    folder.mkdir(exist_ok=True)
    for name, place in places.items():
        save(folder / name, cut(sea, place), quality=quality)


def empty_table(names: Sequence[str]) -> LabelTable:
    return LabelTable.from_ships({name: [] for name in names}, HW)


def table_of(masks: Mapping[str, Sequence[npt.NDArray[np.bool_]]]) -> LabelTable:
    """Make a table of the ships of each tile; parts of a ship outside of a tile do not count."""
    return LabelTable.from_ships(
        {name: [mask_to_runs(mask) for mask in own if mask.any()] for name, own in masks.items()},
        HW,
    )


def rectangle(x: int, y: int, width: int, height: int, side: int = TILE) -> npt.NDArray[np.bool_]:
    mask = np.zeros((side, side), np.bool_)
    mask[y : y + height, x : x + width] = True
    return mask


def write_set(folder: Path) -> dict[str, Place]:
    """Write two acquisitions of four tiles each: images/ and labels.csv.

    a0, a1 and a2 overlap in a chain, a3 lies apart; so it is with b. A ship lies where a0 and a1
    overlap; b has none.
    """
    places: dict[str, Place] = {}
    steps = {"0": (0, 0), "1": (2, 0), "2": (3, 1), "3": (0, 3)}
    for seed, letter in enumerate("ab"):
        own = {f"{letter}{key}.jpg": place for key, place in steps.items()}
        save_tiles(folder / "images", draw_sea(seed), own)
        places |= own
    ship = rectangle(2 * BLOCK + 10, 20, 30, 12, 7 * BLOCK)
    masks = {
        name: [cut(ship, place)] if name in ("a0.jpg", "a1.jpg") else []
        for name, place in places.items()
    }
    write_labels(folder / "labels.csv", table_of(masks))
    return places


def true_pairs(places: Mapping[str, Place]) -> set[tuple[str, str, tuple[int, int]]]:
    """Work out which tiles of one acquisition overlap, and their shift in pixels."""
    names = list(places)
    found = set()
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            if first[0] != second[0]:
                continue
            dx, dy = (b - a for a, b in zip(places[first], places[second], strict=True))
            if max(abs(dx), abs(dy)) < TILE // BLOCK:
                found.add((first, second, (dx * BLOCK, dy * BLOCK)))
    return found
