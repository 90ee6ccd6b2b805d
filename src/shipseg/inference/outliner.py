"""From a window's maps to ships with outlines: masks, boats parted from hulls, rectangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.inference.instances import ships_of_maps
from shipseg.inference.margins import Levels
from shipseg.inference.parting import part_moored
from shipseg.inference.refine import Read, Refiner
from shipseg.inference.ships import Ship
from shipseg.inference.straighten import Straightening, moved_by, straightened
from shipseg.rectangle import Rectangle
from shipseg.scores import Calibration

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Where a window's maps lie, and what is around them.

    Attributes:
        offset_xy: Where the window's top left lies in the picture.
        shape_hw: Height and width of the picture.
        levels: (h, w) uint8, the window's margins: see `shipseg.inference.margins`.
        read: Gives the picture's pixels.
    """

    offset_xy: tuple[int, int]
    shape_hw: tuple[int, int]
    levels: Levels
    read: Read

    def all_seen(self, mask: Mask, at_xy: tuple[int, int]) -> bool:
        """Tell whether a mask at (x, y) of the picture is clear of all that nobody has seen."""
        left, top = at_xy[0] - self.offset_xy[0], at_xy[1] - self.offset_xy[1]
        height, width = mask.shape
        return not self.levels[top : top + height, left : left + width][mask].any()


@dataclass(frozen=True, slots=True, eq=False)
class Outliner:
    """How a bundle makes ships of maps.

    Attributes:
        min_area_px: Ships below this area are dropped.
        calibration: Of the scores; None makes a score the mask's mean probability.
        straightening: When and how masks become rectangles; None keeps them as they are drawn.
        refiner: Fits those rectangles; None where there is nothing that could.
    """

    min_area_px: int
    calibration: Calibration | None
    straightening: Straightening | None
    refiner: Refiner | None

    def masks_in(
        self, maps: npt.NDArray[np.float32], around: Surroundings, *, threshold: float
    ) -> tuple[Ship, ...]:
        """Take the ships out of one window's maps, with the masks as the segmenter drew them.

        Args:
            maps: (2, h, w) float32, probabilities of ship and of core.
            around: The window's.
            threshold: A pixel is ship at this probability or more.
        """

        def part_further(mask: Mask, at_xy: tuple[int, int]) -> list[Mask]:
            if self.refiner is None or not around.all_seen(mask, at_xy):
                return [mask]

            def refine(rectangle: Rectangle) -> Rectangle:
                x, y = at_xy
                return moved_by(self._refined(moved_by(rectangle, x, y), around), -x, -y)

            return part_moored(mask, refine, min_area_px=self.min_area_px)

        return ships_of_maps(
            maps,
            threshold=threshold,
            min_area_px=self.min_area_px,
            calibration=self.calibration,
            offset_xy=around.offset_xy,
            shape_hw=around.shape_hw,
            part_further=part_further,
        )

    def straightened(self, ship: Ship, around: Surroundings) -> Ship | None:
        """Give a ship the rectangle that its mask nearly is; None where it keeps its mask.

        Args:
            ship: From `masks_in`.
            around: The window's.
        """
        if self.straightening is None or not around.all_seen(ship.chip, ship.box_xyxy[:2]):
            return None
        return straightened(ship, self.straightening, lambda one: self._refined(one, around))

    def _refined(self, rectangle: Rectangle, around: Surroundings) -> Rectangle:
        if self.refiner is None:
            return rectangle
        return self.refiner(rectangle, around.read, around.shape_hw)
