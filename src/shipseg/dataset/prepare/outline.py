"""A mask as one polygon, which is all that YOLO's text has room for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.rle import Runs, box, crop

Ring = npt.NDArray[np.float64]


def outline_of(runs: Runs, side: int) -> Ring:
    """Draw the outline of a mask along the edges of its pixels.

    A ship in several parts, or with a hole, becomes one polygon too: a seam of no width leads from
    ring to ring and back, so that filling it by the even-odd rule gives the mask again.

    Args:
        runs: ``(n, 2)`` int64 runs of the mask, at least one.
        side: Side of the picture, in pixels.

    Returns:
        ``(k, 2)`` float64 corners x, y in pixels; the first is not repeated at the end.
    """
    # Imported here, and in this order: GDAL takes a third of a second to load, and has to be told
    # what it may open before it does.
    from shipseg.imaging import gdal  # noqa: F401  isort: skip
    from rasterio.features import shapes

    around = box(runs, side)
    assert around is not None  # callers leave ships without pixels out
    chip = crop(runs, (side, side), around)
    found: list[dict[str, Any]] = [shape for shape, _ in shapes(chip.astype(np.uint8), mask=chip)]
    rings = [np.asarray(ring)[:-1] for shape in found for ring in shape["coordinates"]]
    outline: Ring = _join(rings) + np.array(around[:2])
    return outline


def _join(rings: list[Ring]) -> Ring:
    """Sew rings together, each to the nearest corner of what is sewn already."""
    # GDAL's order of parts is its own affair; ours depends on the mask alone.
    first, *others = sorted(rings, key=lambda ring: ring.tolist())
    joined = first
    for ring in others:
        apart = np.abs(joined[:, None] - ring[None]).sum(axis=2)
        here, there = np.unravel_index(apart.argmin(), apart.shape)
        around = np.concatenate([ring[there:], ring[: there + 1]])
        joined = np.concatenate([joined[: here + 1], around, joined[here:]])
    return joined
