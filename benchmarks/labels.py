"""How long does the full label table take? Against a bare parse with the csv module.

    python benchmarks/labels.py [train_ship_segmentations_v2.csv.gz]

Without a path, a synthetic table of the full one's size is written to a temporary folder first.
Both sides are measured in the same run, in turns, and the best of each counts: other work on the
machine only ever adds time. Seconds are of the wall clock; the ratio is of CPU time.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from shipseg.labels import LabelTable, read_labels, write_labels
from shipseg.rle import Runs

TILES, SHIPS, RUNS_PER_SHIP = 192_000, 77_000, 55


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("path", nargs="?", type=Path, help=".csv, .csv.gz or .csv.zip")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.path or synthetic(Path(folder) / "labels.csv.gz")
        measure(path, Path(folder) / "written.csv", options.repeat)


def measure(path: Path, target: Path, repeat: int) -> None:
    table = read_labels(path, on_bad_row="skip")
    ours, theirs, writing = [], [], []
    for _ in range(repeat):
        ours.append(timed(lambda: read_labels(path, on_bad_row="skip")))
        theirs.append(timed(lambda: csv_rows(path)))
    writing.append(timed(lambda: write_labels(target, table)))
    print(f"{len(table):,} tiles, {table.ship_count:,} ships, {len(table.runs):,} runs")
    rows = [("shipseg.read_labels", ours), ("csv.reader alone", theirs), ("write_labels", writing)]
    for name, times in rows:
        wall, cpu = (min(column) for column in zip(*times, strict=True))
        print(f"{name:20} {wall:6.2f} s wall  {cpu:6.2f} s CPU")
    ratio = min(cpu for _, cpu in ours) / min(cpu for _, cpu in theirs)
    print(f"read_labels / csv.reader alone, CPU: {ratio:.2f}")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def csv_rows(path: Path) -> int:
    """Unpack and split every row into cells, and do nothing with them."""
    with open_text(path) as file:
        return sum(1 for _ in csv.reader(line.decode() for line in file))


def open_text(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return gzip.open(path)  # type: ignore[return-value]
    if path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        return archive.open(next(name for name in archive.namelist() if name.endswith(".csv")))
    return path.open("rb")


def synthetic(path: Path) -> Path:
    """Write a table with as many tiles, ships and runs as the full Airbus one."""
    rng = np.random.default_rng(0)
    ships: dict[str, list[Runs]] = {f"{index:09x}.jpg": [] for index in range(TILES)}
    names = list(ships)
    for tile in rng.integers(0, TILES // 5, SHIPS).tolist():
        # Ships of one tile lie one below the other, 40 rows apart, so that they never overlap.
        if len(own := ships[names[tile]]) < 768 // 40:
            column, row = rng.integers(0, 768 - RUNS_PER_SHIP), 40 * len(own)
            starts = (column + np.arange(RUNS_PER_SHIP)) * 768 + row + rng.integers(0, 20)
            own.append(np.column_stack((starts, rng.integers(1, 20, RUNS_PER_SHIP))))
    plain = path.with_suffix("")
    write_labels(plain, LabelTable.from_ships(ships))
    path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


if __name__ == "__main__":
    main()
