"""From drawn tiles to the files that will be made of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from shipseg.dataset.prepare.classes import Classes
from shipseg.dataset.prepare.coco import Coco
from shipseg.dataset.prepare.draw import Parts
from shipseg.dataset.prepare.layout import Item, Layout
from shipseg.dataset.prepare.masks import Masks
from shipseg.dataset.prepare.request import Request
from shipseg.dataset.prepare.yolo import Yolo
from shipseg.dataset.source import TileSource
from shipseg.errors import BadInputError, UsageError
from shipseg.writers.names import file_stems

# What readers of the layouts take for a picture.
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"})


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What will be made of which tiles.

    Attributes:
        request: What was asked for.
        source: Where the tiles lie, and their labels.
        layout: How the folder is laid out.
        items: The tiles, by part and ImageId.
    """

    request: Request
    source: TileSource
    layout: Layout
    items: tuple[Item, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts."""
        return tuple(dict.fromkeys(item.part for item in self.items))

    @property
    def extras(self) -> tuple[str, ...]:
        """Files about all tiles."""
        return self.layout.extras(self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Give all that decides which bytes come out, ready for JSON."""
        chosen = self.source.table.subset(item.image_id for item in self.items)
        truth = TileSource(self.source.folder, chosen).fingerprint()
        rows = [[item.image_id, item.part, *item.files] for item in self.items]
        return {
            **self.request.to_dict(),
            "images": str(self.source.folder.resolve()),
            "tiles_sha256": hashlib.sha256(json.dumps([truth, rows]).encode()).hexdigest(),
            # Another release may encode the same pixels in other bytes.
            "pillow": metadata.version("pillow"),
        }


def layout_of(request: Request) -> Layout:
    """Choose the layout of a request."""
    match request.layout:
        case "classes":
            return Classes()
        case "masks":
            return Masks(request.mask_bits)
        case "coco":
            return Coco(request.rle)
        case "yolo":
            return Yolo()


def find_tiles(source: TileSource, parts: Parts) -> tuple[Parts, Parts]:
    """Part the tiles that have a file from those that have none.

    Args:
        source: Its folder is looked into, once.
        parts: Tiles by part.

    Returns:
        Parts of tiles that are there, and of those that are not.

    Raises:
        UsageError: The folder is not there or cannot be read.
        BadInputError: None of the tiles has a file.
    """
    try:
        present = {entry.name for entry in source.folder.iterdir()}
    except OSError as error:
        raise UsageError(
            f"the folder of tiles '{source.folder}' cannot be read: {error.strerror}",
            hint="--images names the folder that holds the tiles themselves",
        ) from error
    there = {name: tuple(i for i in ids if i in present) for name, ids in parts.items()}
    absent = {name: tuple(i for i in ids if i not in present) for name, ids in parts.items()}
    if not any(there.values()):
        number = sum(map(len, parts.values()))
        raise BadInputError(
            f"none of the {number:,} tiles has a file in '{source.folder}'",
            hint="--images names the folder that holds the tiles themselves",
        )
    return there, absent


def make_plan(request: Request, source: TileSource, parts: Parts) -> Plan:
    """Name the files that will be made of each tile.

    Args:
        request: What was asked for.
        source: Where the tiles lie, and their labels.
        parts: The drawn tiles.

    Raises:
        UsageError: There are no tiles, or two parts would share a folder.
    """
    layout = layout_of(request)
    ids = [image_id for part in parts.values() for image_id in part]
    if not ids:
        raise UsageError("no tile is left to prepare", hint="ask for another share or number")
    stems = file_stems(ids)
    items = tuple(
        _item(layout, source, part, image_id, stems[image_id], resized=request.resizes)
        for part, image_ids in parts.items()
        for image_id in image_ids
    )
    _refuse_shared(items)
    return Plan(request, source, layout, items)


def _item(
    layout: Layout, source: TileSource, part: str, image_id: str, stem: str, *, resized: bool
) -> Item:
    suffix = Path(image_id).suffix.lower()
    # What is encoded anew is JPEG; a tile that is taken as it is keeps its name.
    suffix = ".jpg" if resized or suffix not in _SUFFIXES else suffix
    ships = len(source.table.ships_of(image_id))
    files = layout.place(part, stem + suffix, stem, has_ships=ships > 0)
    return Item(image_id, part, ships, *files)


def _refuse_shared(items: Iterable[Item]) -> None:
    """Refuse parts whose folders are one, as 'Train' and 'train' are on some file systems."""
    owner: dict[str, str] = {}
    for item in items:
        folder = str(PurePosixPath(item.image).parent).casefold()
        other = owner.setdefault(folder, item.part)
        if other != item.part:
            raise UsageError(
                f"the parts '{other}' and '{item.part}' would share the folder '{folder}'",
                hint="give them other names in the split",
            )
