"""From a map of probabilities to ships: threshold, connected parts, touching ships apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.inference.ships import Ship
from shipseg.rle import Runs, union

_EIGHT = np.ones((3, 3), dtype=np.int8)
# Where a blob of touching ships falls apart as the threshold rises, its parts are the ships.
_RISING = (0.7, 0.8, 0.9, 0.95)


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
        probability: (h, w) float32 in 0..1, the picture or a window of it.
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
    ships: list[tuple[tuple[int, int], Ship]] = []
    for index, place in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[place] == index
        if np.count_nonzero(part) < min_area_px:
            continue
        local = probability[place]
        top, left = place[0].start + offset_xy[1], place[1].start + offset_xy[0]
        for mask in split_touching(part, local, threshold=threshold, min_area_px=min_area_px):
            runs = runs_of_window(mask, (left, top), height)
            score = float(np.clip(local[mask].mean(dtype=np.float64), 0, 1))
            y, x = (int(axis[0]) for axis in np.nonzero(mask))
            ships.append(((y + top, x + left), Ship(runs, (height, width), score)))
    ships.sort(key=lambda item: item[0])
    return tuple(ship for _, ship in ships)


def split_touching(
    part: npt.NDArray[np.bool_],
    probability: npt.NDArray[np.float32],
    *,
    threshold: float,
    min_area_px: int,
) -> list[npt.NDArray[np.bool_]]:
    """Part a connected blob into ships, where the map allows.

    The threshold rises until the blob falls into two or more cores, each large enough to be a ship
    by itself; a watershed on the map then gives every pixel of the blob to one of them. A blob that
    never falls apart is one ship.

    Args:
        part: (h, w) bool, one connected blob.
        probability: (h, w) float32, the map under it.
        threshold: The threshold that made the blob.
        min_area_px: Least size of a core.

    Returns:
        Disjoint masks (h, w) whose union is the blob.
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
        markers = np.zeros(part.shape, dtype=np.int16)
        for number, core in enumerate(kept, start=1):
            markers[cores == core] = number
        # The watershed floods from 0 upwards, so ships have to be the valleys; outside is a wall.
        markers[~part] = -1
        depth = (255 - np.clip(probability, 0, 1) * 255).astype(np.uint8)
        basins = ndimage.watershed_ift(depth, markers, structure=_EIGHT)
        masks = [(basins == number) & part for number in range(1, len(kept) + 1)]
        return [mask for mask in masks if mask.any()]
    return [part]


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
    return union([runs])
