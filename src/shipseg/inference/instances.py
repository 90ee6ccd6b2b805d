"""From a map of probabilities to ships: threshold, connected parts, touching ships apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.inference.ships import Ship, reading_order
from shipseg.rle import Runs, merge_touching

_EIGHT = np.ones((3, 3), dtype=np.int8)
# Where a blob of touching ships falls apart as the threshold rises, its parts are the ships. Higher
# levels split single hulls at their uneven decks: on `val` they cost 0.015 of F2 on ship tiles.
_RISING = (0.7, 0.8)
# Steps in which the water rises from the cores to the blob's rim; 8 are 0.05 or finer.
_STEPS = 8


def ships_of_map(
    probability: npt.NDArray[np.float32],
    *,
    threshold: float,
    min_area_px: int,
    offset_xy: tuple[int, int] = (0, 0),
    shape_hw: tuple[int, int] | None = None,
) -> tuple[Ship, ...]:
    """Find the ships of a probability map.

    Args:
        probability: (h, w) float32 in 0..1, the picture or a window of it; below 0 where nothing
            can be a ship.
        threshold: A pixel is ship at this probability or more.
        min_area_px: Smaller parts are dropped.
        offset_xy: Where the window's top left lies in the picture.
        shape_hw: Height and width of the picture; None means the map is the picture.

    Returns:
        Ships with disjoint masks, ordered by their first pixel in the picture, row by row.
    """
    height, width = shape_hw or probability.shape
    labels, count = ndimage.label(probability >= threshold, structure=_EIGHT)
    if count == 0:
        return ()
    ships: list[Ship] = []
    for index, place in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[place] == index
        if np.count_nonzero(part) < min_area_px:
            continue
        local = probability[place]
        top, left = place[0].start + offset_xy[1], place[1].start + offset_xy[0]
        for mask in split_touching(part, local, threshold=threshold, min_area_px=min_area_px):
            runs = runs_of_window(mask, (left, top), height)
            score = float(np.clip(local[mask].mean(dtype=np.float64), 0, 1))
            ships.append(Ship(runs, (height, width), score))
    return tuple(sorted(ships, key=reading_order))


def split_touching(
    part: npt.NDArray[np.bool_],
    probability: npt.NDArray[np.float32],
    *,
    threshold: float,
    min_area_px: int,
) -> list[npt.NDArray[np.bool_]]:
    """Part a connected blob into ships, where the map allows.

    The threshold rises until the blob falls into two or more cores, each large enough to be a ship
    by itself; a watershed on the map, from the cores down to `threshold`, then gives every pixel of
    the blob to one of them. A blob that never falls apart is one ship.

    Args:
        part: (h, w) bool, one connected blob.
        probability: (h, w) float32, the map under it.
        threshold: The threshold that made the blob.
        min_area_px: Least size of a core.

    Returns:
        Disjoint masks (h, w), none empty, whose union is the blob.
    """
    # A core is a ship's bright middle; a speckle of noise on a large hull is none.
    least = max(min_area_px, round(0.1 * np.count_nonzero(part)))
    for level in _RISING:
        if level <= threshold:
            continue
        cores, count = ndimage.label(part & (probability >= level), structure=_EIGHT)
        sizes = np.bincount(cores.ravel(), minlength=count + 1)[1:]
        kept = np.flatnonzero(sizes >= least) + 1
        if len(kept) < 2:
            continue
        basins = np.zeros(part.shape, dtype=np.int16)
        for number, core in enumerate(kept, start=1):
            basins[cores == core] = number
        for step in range(1, _STEPS):
            lower = level + (threshold - level) * step / _STEPS
            basins = _spread(basins, part & (probability >= lower))
        basins = _spread(basins, part)
        return [basins == number for number in range(1, len(kept) + 1)]
    return [part]


def _spread(basins: npt.NDArray[np.int16], within: npt.NDArray[np.bool_]) -> npt.NDArray[np.int16]:
    """Let basins grow, a pixel each at a time, into the pixels of `within` that they are joined to.

    Not by `ndimage.watershed_ift`: it goes by the difference of neighbours, so that a hull's steep
    rim is cheaper to reach from the sea than from the hull, and it parts a plain by no distance.
    """
    # A rim of False all around, so that every pixel has eight neighbours.
    free = np.pad(within & (basins == 0), 1).ravel()
    grown = np.pad(basins, 1).ravel()
    row = basins.shape[1] + 2
    front = np.flatnonzero(grown)
    while front.size:
        reached = []
        for step in (-row, -1, 1, row, -row - 1, -row + 1, row - 1, row + 1):
            new = front + step
            new = new[free[new]]
            grown[new] = grown[new - step]
            free[new] = False
            reached.append(new)
        front = np.concatenate(reached)
    return grown.reshape(-1, row)[1:-1, 1:-1]


def runs_of_window(mask: npt.NDArray[np.bool_], offset_xy: tuple[int, int], height: int) -> Runs:
    """Encode a window's mask as runs of the whole picture.

    Args:
        mask: (h, w) bool.
        offset_xy: Where its top left lies in the picture.
        height: Height of the picture.

    Returns:
        Sorted, disjoint, maximal runs.
    """
    # A row of False below ends every run with its column; columns down, so transpose.
    columns = np.pad(mask, ((0, 1), (0, 0))).T.ravel()
    edges = np.flatnonzero(np.diff(columns, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    x, y = np.divmod(starts, mask.shape[0] + 1)
    runs = np.stack([(x + offset_xy[0]) * height + y + offset_xy[1], ends - starts], axis=1).astype(
        np.int64
    )
    # Where the window is as high as the picture, a run may go on in the next column.
    return merge_touching(runs)
