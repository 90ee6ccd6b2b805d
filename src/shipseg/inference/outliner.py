"""From a window's maps to ships with outlines: masks, rafts and moored boats parted, rectangles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shipseg.inference.gate_cells import Heat
from shipseg.inference.instances import ships_of_maps
from shipseg.inference.margins import Levels
from shipseg.inference.parting import part_moored
from shipseg.inference.rafts import part_raft
from shipseg.inference.refine import Read, Refiner
from shipseg.inference.ships import Ship
from shipseg.inference.straighten import Straightening, moved_by, straightened
from shipseg.rectangle import Rectangle, rectangle_of
from shipseg.scores import Evidence, Scoring

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Where a window's maps lie, and what is around them.

    Attributes:
        offset_xy: Where the window's top left lies in the picture.
        shape_hw: Height and width of the picture.
        levels: (h, w) uint8, the window's margins: see `shipseg.inference.margins`.
        read: Gives the picture's pixels.
        heat: What the gate says of the picture; None where it was not to be asked.
    """

    offset_xy: tuple[int, int]
    shape_hw: tuple[int, int]
    levels: Levels
    read: Read
    heat: Heat | None = None

    def all_seen(self, mask: Mask, at_xy: tuple[int, int]) -> bool:
        """Tell whether a mask at (x, y) of the picture is clear of all that nobody has seen."""
        left, top = at_xy[0] - self.offset_xy[0], at_xy[1] - self.offset_xy[1]
        height, width = mask.shape
        return not self.levels[top : top + height, left : left + width][mask].any()


@dataclass(frozen=True, slots=True, eq=False)
class Outlined:
    """A ship as it is reported.

    Attributes:
        drawn: With the mask as the segmenter drew it.
        straight: With the rectangle that the mask nearly is; None where it keeps its mask.
        evidence: What its score was made of.
    """

    drawn: Ship
    straight: Ship | None
    evidence: Evidence


@dataclass(frozen=True, slots=True, eq=False)
class Outliner:
    """How a bundle makes ships of maps.

    Attributes:
        min_area_px: Ships below this area are dropped.
        scoring: Of ships that no refiner judges.
        fit_scoring: Of ships that the refiner judges; None takes the other, and it judges none.
        straightening: When and how masks become rectangles; None keeps them as they are drawn.
        refiner: Fits those rectangles; None where there is nothing that could.
    """

    min_area_px: int
    scoring: Scoring
    fit_scoring: Scoring | None
    straightening: Straightening | None
    refiner: Refiner | None

    def masks_in(
        self, maps: npt.NDArray[np.float32], around: Surroundings, *, threshold: float
    ) -> tuple[Ship, ...]:
        """Take the ships out of one window's maps, with the masks as the segmenter drew them.

        Which of them are reported, and with which score, `outlined` says of each.

        Args:
            maps: (2, h, w) float32, probabilities of ship and of core.
            around: The window's.
            threshold: A pixel is ship at this probability or more.
        """
        refiner, least = self.refiner, self.min_area_px

        def part_further(mask: Mask, at_xy: tuple[int, int]) -> list[Mask]:
            if refiner is None or not around.all_seen(mask, at_xy):
                return [mask]
            x, y = at_xy

            def refine(rectangle: Rectangle) -> Rectangle:
                return moved_by(self._refined(moved_by(rectangle, x, y), around), -x, -y)

            def judge(rectangles: Sequence[Rectangle]) -> list[tuple[Rectangle, float]]:
                there = [moved_by(rectangle, x, y) for rectangle in rectangles]
                judged = refiner.judged(there, around.read, around.shape_hw)
                return [(moved_by(rectangle, -x, -y), fit) for rectangle, fit in judged]

            return [
                ship
                for part in part_moored(mask, refine, min_area_px=least)
                for ship in part_raft(part, judge, min_area_px=least)
            ]

        return ships_of_maps(
            maps,
            threshold=threshold,
            min_area_px=self.min_area_px,
            offset_xy=around.offset_xy,
            shape_hw=around.shape_hw,
            part_further=part_further,
        )

    def outlined(self, ship: Ship, around: Surroundings) -> Outlined | None:
        """Give a ship its score, and the rectangle that its mask nearly is.

        Args:
            ship: From `masks_in`.
            around: The window's.

        Returns:
            None where too little speaks for a ship.
        """
        straight = self._straightened(ship, around)
        fit, scoring = None, self.scoring
        if self.refiner is not None and self.fit_scoring is not None:
            shown = straight or ship
            drawn = moved_by(rectangle_of(shown.chip), *shown.box_xyxy[:2])
            fit, scoring = self.refiner.fit(drawn, around.read, around.shape_hw), self.fit_scoring
        cell = None if around.heat is None else around.heat.beneath(ship)
        evidence = Evidence(ship.score, ship.area_px, fit, cell)
        score = scoring(evidence)
        if score is None:
            return None
        return Outlined(
            replace(ship, score=score), straight and replace(straight, score=score), evidence
        )

    def _straightened(self, ship: Ship, around: Surroundings) -> Ship | None:
        if self.straightening is None or not around.all_seen(ship.chip, ship.box_xyxy[:2]):
            return None
        return straightened(ship, self.straightening, lambda one: self._refined(one, around))

    def _refined(self, rectangle: Rectangle, around: Surroundings) -> Rectangle:
        if self.refiner is None:
            return rectangle
        return self.refiner(rectangle, around.read, around.shape_hw)
