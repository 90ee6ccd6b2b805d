"""How far ships move when a scene is shifted by any offset: overlap with where they should be.

    python benchmarks/scene_shift.py [--seeds 12]

Drawn seas are cut at several offsets and looked at anew. Of each ship with a score of 0.5 or more
that lies well inside both cuts, the largest IoU with a ship of the shifted cut is taken.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from shapely import Polygon, box
from shapely.affinity import translate

from shipseg.imaging.gdal import rasterio
from shipseg.imaging.synthetic import draw_scene
from shipseg.inference.detector import Detector
from shipseg.scenes.detect import detect_scene
from shipseg.scenes.open import open_scene
from shipseg.scenes.result import SceneShip

OFFSETS = ((1, 0), (7, 3), (100, 213), (33, 64), (250, 10))
INNER = box(150, 250, 1100, 1100)


def main() -> None:
    """Parse the arguments, shift, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=12)
    options = parser.parse_args()
    detector = Detector()
    found: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(11, 11 + options.seeds):
            found += overlaps(detector, seed, Path(folder) / "scene.tif")
    values = np.sort(found)
    print(f"{len(values)} pairs of a ship and an offset, {options.seeds} drawn seas")
    print(f"IoU: median {np.median(values):.3f}, worst {values[0]:.2f}")
    print(f"above 0.85: {np.count_nonzero(values > 0.85)} of {len(values)}")


def overlaps(detector: Detector, seed: int, path: Path) -> list[float]:
    """Give the best overlap of each sure ship at each offset."""
    rgb = draw_scene(seed, (1450, 1450), ships=12, coast=False).rgb
    ships = shifted(detector, rgb, (0, 0), path)
    sure = [s.outline for s in ships if s.score >= 0.5 and INNER.contains(s.outline)]
    values = []
    for dx, dy in OFFSETS:
        others = shifted(detector, rgb, (dx, dy), path)
        moved = [translate(outline, -dx, -dy) for outline in sure]
        values += [best(outline, others) for outline in moved if INNER.contains(outline)]
    return values


def shifted(
    detector: Detector, rgb: np.ndarray, offset_xy: tuple[int, int], path: Path
) -> list[SceneShip]:
    """Find the ships of a cut of 1,200 px at an offset."""
    dx, dy = offset_xy
    cut = rgb[dy : dy + 1200, dx : dx + 1200].transpose(2, 0, 1)
    with rasterio.open(
        path, "w", driver="GTiff", width=1200, height=1200, count=3, dtype="uint8"
    ) as file:
        file.write(cut)
    with open_scene(path) as scene:
        return list(detect_scene(detector, scene).ships)


def best(outline: Polygon, ships: list[SceneShip]) -> float:
    """Give the largest IoU with one of the ships."""
    overlap = [outline.intersection(s.outline).area / outline.union(s.outline).area for s in ships]
    return max(overlap, default=0.0)


if __name__ == "__main__":
    main()
