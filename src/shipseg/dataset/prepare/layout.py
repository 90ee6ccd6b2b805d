"""What the layouts have in common: where files lie, and what becomes of a tile's ships."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shipseg.dataset.augment import resize_mask
from shipseg.rle import Runs, mask_to_runs, runs_to_mask

ShipsOfTile = tuple[Runs, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A tile, and the files that are made of it.

    Attributes:
        image_id: The tile.
        part: Which part it is in.
        ships: How many ships the label table has on it.
        image: Path of the picture in the prepared folder, with `/`.
        label: Path of the mask or text beside it; None where the layout has none.
    """

    image_id: str
    part: str
    ships: int
    image: str
    label: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of both."""
        return (self.image,) if self.label is None else (self.image, self.label)


class Layout(Protocol):
    """How a prepared folder is laid out."""

    def place(self, part: str, file_name: str, stem: str, *, has_ships: bool) -> tuple[str, ...]:
        """Say where the picture of a tile lies and, if there is one, its label."""

    def label(self, ships: ShipsOfTile, side: int) -> bytes:
        """Make the bytes of a tile's label file, if the layout has one.

        Args:
            ships: The tile's ships, at the size of the picture.
            side: Side of the picture, in pixels.
        """

    def extras(self, parts: Iterable[str]) -> tuple[str, ...]:
        """Name the files about all tiles of a part, or of all parts."""

    def write_extras(self, root: Path, parts: Mapping[str, Sequence[Labelled]], side: int) -> None:
        """Write them.

        Args:
            root: The prepared folder.
            parts: Name of each part to its tiles.
            side: Side of the pictures, in pixels.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A tile that is done, with its ships at the size of its picture.

    Attributes:
        item: The tile.
        ships: ``(n, 2)`` runs of each ship; one that vanished as the tile shrank has none.
    """

    item: Item
    ships: ShipsOfTile


def scale_ships(ships: Sequence[Runs], tile_side: int, side: int) -> ShipsOfTile:
    """Resize each ship of a tile by itself: a pixel is ship where at least half of it is.

    Args:
        ships: ``(n, 2)`` runs of each ship on the tile.
        tile_side: Side of the tile, in pixels.
        side: Side of the result, in pixels.

    Returns:
        As many ships; one that covers half of no pixel has no runs.
    """
    if tile_side == side:
        return tuple(ships)
    masks = (runs_to_mask(runs, (tile_side, tile_side)) for runs in ships)
    return tuple(mask_to_runs(resize_mask(mask, side)) for mask in masks)
