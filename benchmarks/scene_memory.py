"""Peak memory of a scene of 30,000 x 30,000 pixels, ships found there, and speed by kind of water.

    python benchmarks/scene_memory.py [--side 30000] [--workers 2] [--keep FOLDER]

Three GeoTIFFs are generated: a sparse one with drawn patches of sea and ships, some laid where the
windows of the gate meet; open sea without a ship; and a coast full of ships. Each goes through
`shipseg predict` in a process of its own, whose peak memory and time are printed.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from shapely import Polygon, STRtree

from shipseg.imaging.gdal import rasterio
from shipseg.imaging.synthetic import SyntheticScene, draw_scene

PATCH = 768
# The gate's windows begin at multiples of this: where they meet, ships lie in two or four.
STRIDE = 640
# Linux's own figure of this process: `ru_maxrss` of a child begins with its parent's.
CHILD = """
import os, sys
from shipseg.cli.main import main
code = main(sys.argv[1:])
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak, os.times().user + os.times().system)
sys.exit(code)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What a child process took and found."""

    seconds: float
    core_seconds: float
    peak_mib: float
    ships: list[Polygon]


def main() -> None:
    """Parse the arguments, generate, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=30_000)
    parser.add_argument("--patches", type=int, default=60)
    parser.add_argument("--speed-side", type=int, default=6_144)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, help="leave the scenes and results here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = options.keep or Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        memory(root, options)
        speed(root, options, "open sea", coast=False, ships=0)
        speed(root, options, "harbour", coast=True, ships=14)


def memory(root: Path, options: argparse.Namespace) -> None:
    """Run the large scene."""
    path = root / "large.tif"
    planted = write_sparse(path, options.side, options.patches)
    run = predict(path, root / "large", options.workers)
    found = sum(is_found(ship, run.ships) for ship in planted)
    pixels = options.side**2 / 1e6
    print(f"scene: {options.side:,} x {options.side:,} px, {path.stat().st_size / 1e6:,.0f} MB")
    print(f"peak memory: {run.peak_mib:,.0f} MiB with {options.workers} workers")
    print(f"time: {speed_of(pixels, run)}")
    print(f"ships: {found} of {len(planted)} found (IoU above 0.3), {len(run.ships)} reported")


def speed(root: Path, options: argparse.Namespace, name: str, *, coast: bool, ships: int) -> None:
    """Run one kind of water."""
    path = root / f"{name.replace(' ', '_')}.tif"
    write_filled(path, options.speed_side, coast=coast, ships=ships)
    run = predict(path, root / path.stem, options.workers)
    pixels = options.speed_side**2 / 1e6
    print(f"{name}: {speed_of(pixels, run)}, peak {run.peak_mib:,.0f} MiB, {len(run.ships)} ships")


def speed_of(megapixels: float, run: Run) -> str:
    """Tell how fast a run was, also where other work took its cores away."""
    return (
        f"{run.seconds:.1f} s, {run.core_seconds:.1f} core seconds, "
        f"{megapixels / run.core_seconds:.2f} megapixels a core second"
    )


def create(path: Path, side: int) -> rasterio.io.DatasetWriter:
    """Open a tiled, sparse, compressed GeoTIFF at 1.5 m."""
    return rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=3, dtype="uint8", tiled=True,
        blockxsize=256, blockysize=256, compress="deflate", sparse_ok=True, bigtiff="IF_SAFER",
        crs="EPSG:32633", transform=rasterio.Affine(1.5, 0, 400_000, 0, -1.5, 5_000_000),
    )  # fmt: skip


def write_sparse(path: Path, side: int, patches: int) -> list[Polygon]:
    """Scatter drawn patches over black, every other one with its middle where windows meet."""
    rng = np.random.default_rng(7)
    planted: list[Polygon] = []
    taken: set[tuple[int, int]] = set()
    with create(path, side) as file:
        for seed in range(patches):
            # A lattice of places keeps the patches apart.
            while (place := tuple(rng.integers(1, side // (2 * STRIDE), 2).tolist())) in taken:
                pass
            taken.add(place)
            shift = -PATCH // 2 if seed % 2 else 0
            x, y = (int(n) * 2 * STRIDE + shift for n in place)
            patch = draw_scene(seed, (PATCH, PATCH), ships=3, coast=False, clouds=False)
            window = ((y, y + PATCH), (x, x + PATCH))
            if y + PATCH <= side and x + PATCH <= side:
                file.write(patch.rgb.transpose(2, 0, 1), window=window)
                planted += ships_of(patch, x, y)
    return planted


def write_filled(path: Path, side: int, *, coast: bool, ships: int) -> None:
    """Fill a scene with four drawn patches, over and over."""
    patches = [
        draw_scene(seed, (1024, 1024), ships=ships, coast=coast, clouds=False).rgb
        for seed in range(4)
    ]
    with create(path, side) as file:
        for index, y in enumerate(range(0, side, 1024)):
            for x in range(0, side, 1024):
                rgb = patches[(index + x // 1024) % 4][: side - y, : side - x]
                window = ((y, y + rgb.shape[0]), (x, x + rgb.shape[1]))
                file.write(rgb.transpose(2, 0, 1), window=window)


def ships_of(patch: SyntheticScene, x: int, y: int) -> list[Polygon]:
    """Give the true rectangles that lie inside the patch, in pixels of the scene."""
    inside = [b for b in patch.boxes if b.min() >= 0 and b.max() <= PATCH]
    return [Polygon(box + np.array([x, y])) for box in inside]


def is_found(ship: Polygon, found: list[Polygon]) -> bool:
    """Tell whether some outline covers a true ship."""
    near = STRtree(found).query(ship, predicate="intersects") if found else []
    return any(ship.intersection(found[i]).area / ship.union(found[i]).area > 0.3 for i in near)


def predict(path: Path, out: Path, workers: int) -> Run:
    """Run the command in a process of its own."""
    command = [
        sys.executable, "-c", CHILD, "predict", str(path), "-o", str(out), "--formats", "csv",
        "--workers", str(workers), "--overwrite",
    ]  # fmt: skip
    start = time.perf_counter()
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.perf_counter() - start
    peak_kib, core_seconds = map(float, child.stdout.split()[-2:])
    with (out / path.stem / "ships.csv").open(newline="") as file:
        rings = [row["polygon"].split(";")[0].split() for row in csv.DictReader(file)]
    ships = [Polygon([tuple(map(float, p.split(","))) for p in ring]) for ring in rings]
    return Run(seconds, core_seconds, peak_kib / 1024, ships)


if __name__ == "__main__":
    main()
