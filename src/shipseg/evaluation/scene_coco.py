"""Outlines from COCO: polygons, and run-length masks in both of its spellings."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from shapely import Polygon, box, make_valid, union_all

from shipseg.errors import BadInputError
from shipseg.evaluation.scene_matching import Outline
from shipseg.imaging.formats import shown_name


def coco_outlines(
    document: dict[str, Any], name: str, scene: str | None
) -> tuple[list[Outline], dict[str, Any]]:
    """Give the outlines of one picture, and what the file says of the scene.

    Args:
        document: The file's content.
        name: The file, for messages.
        scene: The picture's file name; may be None where there is but one.

    Raises:
        BadInputError: No COCO, or of several pictures, none named.
    """
    try:
        images = {str(image["file_name"]): image["id"] for image in document["images"]}
        if scene in images or len(images) == 1:
            wanted = images[scene] if scene in images else next(iter(images.values()))
        else:
            raise BadInputError(
                f"{name}: {len(images):,} pictures"
                + ("" if scene is None else f", and none is {shown_name(scene)}"),
                hint="name the scene with --scene",
            )
        outlines = [
            _segment(annotation["segmentation"])
            for annotation in document["annotations"]
            if annotation["image_id"] == wanted
        ]
        about = document.get("info", {}).get("scene", {})
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as error:
        raise BadInputError(
            f"{name}: no COCO as pycocotools reads it: {type(error).__name__} {error}"[:300],
            hint="annotations need image_id and segmentation, images need id and file_name",
        ) from error
    return outlines, about if isinstance(about, dict) else {}


def _segment(segmentation: Any) -> Outline:
    if isinstance(segmentation, list):
        parts = [Polygon(np.reshape(ring, (-1, 2))) for ring in segmentation]
        return parts[0] if len(parts) == 1 else union_all([make_valid(part) for part in parts])
    height = int(segmentation["size"][0])
    if height < 1:
        raise ValueError(f"a mask of height {height}")
    counts = segmentation["counts"]
    ends = np.cumsum(_decompress(counts) if isinstance(counts, str) else counts)
    bars = []
    for start, end in zip(ends[0::2].tolist(), ends[1::2].tolist(), strict=False):
        # A run goes on from the bottom of a column to the top of the next.
        for column in range(start // height, (end - 1) // height + 1):
            top, low = max(start - column * height, 0), min(end - column * height, height)
            bars.append(box(column, top, column + 1, low))
    return union_all(bars)


def _decompress(text: str) -> list[int]:
    """Read the text that pycocotools calls compressed: `rleFrString` of its `maskApi.c`."""
    counts: list[int] = []
    number = shift = 0
    for letter in text.encode("ascii"):
        digit = letter - 48
        number |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        if digit & 16:
            number -= 1 << shift
        counts.append(number + counts[-2] if len(counts) > 2 else number)
        number = shift = 0
    return counts
