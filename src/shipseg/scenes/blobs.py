"""What one look leaves behind: the pixels that are ship, small enough to keep for a whole scene."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.errors import BadInputError
from shipseg.imaging.tiling import Window

_EIGHT = np.ones((3, 3), dtype=np.int8)
_OFF = -1.0
# A blob over several looks is put together up to a box of so many pixels, such as 3 by 3 km: making
# ships of it takes 35 bytes for each.
MOST_BOX_PX = 2048**2

Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """Connected ship pixels in their box, which lies at (x0, y0) of the working grid.

    Attributes:
        x0: Left of the box.
        y0: Top of the box.
        maps: (2, h, w) float32 in 0..1, probabilities of ship and core; the first below 0 outside
            the blob.
        rim: (h, w) bool, its pixels beside nodata or the scene's edge.
    """

    x0: int
    y0: int
    maps: Map
    rim: Mask

    @property
    def mask(self) -> Mask:
        """(h, w) bool, the blob's pixels."""
        inside: Mask = self.maps[0] >= 0
        return inside

    @property
    def window(self) -> Window:
        """Its box."""
        height, width = self.rim.shape
        return Window(self.x0, self.y0, self.x0 + width, self.y0 + height)


def blobs_of(
    maps: Map,
    nodata: Mask | None,
    core: Window,
    read: Window,
    shape_hw: tuple[int, int],
    *,
    threshold: float,
) -> list[Blob]:
    """Keep what is ship in the part of a look that it answers for.

    Args:
        maps: (2, h, w) float32, of `read`; the first below 0 under nodata.
        nodata: (h, w) bool of `read`, or None where all is data.
        core: The part of `read` whose ships are kept.
        read: What was looked at.
        shape_hw: Height and width of the working grid.
        threshold: Least probability of a ship's pixel.
    """
    rim = _rim(nodata, read, shape_hw)
    inner = _within(read, core)
    maps, rim = maps[:, *inner], rim[inner]
    labels, _ = ndimage.label(maps[0] >= threshold, structure=_EIGHT)
    blobs = []
    for index, place in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[place] == index
        kept = np.where(part, maps[:, *place], np.float32(_OFF))
        y0, x0 = core.y0 + place[0].start, core.x0 + place[1].start
        blobs.append(Blob(x0, y0, kept, rim[place] & part))
    return blobs


def _rim(nodata: Mask | None, read: Window, shape_hw: tuple[int, int]) -> Mask:
    """Mark pixels beside nodata and along the scene's edges."""
    rim = np.zeros(read.shape_hw, np.bool_)
    if nodata is not None:
        rim |= ndimage.binary_dilation(nodata, structure=_EIGHT)
    for at_edge, line in (
        (read.y0 == 0, np.s_[0]),
        (read.x0 == 0, np.s_[:, 0]),
        (read.y1 == shape_hw[0], np.s_[-1]),
        (read.x1 == shape_hw[1], np.s_[:, -1]),
    ):
        if at_edge:
            rim[line] = True
    return rim


def mask_of(blobs: Iterable[Blob], core: Window) -> Mask:
    """Give (h, w) bool of a look's core: where its blobs are."""
    mask = np.zeros(core.shape_hw, np.bool_)
    for blob in blobs:
        mask[_within(core, blob.window)] |= blob.mask
    return mask


def _within(outer: Window, inner: Window) -> tuple[slice, slice]:
    return (
        slice(inner.y0 - outer.y0, inner.y1 - outer.y0),
        slice(inner.x0 - outer.x0, inner.x1 - outer.x0),
    )


def joined(looks: Sequence[tuple[Window, Sequence[Blob]]]) -> tuple[Iterator[Blob], int]:
    """Put together the blobs that touch, side or corner, across the borders of looks.

    Returns:
        The blobs, in no particular order and made one at a time, and how many pieces were left
        apart because together they are larger than any ship.
    """
    whole: list[Blob] = []
    at_border: list[Blob] = []
    for core, blobs in looks:
        for blob in blobs:
            w = blob.window
            inside = core.x0 < w.x0 and core.y0 < w.y0 and w.x1 < core.x1 and w.y1 < core.y1
            (whole if inside else at_border).append(blob)
    together, apart = [], 0
    for group in _groups(at_border):
        box = _around(group)
        if len(group) > 1 and box.shape_hw[0] * box.shape_hw[1] > MOST_BOX_PX:
            whole += group
            apart += len(group)
        else:
            together.append(group)
    return chain(whole, (_together(group, _around(group)) for group in together)), apart


def _around(group: Sequence[Blob]) -> Window:
    return Window(
        min(b.x0 for b in group), min(b.y0 for b in group),
        max(b.window.x1 for b in group), max(b.window.y1 for b in group),
    )  # fmt: skip


def _groups(blobs: Sequence[Blob]) -> list[list[Blob]]:
    """Part blobs into groups that touch, by their outermost pixels."""
    parent = list(range(len(blobs)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    owner: dict[tuple[int, int], int] = {}
    for index, blob in enumerate(blobs):
        # A blob meets its neighbours on the sides of its box alone: a look's border is straight.
        frame = blob.mask.copy()
        frame[1:-1, 1:-1] = False
        for y, x in np.argwhere(frame).tolist():
            owner[x + blob.x0, y + blob.y0] = index
    for (x, y), index in owner.items():
        for neighbour in ((x + 1, y), (x, y + 1), (x + 1, y + 1), (x - 1, y + 1)):
            if neighbour in owner:
                parent[root(owner[neighbour])] = root(index)
    groups: dict[int, list[Blob]] = {}
    for index, blob in enumerate(blobs):
        groups.setdefault(root(index), []).append(blob)
    return list(groups.values())


def _together(group: Sequence[Blob], box: Window) -> Blob:
    if len(group) == 1:
        return group[0]
    maps = np.full((2, *box.shape_hw), _OFF, np.float32)
    rim = np.zeros(box.shape_hw, np.bool_)
    for blob in group:
        place = _within(box, blob.window)
        maps[:, *place] = np.where(blob.mask, blob.maps, maps[:, *place])
        rim[place] |= blob.rim
    return Blob(box.x0, box.y0, maps, rim)


def pack_blobs(blobs: Sequence[Blob]) -> list[list[Any]]:
    """Turn blobs into what JSON holds, to the last bit."""
    return [
        [b.x0, b.y0, *b.rim.shape, _pack(b.maps.astype("<f4").tobytes()), _pack(b.rim.tobytes())]
        for b in blobs
    ]


def unpack_blobs(packed: Sequence[Sequence[Any]]) -> list[Blob]:
    """Undo `pack_blobs`.

    Raises:
        BadInputError: The bytes are of another size than they say.
    """
    try:
        return [
            Blob(
                x0, y0,
                np.frombuffer(_unpack(maps), "<f4").reshape(2, h, w).astype(np.float32),
                np.frombuffer(_unpack(rim), np.bool_).reshape(h, w),
            )
            for x0, y0, h, w, maps, rim in packed
        ]  # fmt: skip
    except (ValueError, zlib.error) as error:
        raise BadInputError("a journal's line is damaged", hint="start without --resume") from error


def _pack(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 1)).decode("ascii")


def _unpack(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text, validate=True))
