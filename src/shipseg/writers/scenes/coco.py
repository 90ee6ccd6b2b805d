"""COCO JSON: for trainers, labelling tools and pycocotools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from shapely import Polygon

from shipseg.files import atomic_path
from shipseg.imaging.gdal import rasterio
from shipseg.scenes.result import SceneShip
from shipseg.writers.scenes.described import DescribedScene, Property
from shipseg.writers.scenes.geojson import scene_member

from rasterio.features import rasterize  # isort: skip

_KEPT = ("lon", "lat", "length_m", "width_m", "heading_deg", "area_m2", "cut")


def write_coco(path: Path, scene: DescribedScene) -> None:
    """Write ships as COCO annotations with scores, in pixels of the scene.

    A hull is a polygon; COCO's polygons have no holes, so that a hull with one is a run-length mask
    of the whole scene, uncompressed, down the columns.

    Args:
        path: The file; one already there is replaced.
        scene: What to write.
    """
    result = scene.result
    height, width = result.grid.shape_hw
    head = {
        "info": {"description": "ships found by shipseg", "scene": scene_member(scene)},
        "images": [{"id": 1, "file_name": result.name, "width": width, "height": height}],
        "categories": [{"id": 1, "name": "ship", "supercategory": "vehicle"}],
    }
    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(head, allow_nan=False)[:-1] + ', "annotations": [')
        for index, (ship, row) in enumerate(zip(result.ships, scene.rows(), strict=True)):
            text = json.dumps(_annotation(ship, row, (height, width)), allow_nan=False)
            file.write((",\n" if index else "\n") + text)
        file.write("\n]}\n")


def _annotation(
    ship: SceneShip, row: dict[str, Property], shape_hw: tuple[int, int]
) -> dict[str, Any]:
    x0, y0, x1, y1 = ship.outline.bounds
    return {
        "id": row["number"],
        "image_id": 1,
        "category_id": 1,
        "segmentation": segmentation(ship.outline, shape_hw),
        "area": round(ship.outline.area, 2),
        "bbox": [round(v, 3) for v in (x0, y0, x1 - x0, y1 - y0)],
        "iscrowd": 0,
        "score": row["score"],
        "attributes": {name: row[name] for name in _KEPT},
    }


def segmentation(outline: Polygon, shape_hw: tuple[int, int]) -> list[list[float]] | dict[str, Any]:
    """Give an outline as COCO spells it: a polygon, or runs where it has holes.

    Args:
        outline: In pixels.
        shape_hw: Height and width of the picture.
    """
    if not outline.interiors:
        ring = np.asarray(outline.exterior.coords)[:-1, :2]
        return [[round(float(value), 3) for value in ring.ravel()]]
    return {"size": list(shape_hw), "counts": _counts(outline, shape_hw)}


def _counts(outline: Polygon, shape_hw: tuple[int, int]) -> list[int]:
    """Count pixels outside and inside by turns, down the columns, from the mask of its box."""
    height, width = shape_hw
    x0, y0 = (max(0, int(np.floor(v))) for v in outline.bounds[:2])
    x1, y1 = (int(np.ceil(v)) for v in outline.bounds[2:])
    x1, y1 = min(x1, width), min(y1, height)
    mask = rasterize(
        [outline],
        out_shape=(y1 - y0, x1 - x0),
        transform=rasterio.Affine.translation(x0, y0),
        dtype="uint8",
    )
    counts: list[int] = []
    end = 0
    for x, column in enumerate(mask.T, start=x0):
        steps = np.flatnonzero(np.diff(np.concatenate([[0], column, [0]]).astype(np.int8)))
        for start, stop in steps.reshape(-1, 2) + y0 + x * height:
            if counts and start == end:
                # A column that ends at the bottom goes on at the top of the next.
                counts[-1] += int(stop - start)
            else:
                counts += [int(start - end), int(stop - start)]
            end = stop
    return [*counts, int(height * width - end)]
