"""COCO's JSON for instances, one file per part, with masks as run lengths."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from shipseg.dataset.prepare.coco_rle import compress, counts_of
from shipseg.dataset.prepare.layout import Item, Labelled, ShipsOfTile
from shipseg.dataset.prepare.request import RleForm
from shipseg.files import atomic_path
from shipseg.rle import Runs, area, box

_CATEGORY = {"id": 1, "name": "ship", "supercategory": "vessel"}


class Coco:
    """`annotations/instances_PART.json`, and pictures in `PART/`."""

    def __init__(self, rle: RleForm) -> None:
        """Choose how runs are written."""
        self._rle = rle

    def place(self, part: str, file_name: str, stem: str, *, has_ships: bool) -> tuple[str, ...]:
        """Put the picture into the folder of its part."""
        return (f"{part}/{file_name}",)

    def label(self, ships: ShipsOfTile, side: int) -> bytes:
        """Give nothing: all labels of a part are in one file."""
        return b""

    def extras(self, parts: Iterable[str]) -> tuple[str, ...]:
        """Name a file of annotations per part."""
        return tuple(f"annotations/instances_{part}.json" for part in parts)

    def write_extras(self, root: Path, parts: Mapping[str, Sequence[Labelled]], side: int) -> None:
        """Write the annotations: ids count from 1 in the order of the ImageIds."""
        for (part, tiles), name in zip(parts.items(), self.extras(parts), strict=True):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(root / name) as beside, beside.open("w", encoding="utf-8") as file:
                self._write(file, part, tiles, side)

    def _write(self, file: TextIO, part: str, tiles: Sequence[Labelled], side: int) -> None:
        """Write one value after the other: the 227,000 of the full set would fill the memory."""
        about = {"description": f"ships on {len(tiles)} tiles, part '{part}', made by shipseg"}
        file.write(f'{{"info": {json.dumps(about)},\n"licenses": [],\n')
        file.write(f'"categories": [{json.dumps(_CATEGORY)}],\n"images": [\n')
        _write_list(file, (_image(i, tile.item, side) for i, tile in enumerate(tiles, 1)))
        file.write('],\n"annotations": [\n')
        _write_list(file, self._annotations(tiles, side))
        file.write("]}\n")

    def _annotations(self, tiles: Sequence[Labelled], side: int) -> Iterator[dict[str, Any]]:
        number = 0
        for image, tile in enumerate(tiles, 1):
            for runs in tile.ships:
                around = box(runs, side)
                # One that covers half of no pixel has no mask at this size.
                if around is not None:
                    number += 1
                    yield self._annotation(number, image, runs, around, side)

    def _annotation(
        self, number: int, image: int, runs: Runs, around: tuple[int, int, int, int], side: int
    ) -> dict[str, Any]:
        x0, y0, x1, y1 = around
        counts = counts_of(runs, (side, side))
        text = compress(counts) if self._rle == "compressed" else counts
        return {
            "id": number,
            "image_id": image,
            "category_id": _CATEGORY["id"],
            "iscrowd": 0,
            "area": area(runs),
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "segmentation": {"size": [side, side], "counts": text},
        }


def _image(number: int, item: Item, side: int) -> dict[str, Any]:
    name = item.image.rpartition("/")[2]
    return {"id": number, "file_name": name, "width": side, "height": side}


def _write_list(file: TextIO, values: Iterable[dict[str, Any]]) -> None:
    for index, value in enumerate(values):
        file.write(",\n" * (index > 0) + json.dumps(value))
    file.write("\n")
