"""From maps of probabilities to ships: threshold, connected parts, touching ships apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.inference.ships import Ship, reading_order
from shipseg.rle import Runs, merge_touching

Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

Part = Callable[[Mask, tuple[int, int]], Iterable[Mask]]

_EIGHT = np.ones((3, 3), dtype=np.int8)
# A pixel is core at this probability, and a core counts where some pixel of it is surer. Two hulls
# are two where the map falls below the first between them; higher, uneven decks fall apart as well.
_CORE, _PEAK = 0.35, 0.7
# A ship's core is about a third of it. Much smaller ones are specks of doubt on a large deck.
_LEAST_CORE = 0.2
# Steps in which the water rises from the cores to the blob's rim.
_STEPS = 8


def ships_of_maps(
    maps: Map,
    *,
    threshold: float,
    min_area_px: int,
    offset_xy: tuple[int, int] = (0, 0),
    shape_hw: tuple[int, int] | None = None,
    part_further: Part | None = None,
) -> tuple[Ship, ...]:
    """Find the ships of a segmenter's maps.

    Args:
        maps: (2, h, w) float32 in 0..1, the probabilities of ship and of a ship's core, of the
            picture or a window of it; the first below 0 where nothing can be a ship.
        threshold: A pixel is ship at this probability or more.
        min_area_px: Smaller parts are dropped.
        offset_xy: Where the window's top left lies in the picture.
        shape_hw: Height and width of the picture; None means the maps are the picture's.
        part_further: Parts a mask at (x, y) of the picture into ships once more; what it leaves out
            is no ship.

    Returns:
        Ships with disjoint masks, ordered by their first pixel in the picture, row by row. A score
        is the mask's mean probability.
    """
    probability, core = maps
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
        masks = split_touching(part, core[place], min_area_px=min_area_px)
        if part_further is not None:
            masks = chain.from_iterable(part_further(mask, (left, top)) for mask in masks)
        for mask in masks:
            runs = runs_of_window(mask, (left, top), height)
            score = float(np.clip(local[mask].mean(dtype=np.float64), 0, 1))
            ships.append(Ship(runs, (height, width), score))
    return tuple(sorted(ships, key=reading_order))


def split_touching(part: Mask, core: Map, *, min_area_px: int) -> Iterator[Mask]:
    """Part a connected blob into ships, one around each core.

    A watershed on the map of cores gives every pixel of the blob to one of them. Where that would
    make a piece too small to be a ship, the smallest such core is taken for a flaw of its
    neighbour. A blob with fewer than two cores is one ship.

    Args:
        part: (h, w) bool, one connected blob.
        core: (h, w) float32, the probability of core under it.
        min_area_px: Least size of a piece.

    Returns:
        Disjoint masks (h, w), none empty, whose union is the blob; made one at a time, for a row of
        ships in port is one large blob.
    """
    cores, count = ndimage.label(part & (core >= _CORE), structure=_EIGHT)
    sizes = np.bincount(cores.ravel(), minlength=count + 1)
    least = max(1, round(_LEAST_CORE * min_area_px))
    peaks = ndimage.maximum(core, cores, np.arange(count + 1))
    kept = [n for n in range(1, count + 1) if sizes[n] >= least and peaks[n] >= _PEAK]
    kept.sort(key=lambda n: -sizes[n])
    while len(kept) > 1:
        basins = _basins(part, core, cores, kept)
        areas = np.bincount(basins.ravel(), minlength=len(kept) + 1)[1:]
        small = np.flatnonzero(areas < min_area_px)
        if not small.size:
            return (basins == number for number in range(1, len(kept) + 1))
        # The list falls in size, so the last of them is the smallest.
        del kept[int(small[-1])]
    return iter([part])


def _basins(
    part: Mask, core: Map, cores: npt.NDArray[np.int32], kept: list[int]
) -> npt.NDArray[np.int16]:
    """Grow the kept cores over the blob, where the map is high first; 1.. in their order."""
    basins = np.zeros(part.shape, dtype=np.int16)
    for number, name in enumerate(kept, start=1):
        basins[cores == name] = number
    for step in range(1, _STEPS):
        basins = _spread(basins, part & (core >= _CORE * (1 - step / _STEPS)))
    return _spread(basins, part)


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
