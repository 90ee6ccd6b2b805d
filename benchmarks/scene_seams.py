"""Whether a scene looked at square by square shows the squares: against one look at everything.

    python benchmarks/scene_seams.py IMAGES LABELS --split SPLIT [--tiles 9]

The validation tiles with the most ships are laid side by side as one scene, all of it segmented
twice: in the lattice of squares, and in the largest windows that the detector takes. Of each ship
of the second the largest IoU with one of the first is told, and apart for ships that a border of
squares runs through or passes within 30 px.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from shapely import Polygon

from shipseg.imaging.decode import decode_tile
from shipseg.imaging.gdal import rasterio
from shipseg.inference.detector import Detector
from shipseg.labels import read_labels, read_split
from shipseg.scenes.detect import detect_scene
from shipseg.scenes.looks import SQUARE_PX, WHOLE_PX
from shipseg.scenes.open import open_scene

NEAR_PX = 30


def main() -> None:
    """Parse the arguments, make the mosaic, look at it twice, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--tiles", type=int, default=9, help="a square number")
    options = parser.parse_args()
    mosaic = mosaic_of(options.images, options.labels, options.split, math.isqrt(options.tiles))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mosaic.tif"
        height, width = mosaic.shape[:2]
        with rasterio.open(
            path, "w", driver="GTiff", height=height, width=width, count=3, dtype="uint8",
            crs="EPSG:32631", transform=rasterio.Affine(1.5, 0, 500_000, 0, -1.5, 4_000_000),
        ) as file:  # fmt: skip
            file.write(mosaic.transpose(2, 0, 1))
        squares, whole = (outlines(path, side) for side in (WHOLE_PX, max(height, width)))
    ious = np.array([max((iou(one, other) for other in squares), default=0) for one in whole])
    near = np.array([is_near(one) for one in whole])
    print(f"{width:,} x {height:,} px: {len(squares)} ships in squares, {len(whole)} in one look")
    for name, part in (("all", ious), (f"within {NEAR_PX} px of a border", ious[near])):
        print(f"{name}: {len(part)}, IoU above 0.85: {np.mean(part > 0.85):.3f}", end=", ")
        print(f"median {np.median(part):.3f}, worst {part.min():.2f}")


def mosaic_of(images: Path, labels: Path, split: Path, side: int) -> npt.NDArray[np.uint8]:
    """Lay the validation tiles with the most ships side by side, (H, W, 3) uint8."""
    table, parts = read_labels(labels), read_split(split)
    ids = [name for name in table.image_ids if parts.get(name) == "val"]
    ids.sort(key=lambda name: -len(table.ships_of(name)))
    tiles = [decode_tile((images / name).read_bytes(), name=name) for name in ids[: side * side]]
    return np.vstack([np.hstack(tiles[row * side : (row + 1) * side]) for row in range(side)])


def outlines(path: Path, whole_px: int) -> list[Polygon]:
    """Find the ships, the gate left out."""
    with open_scene(path) as scene:
        found = detect_scene(Detector(), scene, whole_px=whole_px, workers=None, gated=False)
    return [ship.outline for ship in found.ships]


def iou(one: Polygon, other: Polygon) -> float:
    """Tell how far two outlines are the same."""
    return float(one.intersection(other).area / one.union(other).area)


def is_near(outline: Polygon) -> bool:
    """Tell whether a border of squares runs through an outline's box or close by."""
    x0, y0, x1, y1 = outline.bounds
    return any(
        math.floor((low - NEAR_PX) / SQUARE_PX) != math.floor((high + NEAR_PX) / SQUARE_PX)
        for low, high in ((x0, x1), (y0, y1))
    )


if __name__ == "__main__":
    main()
