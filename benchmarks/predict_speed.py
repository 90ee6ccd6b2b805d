"""Tiles a second: decoding alone, the gated detector, and the U-Net on every tile, in one process.

    python benchmarks/predict_speed.py IMAGES [--split split.csv --subset val] [--workers 2]

The three are timed in turn, several rounds, so that a machine whose speed drifts slows all alike.
The ratios are what to quote. Without IMAGES, synthetic tiles are drawn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The scripts that the project began from take this long for one tile, decoding included.
FIRST_SCRIPTS_MS = 146.0


def main() -> None:
    """Parse the arguments, time, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="?", type=Path)
    parser.add_argument("--split", type=Path)
    parser.add_argument("--subset", default="val")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = chosen_tiles(options.images or drawn_tiles(Path(folder)), options)
        compare(paths, options)


def drawn_tiles(folder: Path) -> Path:
    """Draw tiles where the user has none; a third with ships, as in the real validation set."""
    from shipseg.imaging.synthetic import write_synthetic_dataset

    write_synthetic_dataset(folder / "tiles", 60, ship_share=0.33)
    return folder / "tiles" / "images"


def chosen_tiles(images: Path, options: argparse.Namespace) -> list[Path]:
    """List the tiles of the subset."""
    from shipseg.inference.batch import find_images
    from shipseg.labels import read_split

    paths = find_images([images])
    if options.split:
        parts = read_split(options.split)
        paths = [path for path in paths if parts.get(path.name) == options.subset]
    return paths


def compare(paths: list[Path], options: argparse.Namespace) -> None:
    """Time the three in turn and print rates and ratios."""
    from shipseg import Detector
    from shipseg.imaging.decode import read_image
    from shipseg.inference.batch import predict_paths

    detector = Detector(options.bundle)
    workers = options.workers

    def decode_all() -> None:
        with ThreadPoolExecutor(workers) as pool:
            drain(pool.map(read_image, paths))

    ways: dict[str, Callable[[], None]] = {
        "decoding alone": decode_all,
        "gated": lambda: drain(predict_paths(detector, paths, workers=workers)),
        "ungated U-Net": lambda: drain(
            predict_paths(detector, paths, workers=workers, gated=False)
        ),
    }
    passed = sum(
        bool(outcome.detection and outcome.detection.passed)
        for outcome in predict_paths(detector, paths, workers=workers)
    )
    print(f"{len(paths)} tiles, {passed} pass the gate, {workers} workers, {options.rounds} rounds")
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, run in ways.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    rates = {name: len(paths) / statistics.median(spent) for name, spent in times.items()}
    for name, rate in rates.items():
        print(f"{name:16s} {rate:8.1f} tiles/s  {1000 / rate:7.1f} ms a tile")
    gated = times["gated"]
    for name in ("decoding alone", "ungated U-Net"):
        pairs = [other / own for own, other in zip(gated, times[name], strict=True)]
        print(f"gated is {statistics.median(pairs):.2f} times as fast as {name}")
    print(
        f"gated is {rates['gated'] * FIRST_SCRIPTS_MS / 1000:.1f} times as fast as the scripts "
        f"this began from ({FIRST_SCRIPTS_MS:.0f} ms a tile, measured elsewhere)"
    )


def drain(items: Iterable[object]) -> None:
    """Take everything and keep nothing."""
    for _ in items:
        pass


if __name__ == "__main__":
    main()
