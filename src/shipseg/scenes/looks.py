"""Where the segmenter looks: whole clusters of hot cells where they are small, else a lattice.

A cluster of hot cells that fits a window of `WHOLE_PX` is one look, as on a tile: no seam cuts its
ships. A larger one, such as a harbour, is snapped outwards to a lattice over the whole scene and
looked at square by square, each with surroundings on every side; squares without a hot cell are
left out. Where a square lies depends on the lattice alone, never on who else is hot. Across the
border of two squares the answer passes from one to the other bit by bit: no seam there either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.imaging.tiling import Window
from shipseg.imaging.window_index import WindowIndex
from shipseg.inference.windows import windows_around

WHOLE_PX = 768
"""Largest side of a cluster that is one look: 250 MB in the segmenter."""

SQUARE_PX = 448
"""Side of a lattice square."""

HALO_PX = 224
"""Surroundings of a square: a ship of 330 m that a border cuts in half is whole in both looks."""

BLEND_PX = 32
"""How far from a border, on either side, both squares have a say."""

Weights = npt.NDArray[np.float32]
Side = tuple[str, int, int, int]
"""Which side of a core, its place across, and from where to where it goes."""


@dataclass(frozen=True, slots=True, order=True)
class Look:
    """One call of the segmenter.

    Attributes:
        core: What it answers for; the cores of a scene's looks do not overlap.
        read: What it sees.
    """

    core: Window
    read: Window

    @property
    def is_square(self) -> bool:
        """Whether it is a square of the lattice with surroundings, not a cluster by itself."""
        return self.core != self.read

    @property
    def say(self) -> Window:
        """Where it has a say: its core, and of a square also `BLEND_PX` around it."""
        return _grown(self.core, BLEND_PX, self.read)

    def weights(self, window: Window) -> Weights:
        """Give what its answer weighs at each pixel of a window.

        In the middle of its core all; towards the border of a square less, down to nothing where
        its say ends. Two squares beside each other, or four around a corner, weigh 1 together.

        Args:
            window: Any window of the scene.

        Returns:
            (h, w) float32 in 0..1, 0 outside `say`.
        """
        core, blend = self.core, BLEND_PX if self.is_square else 0
        rows = _ramps(np.arange(window.y0, window.y1), core.y0, core.y1, blend)
        columns = _ramps(np.arange(window.x0, window.x1), core.x0, core.x1, blend)
        weights: Weights = np.outer(rows, columns)
        return weights

    @property
    def name(self) -> str:
        """Its corners, as the journal knows it."""
        numbers = [n for w in (self.core, self.read) for n in (w.x0, w.y0, w.x1, w.y1)]
        return f"look {' '.join(map(str, numbers))}"


def plan_looks(
    hot: npt.NDArray[np.bool_],
    shape_hw: tuple[int, int],
    *,
    cell_px: int,
    least_px: int,
    multiple: int,
    whole_px: int = WHOLE_PX,
) -> list[Look]:
    """Cover the hot cells and a cell around each.

    Args:
        hot: (rows, columns) bool, the cells where a ship may be.
        shape_hw: Height and width of the working grid.
        cell_px: Side of a cell in pixels.
        least_px: Least side of a cluster's window.
        multiple: Its sides are divisible by it, where the scene has room.
        whole_px: Largest side of a cluster that is one look.

    Returns:
        Looks whose cores do not overlap, from the top left on.
    """
    boxes = windows_around(
        hot, shape_hw, cell_px=cell_px, margin_cells=1, least_px=least_px, multiple=multiple
    )
    boxes = _snapped(boxes, shape_hw, whole_px)
    grown = ndimage.binary_dilation(hot, structure=np.ones((3, 3), np.bool_))
    looks = []
    for box in boxes:
        if max(box.shape_hw) <= whole_px:
            looks.append(Look(box, box))
        else:
            looks += _squares(box, grown, shape_hw, cell_px)
    return sorted(looks, key=lambda look: (look.core.y0, look.core.x0))


def known_sides(core: Window, sides: frozenset[Side]) -> frozenset[str]:
    """Name the sides of a look's core from which another look goes on.

    Args:
        core: The look's own.
        sides: From `sides_of`.
    """
    (x0, x1), (y0, y1) = (core.x0, core.x1), (core.y0, core.y1)
    meeting = {
        "left": ("right", x0, y0, y1), "right": ("left", x1, y0, y1),
        "top": ("bottom", y0, x0, x1), "bottom": ("top", y1, x0, x1),
    }  # fmt: skip
    return frozenset(name for name, side in meeting.items() if side in sides)


def sides_of(looks: Iterable[Look]) -> frozenset[Side]:
    """List the sides of the looks' cores."""
    return frozenset(
        side
        for w in (look.core for look in looks)
        for side in (
            ("left", w.x0, w.y0, w.y1), ("right", w.x1, w.y0, w.y1),
            ("top", w.y0, w.x0, w.x1), ("bottom", w.y1, w.x0, w.x1),
        )
    )  # fmt: skip


def _snapped(boxes: list[Window], shape_hw: tuple[int, int], whole_px: int) -> list[Window]:
    """Snap large boxes to the lattice and join what overlaps then, until nothing does."""
    waiting, settled = list(boxes), WindowIndex()
    while waiting:
        box = waiting.pop()
        if max(box.shape_hw) > whole_px:
            box = _snap(box, shape_hw)
        touching = settled.overlapping(box)
        if not touching:
            settled.add(box)
            continue
        for other in touching:
            settled.remove(other)
        waiting.append(_around([box, *touching]))
    return list(settled)


def _snap(box: Window, shape_hw: tuple[int, int]) -> Window:
    return Window(
        box.x0 // SQUARE_PX * SQUARE_PX,
        box.y0 // SQUARE_PX * SQUARE_PX,
        min(-(-box.x1 // SQUARE_PX) * SQUARE_PX, shape_hw[1]),
        min(-(-box.y1 // SQUARE_PX) * SQUARE_PX, shape_hw[0]),
    )


def _around(boxes: list[Window]) -> Window:
    return Window(
        min(b.x0 for b in boxes), min(b.y0 for b in boxes),
        max(b.x1 for b in boxes), max(b.y1 for b in boxes),
    )  # fmt: skip


def _squares(
    box: Window, grown: npt.NDArray[np.bool_], shape_hw: tuple[int, int], cell_px: int
) -> list[Look]:
    looks = []
    scene = Window(0, 0, shape_hw[1], shape_hw[0])
    for y in range(box.y0, box.y1, SQUARE_PX):
        for x in range(box.x0, box.x1, SQUARE_PX):
            core = Window(x, y, min(x + SQUARE_PX, box.x1), min(y + SQUARE_PX, box.y1))
            rows = slice(core.y0 // cell_px, -(-core.y1 // cell_px))
            columns = slice(core.x0 // cell_px, -(-core.x1 // cell_px))
            if grown[rows, columns].any():
                looks.append(Look(core, _grown(core, HALO_PX, scene)))
    return looks


def _grown(window: Window, by: int, within: Window) -> Window:
    return Window(
        max(within.x0, window.x0 - by), max(within.y0, window.y0 - by),
        min(within.x1, window.x1 + by), min(within.y1, window.y1 + by),
    )  # fmt: skip


def _ramps(at: npt.NDArray[np.int64], low: int, high: int, blend: int) -> Weights:
    """Rise from 0 to 1 over `blend` pixels on either side of `low`, and fall so about `high`."""
    if not blend:
        return ((at >= low) & (at < high)).astype(np.float32)
    # In whole numbers, so that the two sides of a border add up to exactly 1.
    deep = np.minimum(2 * (at - low + blend) + 1, 2 * (high + blend - at) - 1)
    return (np.clip(deep, 0, 4 * blend) / np.float32(4 * blend)).astype(np.float32)
