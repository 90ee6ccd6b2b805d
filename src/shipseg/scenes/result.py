"""What was found on a scene: the values that writers, evaluation and server speak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shapely import Polygon

from shipseg.errors import BadInputError


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where a raster's pixels lie on the Earth.

    Attributes:
        shape_hw: Height and width in pixels.
        transform: `affine.Affine` from (column, row), counted from the top left corner of the top
            left pixel, to the coordinates of `crs`; the identity where there is no georeference.
        crs: `rasterio.crs.CRS`; None where the scene has none.
        gsd_m: Metres per pixel in the middle of the scene, the mean of both axes; None unknown.
    """

    shape_hw: tuple[int, int]
    transform: Any
    crs: Any | None
    gsd_m: float | None


@dataclass(frozen=True, slots=True, eq=False)
class SceneShip:
    """One ship on a scene.

    Attributes:
        outline: Its outline in pixels of the scene, x to the right, y down, from the top left
            corner of the top left pixel; may have holes, is valid and not empty.
        score: 0..1, as `shipseg.inference.ships.Ship.score`.
        cut: Whether it runs out of the scene, into nodata or out of the area of interest, so that
            its length is a lower bound.
    """

    outline: Polygon
    score: float
    cut: bool

    def __post_init__(self) -> None:
        """Refuse an outline without area and a score out of range."""
        if self.outline.is_empty or not self.outline.is_valid:
            raise BadInputError("a ship's outline is empty or crosses itself")
        if not 0 <= self.score <= 1:
            raise BadInputError(f"a ship's score is {self.score}, expected 0..1")


@dataclass(frozen=True, slots=True, eq=False)
class SceneResult:
    """All ships of one scene.

    Attributes:
        name: The file's name.
        grid: The scene's own grid.
        ships: In the order of their numbers, from 1: by the first row of their outline, then the
            first column.
        looked_at_px: Pixels of the scene that hold data and lie inside the area of interest.
        warnings: What reading the scene had to assume.
    """

    name: str
    grid: Grid
    ships: Sequence[SceneShip]
    looked_at_px: int
    warnings: tuple[str, ...] = ()
