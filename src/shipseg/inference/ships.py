"""Ships: the value object that prediction, evaluation, drawing and writing all speak."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shipseg import rle
from shipseg.errors import BadInputError
from shipseg.rle import Runs

if TYPE_CHECKING:
    from shapely import MultiPolygon, Polygon


@dataclass(frozen=True, slots=True, eq=False)
class Ship:
    """One ship in a picture. Coordinates are pixels, x to the right, y down, from the top left.

    Attributes:
        runs: (n, 2) int64 start and length of the mask's runs, 0-based, down the columns.
        shape_hw: Height and width of the picture.
        score: In 0..1: the probability that a true ship lies under it, at an IoU above 0.5, where
            the bundle is calibrated; otherwise the mean probability over the mask.
    """

    runs: Runs
    shape_hw: tuple[int, int]
    score: float

    def __post_init__(self) -> None:
        """Refuse a ship without pixels or with a score out of range."""
        if len(self.runs) == 0:
            raise BadInputError("a ship has no pixels")
        if not 0 <= self.score <= 1:
            raise BadInputError(f"a ship's score is {self.score}, expected 0..1")

    @property
    def rle(self) -> str:
        """The mask as Kaggle's `EncodedPixels`."""
        return rle.format_rle(self.runs)

    @property
    def area_px(self) -> int:
        """Pixels of the mask."""
        return rle.area(self.runs)

    @property
    def box_xyxy(self) -> tuple[int, int, int, int]:
        """Upright box x0, y0, x1, y1, half-open."""
        found = rle.box(self.runs, self.shape_hw[0])
        assert found is not None  # __post_init__ refused empty masks
        return found

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """(H, W) bool, the ship in the whole picture."""
        return rle.runs_to_mask(self.runs, self.shape_hw)

    @property
    def chip(self) -> npt.NDArray[np.bool_]:
        """(h, w) bool, the ship in its own box."""
        return rle.crop(self.runs, self.shape_hw, self.box_xyxy)

    @property
    def polygon(self) -> Polygon | MultiPolygon:
        """Outline along pixel edges; a MultiPolygon where parts touch at a corner only."""
        # Imported here: GDAL takes a third of a second to load, and only after `gdal` set it up.
        from shapely import union_all
        from shapely.affinity import translate
        from shapely.geometry import shape

        from shipseg.imaging import gdal  # noqa: F401  isort: skip
        from rasterio.features import shapes

        chip = self.chip
        parts = [shape(found) for found, _ in shapes(chip.astype(np.uint8), mask=chip)]
        x0, y0, _, _ = self.box_xyxy
        outline: Polygon | MultiPolygon = translate(union_all(parts), x0, y0)
        return outline

    @property
    def oriented_box(self) -> npt.NDArray[np.float64]:
        """(4, 2) corners x, y of the smallest rotated rectangle around the mask's pixels."""
        from shapely import MultiPoint, minimum_rotated_rectangle

        ys, xs = np.nonzero(self.chip)
        x0, y0, _, _ = self.box_xyxy
        corners = np.concatenate(
            [np.stack([xs + dx + x0, ys + dy + y0], axis=1) for dx in (0, 1) for dy in (0, 1)]
        )
        box = minimum_rotated_rectangle(MultiPoint(corners))
        return np.asarray(box.exterior.coords)[:4]

    @property
    def length_px(self) -> float:
        """Longer side of the oriented box."""
        return self._sides()[0]

    @property
    def width_px(self) -> float:
        """Shorter side of the oriented box."""
        return self._sides()[1]

    @property
    def heading_deg(self) -> float:
        """Direction of the longer side, clockwise from up, in [0, 180): bow or stern."""
        corners = self.oriented_box
        edges = np.diff(corners[[0, 1, 2]], axis=0)
        dx, dy = edges[np.argmax(np.hypot(edges[:, 0], edges[:, 1]))]
        heading = math.degrees(math.atan2(dx, -dy)) % 180.0
        # A hair below zero, as rounding leaves it for a vertical hull, gives 180.0 here.
        return 0.0 if heading == 180.0 else heading

    @property
    def centre_xy(self) -> tuple[float, float]:
        """Centre of mass of the mask."""
        ys, xs = np.nonzero(self.chip)
        x0, y0, _, _ = self.box_xyxy
        return float(xs.mean() + 0.5 + x0), float(ys.mean() + 0.5 + y0)

    def _sides(self) -> tuple[float, float]:
        corners = self.oriented_box
        first, second = (float(np.hypot(*(corners[i + 1] - corners[i]))) for i in (0, 1))
        return max(first, second), min(first, second)


def reading_order(ship: Ship) -> tuple[int, int]:
    """Return row and column of a ship's first pixel, row by row: the key that ships are sorted by.

    Ships of one picture have disjoint masks, so no two have the same key.
    """
    x0, y0, x1, _ = ship.box_xyxy
    top = rle.crop(ship.runs, ship.shape_hw, (x0, y0, x1, y0 + 1))[0]
    return y0, x0 + int(np.argmax(top))
