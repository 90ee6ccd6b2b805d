"""The label table in memory: columns of runs, one object for any number of tiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg import rle
from shipseg.errors import LabelError
from shipseg.rle import TILE_HW, Runs


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of a label table that was set aside.

    Attributes:
        row: Row as a spreadsheet shows it; the header is row 1.
        image_id: The row's ImageId as found, which may be hostile; ``""`` when there is none.
        reason: What is wrong with the row, and what became of its image.
    """

    row: int
    image_id: str
    reason: str

    def __str__(self) -> str:
        """Say it on one line, safe for a terminal."""
        shown = f" ({printable(self.image_id)})" if self.image_id else ""
        return f"row {self.row}{shown}: {self.reason}"


@dataclass(frozen=True, slots=True, eq=False)
class LabelTable:
    """Ships of many tiles, as columns; an image without ships is in it too.

    Ships of one image never overlap. Arrays are read-only. Use `from_ships` to make one.

    Attributes:
        image_ids: ``I`` unique ImageIds.
        runs: ``(R, 2)`` int64 runs of all ships, one after the other.
        run_offsets: ``(S + 1,)`` int64; ship ``s`` holds runs ``run_offsets[s:s + 2]``.
        ship_offsets: ``(I + 1,)`` int64; image ``i`` holds ships ``ship_offsets[i:i + 2]``.
        shape_hw: Height and width of every tile, in pixels.
        faults: Rows that were set aside when the table was read with ``on_bad_row="skip"``.
    """

    image_ids: tuple[str, ...]
    runs: Runs
    run_offsets: npt.NDArray[np.int64]
    ship_offsets: npt.NDArray[np.int64]
    shape_hw: tuple[int, int] = TILE_HW
    faults: tuple[Fault, ...] = ()
    _positions: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the ImageIds and lock the arrays."""
        positions = {image_id: index for index, image_id in enumerate(self.image_ids)}
        object.__setattr__(self, "_positions", positions)
        for array in (self.runs, self.run_offsets, self.ship_offsets):
            array.flags.writeable = False

    @classmethod
    def from_ships(
        cls, ships: Mapping[str, Iterable[Runs]], shape_hw: tuple[int, int] = TILE_HW
    ) -> LabelTable:
        """Make a table from runs per image.

        Args:
            ships: ImageId to the runs of each ship; no ships for an empty tile.
            shape_hw: Height and width of every tile, in pixels.

        Returns:
            The table, in the mapping's order.

        Raises:
            RleError: Runs do not fit the shape.
            LabelError: A ship has no runs, or two ships of an image overlap.

        Examples:
            >>> table = LabelTable.from_ships({"a.jpg": [np.array([[0, 3]])], "b.jpg": []})
            >>> len(table), table.ship_count, table.has_ships("b.jpg")
            (2, 1, False)
        """
        parts: list[Runs] = []
        counts: list[int] = []
        for image_id, masks in ships.items():
            own = [rle.union([rle.check_runs(runs, shape_hw)]) for runs in masks]
            if not all(len(runs) for runs in own):
                raise LabelError(f"{printable(image_id)}: a ship has no runs, expected at least 1")
            if rle.area(rle.union(own)) != sum(map(rle.area, own)):
                raise LabelError(f"{printable(image_id)}: ships overlap, expected disjoint masks")
            parts += own
            counts.append(len(own))
        return cls(
            image_ids=tuple(ships),
            runs=np.concatenate([np.zeros((0, 2), np.int64), *parts]),
            run_offsets=offsets_of([len(runs) for runs in parts]),
            ship_offsets=offsets_of(counts),
            shape_hw=shape_hw,
        )

    def __len__(self) -> int:
        """Count the images."""
        return len(self.image_ids)

    def __contains__(self, image_id: object) -> bool:
        """Say whether an image is in the table."""
        return image_id in self._positions

    @property
    def ship_count(self) -> int:
        """Number of ships on all images."""
        return len(self.run_offsets) - 1

    def ships_of(self, image_id: str) -> tuple[Runs, ...]:
        """Give the runs of each ship of an image, in the order of the rows.

        Returns:
            One ``(n, 2)`` int64 array per ship, read-only; ``()`` for an empty tile.

        Raises:
            LabelError: The image is not in the table.
        """
        index = self._position(image_id)
        first, last = self.ship_offsets[index], self.ship_offsets[index + 1]
        edges = self.run_offsets[first : last + 1].tolist()
        return tuple(self.runs[a:b] for a, b in pairwise(edges))

    def runs_of(self, image_id: str) -> Runs:
        """Give the runs of all ships of an image together.

        Returns:
            ``(n, 2)`` int64 runs, sorted, disjoint, maximal; without rows for an empty tile.

        Raises:
            LabelError: The image is not in the table.
        """
        return rle.union(self.ships_of(image_id))

    def mask_of(self, image_id: str) -> npt.NDArray[np.bool_]:
        """Paint all ships of an image on one mask.

        Returns:
            ``(H, W)`` bool, C-contiguous.

        Raises:
            LabelError: The image is not in the table.
        """
        return rle.runs_to_mask(self.runs_of(image_id), self.shape_hw)

    def has_ships(self, image_id: str) -> bool:
        """Say whether an image holds at least one ship.

        Raises:
            LabelError: The image is not in the table.
        """
        index = self._position(image_id)
        return bool(self.ship_offsets[index + 1] > self.ship_offsets[index])

    def ships_per_image(self) -> npt.NDArray[np.int64]:
        """Count the ships of each image: ``(I,)`` int64, in the order of `image_ids`."""
        return np.diff(self.ship_offsets)

    def ship_areas(self) -> npt.NDArray[np.int64]:
        """Count the pixels of each ship: ``(S,)`` int64, image by image, in the rows' order."""
        if not self.ship_count:
            return np.zeros(0, np.int64)
        # Every ship has a run, so no two offsets are equal, which reduceat would misread.
        areas: npt.NDArray[np.int64] = np.add.reduceat(self.runs[:, 1], self.run_offsets[:-1])
        return areas

    def subset(self, image_ids: Iterable[str]) -> LabelTable:
        """Keep some images, in the order asked for; an ImageId given twice is kept once.

        Returns:
            A table of those images, with the faults of the whole.

        Raises:
            LabelError: An image is not in the table.
        """
        chosen = tuple(dict.fromkeys(image_ids))
        images = np.array([self._position(image_id) for image_id in chosen], np.int64)
        ships, ship_offsets = take_ranges(self.ship_offsets, images)
        runs, run_offsets = take_ranges(self.run_offsets, ships)
        return LabelTable(
            image_ids=chosen,
            runs=self.runs[runs],
            run_offsets=run_offsets,
            ship_offsets=ship_offsets,
            shape_hw=self.shape_hw,
            faults=self.faults,
        )

    def _position(self, image_id: str) -> int:
        try:
            return self._positions[image_id]
        except KeyError:
            raise LabelError(
                f"image '{printable(image_id)}' is not among the {len(self)} of the label table",
                hint="An image without ships needs a row with an empty EncodedPixels cell.",
            ) from None


def offsets_of(counts: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Turn ``(n,)`` counts into ``(n + 1,)`` int64 offsets that begin with 0."""
    sizes = np.asarray(counts, np.int64)
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def take_ranges(
    offsets: npt.NDArray[np.int64], which: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """List the elements of some ranges, and the offsets of those ranges once packed.

    Examples:
        >>> elements, packed = take_ranges(np.array([0, 2, 5, 6]), np.array([2, 0]))
        >>> elements.tolist(), packed.tolist()
        ([5, 0, 1], [0, 1, 3])
    """
    packed = offsets_of(offsets[which + 1] - offsets[which])
    shift = np.repeat(offsets[which] - packed[:-1], np.diff(packed))
    return np.arange(packed[-1]) + shift, packed


def faults_message(name: str, faults: Sequence[Fault], shown: int = 10) -> str:
    """List the first faults of a file, one a line, and the number of all."""
    lines = [f"{name}: {len(faults)} faulty row{'s' if len(faults) > 1 else ''}"]
    lines += [f"  {fault}" for fault in faults[:shown]]
    if len(faults) > shown:
        lines.append(f"  and {len(faults) - shown} more")
    return "\n".join(lines)


def printable(found: Any) -> str:
    """Show text from a file on one line, shortened, without control or bidirectional characters."""
    text = str(found)
    text = text if len(text) <= 80 else f"{text[:80]}…"
    return text if text.isprintable() else ascii(text)[1:-1]
