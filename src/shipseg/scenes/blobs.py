"""What one look leaves behind: the pixels that are ship, small enough to keep for a whole scene."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.errors import BadInputError
from shipseg.imaging.tiling import Window
from shipseg.inference.margins import Levels, margins_of
from shipseg.scenes.looks import Look

_EIGHT = np.ones((3, 3), dtype=np.int8)
OFF = -1.0
"""What a map holds outside its blob."""

# Where two looks have a say, one of them may see ship where the other sees little: that little
# counts. Less than this is nothing.
_FAINT = 0.02

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
        rim: (h, w) uint8, how near its pixels are to what nobody has seen: the levels of
            `shipseg.inference.margins`, 0 outside the blob.
        faint: Whether it is below the threshold, kept for what it adds to another look's ships.
    """

    x0: int
    y0: int
    maps: Map
    rim: Levels
    faint: bool = False

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
    look: Look,
    shape_hw: tuple[int, int],
    *,
    threshold: float,
) -> list[Blob]:
    """Keep what is ship where a look has a say, and what is faintly so where others have one too.

    Args:
        maps: (2, h, w) float32, of what the look reads; the first below 0 under nodata.
        nodata: (h, w) bool of the same, or None where all is data.
        look: The look.
        shape_hw: Height and width of the working grid.
        threshold: Least probability of a ship's pixel.
    """
    rim = margins_of(nodata, look.read, shape_hw)
    say = look.say
    inner = place_of(say, look.read)
    maps, rim = maps[:, *inner], rim[inner]
    ship = maps[0] >= threshold
    blobs = _connected(ship, maps, rim, say, faint=False)
    if look.is_square:
        shared = (maps[0] >= _FAINT) & ~ship & (look.weights(say) < 1)
        blobs += _connected(shared, maps, rim, say, faint=True)
    return blobs


def _connected(mask: Mask, maps: Map, rim: Levels, window: Window, *, faint: bool) -> list[Blob]:
    labels, _ = ndimage.label(mask, structure=_EIGHT)
    blobs = []
    for index, place in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[place] == index
        kept = np.where(part, maps[:, *place], np.float32(OFF))
        y0, x0 = window.y0 + place[0].start, window.x0 + place[1].start
        blobs.append(Blob(x0, y0, kept, rim[place] * part, faint))
    return blobs


def place_of(inner: Window, outer: Window) -> tuple[slice, slice]:
    """Give rows and columns of a window in another that holds it."""
    return (
        slice(inner.y0 - outer.y0, inner.y1 - outer.y0),
        slice(inner.x0 - outer.x0, inner.x1 - outer.x0),
    )


def pack_blobs(blobs: Sequence[Blob]) -> list[list[Any]]:
    """Turn blobs into what JSON holds, to the last bit."""
    return [
        [
            b.x0, b.y0, *b.rim.shape, _pack(b.maps.astype("<f4").tobytes()),
            _pack(b.rim.tobytes()), b.faint,
        ]
        for b in blobs
    ]  # fmt: skip


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
                np.frombuffer(_unpack(rim), np.uint8).reshape(h, w),
                bool(faint),
            )
            for x0, y0, h, w, maps, rim, faint in packed
        ]  # fmt: skip
    except (ValueError, zlib.error) as error:
        raise BadInputError("a journal's line is damaged", hint="start without --resume") from error


def _pack(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 1)).decode("ascii")


def _unpack(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text, validate=True))
