"""One answer out of those of all looks: blended where several have a say, whole across borders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from shapely import STRtree, box

from shipseg.imaging.tiling import Window
from shipseg.scenes.blobs import OFF, Blob, Mask, place_of
from shipseg.scenes.looks import SQUARE_PX, Look

# A blob over several looks is put together up to a box of so many pixels, such as 3 by 3 km: making
# ships of it takes some 45 bytes for each.
MOST_BOX_PX = 2048**2

_EIGHT = np.ones((3, 3), dtype=np.int8)

Found = Mapping[Look, Sequence[Blob]]


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A blob, and whose answer it is."""

    look: Look
    blob: Blob


class Joiner:
    """Puts the answers of a scene's looks together.

    Args:
        found: What each look left behind.
    """

    def __init__(self, found: Found) -> None:
        self._found = found
        self._squares = {_square_of(look.core): look for look in found if look.is_square}

    def blobs(self) -> tuple[Iterator[Blob], int]:
        """Put together the blobs that meet, side or corner, across the borders of looks.

        Returns:
            The blobs, in no particular order and made one at a time, and how many pieces were left
            apart because together they are larger than any ship.
        """
        whole, shared = list[Blob](), list[_Piece]()
        for look, blobs in self._found.items():
            for blob in blobs:
                if _is_alone(look, blob):
                    whole.append(blob)
                elif not blob.faint:
                    shared.append(_Piece(look, blob))
        together, apart = list[list[_Piece]](), 0
        for group in _groups(shared):
            around = _around(piece.blob.window for piece in group)
            if len(group) > 1 and around.shape_hw[0] * around.shape_hw[1] > MOST_BOX_PX:
                whole += [blob for blob in map(_own_part, group) if blob is not None]
                apart += len(group)
            else:
                together.append(group)
        return chain(whole, map(self._together, together)), apart

    def ship_in(self, look: Look) -> Mask:
        """Give (h, w) bool of a look's core: where it or a neighbour that has a say sees ship."""
        core = look.core
        mask = np.zeros(core.shape_hw, np.bool_)
        for other in [*self._squares_over(core), look]:
            for blob in self._found[other]:
                shared = _common(blob.window, core)
                if not blob.faint and shared is not None:
                    mask[place_of(shared, core)] |= blob.mask[place_of(shared, blob.window)]
        return mask

    def _together(self, group: Sequence[_Piece]) -> Blob:
        """Blend what all looks say where these pieces are."""
        around = _around(piece.blob.window for piece in group)
        rim = np.zeros(around.shape_hw, np.uint8)
        ship = np.zeros(around.shape_hw, np.bool_)
        for piece in group:
            place = place_of(piece.blob.window, around)
            ship[place] |= piece.blob.mask
            rim[place] = np.maximum(rim[place], piece.blob.rim)
        squares = self._squares_over(around)
        clusters = {piece.look for piece in group if not piece.look.is_square}
        # A square's say goes beyond its core only where another one goes on.
        owned = np.zeros(around.shape_hw, np.bool_)
        for square in squares:
            shared = _common(square.core, around)
            if shared is not None:
                owned[place_of(shared, around)] = True
        maps = np.full((2, *around.shape_hw), OFF, np.float32)
        for plane in range(len(maps)):
            mean, heard = self._mean([*squares, *clusters], around, owned, plane)
            seen = ship & heard
            maps[plane, seen] = mean[seen]
        return Blob(around.x0, around.y0, maps, rim * (maps[0] >= 0))

    def _mean(
        self, looks: Sequence[Look], around: Window, owned: Mask, plane: int
    ) -> tuple[npt.NDArray[np.float64], Mask]:
        """Give the weighted mean of what looks say in a window, and where any has a say."""
        # Weights are 128ths and their products, so that in 64 bits all sums are exact: where looks
        # agree, their mean is what they say, to the last bit.
        total, weight = np.zeros(around.shape_hw), np.zeros(around.shape_hw, np.float32)
        for look in looks:
            own = look.weights(around)
            if look.is_square:
                own *= owned
            weight += own
            for blob in self._found[look]:
                shared = _common(blob.window, around)
                if shared is not None:
                    here, there = place_of(shared, around), place_of(shared, blob.window)
                    said = np.where(blob.mask[there], blob.maps[plane][there], 0)
                    total[here] += own[here] * said.astype(np.float64)
        return total / np.where(weight > 0, weight, 1), weight > 0

    def _squares_over(self, window: Window) -> list[Look]:
        """List the squares that have a say in a window, from the top left on."""
        x0, y0 = _square_of(window)
        x1, y1 = (window.x1 - 1) // SQUARE_PX, (window.y1 - 1) // SQUARE_PX
        near = (
            self._squares.get((x, y)) for y in range(y0 - 1, y1 + 2) for x in range(x0 - 1, x1 + 2)
        )
        return [look for look in near if look is not None and _common(look.say, window) is not None]


def _square_of(window: Window) -> tuple[int, int]:
    return window.x0 // SQUARE_PX, window.y0 // SQUARE_PX


def _is_alone(look: Look, blob: Blob) -> bool:
    """Whether nobody else has a say in a blob, and it ends before its look does."""
    core, w = look.core, blob.window
    if look.is_square:
        return bool((look.weights(w)[blob.mask] == 1).all())
    return core.x0 < w.x0 and core.y0 < w.y0 and w.x1 < core.x1 and w.y1 < core.y1


def _own_part(piece: _Piece) -> Blob | None:
    """Cut a piece down to the core of its look; None where nothing is left."""
    shared = _common(piece.blob.window, piece.look.core)
    if shared is None:
        return None
    place = place_of(shared, piece.blob.window)
    if not piece.blob.mask[place].any():
        return None
    return Blob(shared.x0, shared.y0, piece.blob.maps[:, *place], piece.blob.rim[place])


def _groups(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """Part pieces into groups that overlap or touch."""
    if not pieces:
        return []
    parent = list(range(len(pieces)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    boxes = [box(w.x0, w.y0, w.x1, w.y1) for w in (piece.blob.window for piece in pieces)]
    pairs: npt.NDArray[np.int64] = STRtree(boxes).query(boxes, predicate="intersects")
    for one, other in pairs.T.tolist():
        known = one >= other or root(one) == root(other)
        if not known and _touch(pieces[one].blob, pieces[other].blob):
            parent[root(one)] = root(other)
    groups: dict[int, list[_Piece]] = {}
    for index, piece in enumerate(pieces):
        groups.setdefault(root(index), []).append(piece)
    return list(groups.values())


def _touch(one: Blob, other: Blob) -> bool:
    """Whether two blobs share a pixel or have two side by side or corner to corner."""
    w = one.window
    near = Window(w.x0 - 1, w.y0 - 1, w.x1 + 1, w.y1 + 1)
    shared = _common(near, other.window)
    if shared is None:
        return False
    grown = ndimage.binary_dilation(np.pad(one.mask, 1), structure=_EIGHT)
    meet = grown[place_of(shared, near)] & other.mask[place_of(shared, other.window)]
    return bool(meet.any())


def _common(one: Window, other: Window) -> Window | None:
    x0, y0 = max(one.x0, other.x0), max(one.y0, other.y0)
    x1, y1 = min(one.x1, other.x1), min(one.y1, other.y1)
    return Window(x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _around(windows: Iterable[Window]) -> Window:
    boxes = list(windows)
    return Window(
        min(b.x0 for b in boxes), min(b.y0 for b in boxes),
        max(b.x1 for b in boxes), max(b.y1 for b in boxes),
    )  # fmt: skip
