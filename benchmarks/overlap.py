"""How good and how fast is the overlap finder?

    python benchmarks/overlap.py LABELS [--images DIR] [--truth acquisitions.csv.gz] [--resave 75]

It prints seconds and memory, and then, as far as the arguments allow:

- *truth*: pairs of tiles in one found group against pairs in one group of the truth file
  (ImageId and AcquisitionId or acquisition).
- *pixels* (with --images): an exhaustive look at every two tiles at each of the 25 shifts, which
  uses neither blocks nor ships nor the finder's comparison. A pair truly overlaps where the RGB
  pixels of the shared region differ by at most 0.05 grey levels in the mean and correlate by at
  least 0.98; a region of one colour correlates with nothing. It needs 2 MB a tile. With --resave
  the finder, but not this look, gets every other tile saved again as JPEG of that quality.
- *masks*: how many of the found pairs with the same ship masks, of 1,000 px or more, the truth has.
- *geometry*: tiles are put in their places by following pairs. Pairs that close a loop have to
  agree with the places; tiles whose places overlap, with a ship there, have to be pairs.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from shipseg.dataset.overlap import BLOCK_PX, Overlap, find_overlaps, group_overlaps
from shipseg.dataset.overlap.pairs import shared_windows
from shipseg.imaging.decode import decode_tile
from shipseg.labels import LabelTable, read_labels
from shipseg.labels.csvfile import open_csv
from shipseg.rle import crop

Pair = tuple[str, str]
CELL_PX, MOST_MEAN_DIFFERENCE, LEAST_CORRELATION = 32, 0.05, 0.98
LEAST_SHIP_PX, CERTAIN_PX = 10, 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("labels", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--resave", type=int, metavar="QUALITY")
    options = parser.parse_args()
    table = read_labels(options.labels, on_bad_row="skip")
    print(f"{len(table):,} tiles, {np.count_nonzero(table.ships_per_image()):,} with ships")
    print(f"peak memory after reading the labels: {peak_mib():,.0f} MiB")
    truth = read_truth(options.truth) if options.truth else {}
    judge(table, find(table, None), truth, options.images)
    if options.images:
        with tempfile.TemporaryDirectory() as folder:
            tiles = options.images
            if options.resave:
                tiles = resave(table, options.images, Path(folder), options.resave)
            overlaps = find(table, tiles)
        judge(table, overlaps, truth, options.images)


def find(table: LabelTable, images: Path | None) -> tuple[Overlap, ...]:
    wall, cpu = time.perf_counter(), time.process_time()
    overlaps = find_overlaps(table, images).overlaps
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"\n== {'labels alone' if images is None else 'labels and pixels'}")
    print(f"{wall:.1f} s, {cpu:.1f} s of CPU; peak memory {peak_mib():,.0f} MiB")
    print(f"{len(overlaps):,} pairs")
    return overlaps


def judge(
    table: LabelTable, overlaps: tuple[Overlap, ...], truth: dict[str, str], images: Path | None
) -> None:
    if truth:
        against_truth(table, group_overlaps(table.image_ids, overlaps), truth)
        against_masks(table, overlaps, truth)
    against_geometry(table, overlaps)
    if images:
        against_pixels(table, images, overlaps, truth)


def resave(table: LabelTable, images: Path, folder: Path, quality: int) -> Path:
    for index, image_id in enumerate(table.image_ids):
        source = (images / image_id).resolve()
        if index % 2 and source.is_file():
            Image.open(source).save(folder / image_id, "JPEG", quality=quality)
        elif source.is_file():
            (folder / image_id).symlink_to(source)
    return folder


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_truth(path: Path) -> dict[str, str]:
    file = open_csv(path, ("ImageId",), ("AcquisitionId", "acquisition"))
    group = file.columns.get("AcquisitionId", file.columns.get("acquisition"))
    assert group is not None, "the truth needs a column AcquisitionId or acquisition"
    return {cells[file.columns["ImageId"]]: cells[group] for _, cells in file.rows()}


def against_truth(table: LabelTable, groups: Mapping[str, int], truth: Mapping[str, str]) -> None:
    """Count pairs within groups; tiles without a group in the truth are left out."""
    for name, ids in (
        ("all tiles", table.image_ids),
        ("ship tiles", [i for i in table.image_ids if table.has_ships(i)]),
    ):
        known = [image_id for image_id in ids if truth.get(image_id)]
        ours = count_pairs(groups[image_id] for image_id in known)
        theirs = count_pairs(truth[image_id] for image_id in known)
        both = count_pairs((groups[image_id], truth[image_id]) for image_id in known)
        print(
            f"truth, {name}: {ours:,} pairs in our groups, {theirs:,} in its, {both:,} in both; "
            f"precision {ratio(both, ours)}, recall {ratio(both, theirs)}"
        )


def against_masks(table: LabelTable, overlaps: Iterable[Overlap], truth: Mapping[str, str]) -> None:
    """Ask the truth about pairs that nobody can doubt."""
    certain, known = 0, 0
    for pair in overlaps:
        first, second = (
            crop(table.runs_of(image_id), table.shape_hw, window)
            for image_id, window in zip(
                (pair.first, pair.second), pair.windows(table.shape_hw), strict=True
            )
        )
        if first.sum() >= CERTAIN_PX and np.array_equal(first, second):
            certain += 1
            known += truth.get(pair.first, "") == truth.get(pair.second)
    print(
        f"masks: {certain:,} pairs share the same {CERTAIN_PX:,} px of ships or more; "
        f"the truth has {known:,} of them: {ratio(known, certain)}"
    )


def count_pairs(labels: Iterable[object]) -> int:
    return sum(n * (n - 1) // 2 for n in Counter(labels).values())


def ratio(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def against_geometry(table: LabelTable, overlaps: Iterable[Overlap]) -> None:
    """Put tiles in their places, and see whether all pairs fit."""
    links: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    shifts: dict[Pair, tuple[int, int]] = {}
    for pair in overlaps:
        dx, dy = shifts[pair.first, pair.second] = pair.shift_xy
        links[pair.first].append((pair.second, dx, dy))
        links[pair.second].append((pair.first, -dx, -dy))
    places: dict[str, tuple[int, int]] = {}
    tree, wrong, near, direct = 0, 0, 0, 0
    for start in links:
        if start in places:
            continue
        group = spread(start, links, places)
        tree += len(group) - 1
        for one, other, shift in neighbours(group, places):
            found = shifts.get((one, other)) or flipped(shifts.get((other, one)))
            if found is not None or ship_between(table, one, other, shift):
                near, direct = near + 1, direct + (found is not None)
    for (first, second), (dx, dy) in shifts.items():
        (x, y), (u, v) = places[first], places[second]
        wrong += (u - x, v - y) != (dx, dy)
    loops = len(shifts) - tree
    print(f"geometry: {loops:,} pairs close a loop, {wrong:,} of them do not fit")
    print(f"geometry: {direct:,} of {near:,} pairs whose places share ships: {ratio(direct, near)}")


def spread(
    start: str, links: Mapping[str, list[tuple[str, int, int]]], places: dict[str, tuple[int, int]]
) -> list[str]:
    places[start] = (0, 0)
    group, waiting = [start], deque([start])
    while waiting:
        one = waiting.popleft()
        for other, dx, dy in links[one]:
            if other not in places:
                places[other] = (places[one][0] + dx, places[one][1] + dy)
                group.append(other)
                waiting.append(other)
    return group


def neighbours(
    group: list[str], places: Mapping[str, tuple[int, int]]
) -> Iterator[tuple[str, str, tuple[int, int]]]:
    at: dict[tuple[int, int], list[str]] = defaultdict(list)
    for image_id in group:
        at[places[image_id]].append(image_id)
    steps = range(-2 * BLOCK_PX, 2 * BLOCK_PX + 1, BLOCK_PX)
    for (x, y), here in at.items():
        yield from ((one, other, (0, 0)) for one, other in combinations(here, 2))
        for shift in ((dx, dy) for dx in steps for dy in steps if (dx, dy) > (0, 0)):
            there = at.get((x + shift[0], y + shift[1]), [])
            yield from ((one, other, shift) for one in here for other in there)


def flipped(shift: tuple[int, int] | None) -> tuple[int, int] | None:
    return None if shift is None else (-shift[0], -shift[1])


def ship_between(table: LabelTable, one: str, other: str, shift: tuple[int, int]) -> bool:
    """Say whether a ship lies on the ground that both show, by the labels of either."""
    windows = shared_windows(shift, table.shape_hw)
    return any(
        crop(table.runs_of(image_id), table.shape_hw, window).sum() >= LEAST_SHIP_PX
        for image_id, window in zip((one, other), windows, strict=True)
    )


def against_pixels(
    table: LabelTable, images: Path, overlaps: Iterable[Overlap], truth: Mapping[str, str]
) -> None:
    real = exhaustive(table, images)
    found = {frozenset((pair.first, pair.second)) for pair in overlaps}
    hits = len(found & set(real))
    print(
        f"pixels: {len(real):,} pairs truly overlap, {len(found):,} found, {hits:,} in both; "
        f"precision {ratio(hits, len(found))}, recall {ratio(hits, len(real))}"
    )
    shared = [
        pair for pair, (one, other, at) in real.items() if ship_between(table, one, other, at)
    ]
    hits = len(found.intersection(shared))
    print(f"pixels: {hits} of {len(shared)} that share a ship: {ratio(hits, len(shared))}")
    if truth:
        same = {pair for pair in real if len({truth.get(image_id) for image_id in pair}) == 1}
        hits = len(found & same)
        print(
            f"pixels: {len(same):,} of them are in one group of the truth, {hits:,} of those "
            f"found: {ratio(hits, len(same))}; the truth lacks {len(real) - len(same):,}"
        )


def exhaustive(
    table: LabelTable, images: Path
) -> dict[frozenset[str], tuple[str, str, tuple[int, int]]]:
    """Compare every two tiles at every shift."""
    ids = [image_id for image_id in table.image_ids if (images / image_id).is_file()]
    tiles = [decode_tile((images / image_id).read_bytes(), name=image_id) for image_id in ids]
    height, width = table.shape_hw
    means = np.array([cell_means(tile) for tile in tiles])
    real: dict[frozenset[str], tuple[str, str, tuple[int, int]]] = {}
    steps = range(-2 * BLOCK_PX, 2 * BLOCK_PX + 1, BLOCK_PX)
    for shift in ((dx, dy) for dx in steps for dy in steps if (dx, dy) >= (0, 0)):
        one, other = shared_windows(shift, (height, width))
        for i, j in near_rows(cut(means, one), cut(means, other)):
            if (i < j or shift != (0, 0)) and i != j and same(tiles[i], one, tiles[j], other):
                real[frozenset((ids[i], ids[j]))] = (ids[i], ids[j], shift)
    return real


def cell_means(tile: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    rows, columns = tile.shape[0] // CELL_PX, tile.shape[1] // CELL_PX
    return tile.reshape(rows, CELL_PX, columns, CELL_PX, 3).mean(axis=(1, 3, 4))


def cut(means: npt.NDArray[np.float64], window: tuple[int, ...]) -> npt.NDArray[np.float64]:
    x0, y0, x1, y1 = (edge // CELL_PX for edge in window)
    return means[:, y0:y1, x0:x1].reshape(len(means), -1)


def near_rows(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T
    # Means cannot differ by more than pixels do; rounding asks for some room.
    near = np.argwhere(squares <= a.shape[1] * (0.5**2))
    return [(int(i), int(j)) for i, j in near]


def same(
    first: npt.NDArray[np.uint8],
    window: tuple[int, ...],
    second: npt.NDArray[np.uint8],
    other_window: tuple[int, ...],
) -> bool:
    (x0, y0, x1, y1), (u0, v0, u1, v1) = window, other_window
    a, b = first[y0:y1, x0:x1].astype(np.float32), second[v0:v1, u0:u1].astype(np.float32)
    if np.abs(a - b).mean() > MOST_MEAN_DIFFERENCE:
        return False
    # Each channel from its own mean: a blue band of one colour is of one colour.
    a, b = (pixels - pixels.mean(axis=(0, 1), dtype=np.float64) for pixels in (a, b))
    power = float(np.sqrt((a * a).mean() * (b * b).mean()))
    return power > 1e-9 and float((a * b).mean()) >= LEAST_CORRELATION * power


if __name__ == "__main__":
    main()
