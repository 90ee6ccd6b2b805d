"""A scene's ships with their measures, as every writer of scenes takes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.scenes.measure import Measure, measure_ships
from shipseg.scenes.measure_positions import Positions
from shipseg.scenes.result import SceneResult, SceneShip

Property = int | float | bool | str | None

_TYPES: dict[str, type] = {
    "number": int, "score": float, "cut": bool, "lon": float, "lat": float, "centre_sd_m": float,
    "length_m": float, "length_sd_m": float, "width_m": float, "width_sd_m": float,
    "heading_deg": float, "heading_sd_deg": float, "area_m2": float, "area_sd_m2": float,
    "x_px": float, "y_px": float, "length_px": float, "width_px": float, "area_px": float,
    "box_px": str,
}  # fmt: skip
PROPERTIES: tuple[str, ...] = tuple(_TYPES)
"""What is written of each ship, in this order; see docs/outputs.md."""

# A centimetre in degrees; hundredths of metres and degrees, thousandths of pixels, all far below
# what an outline is sure of.
_DECIMALS = {"lon": 7, "lat": 7, "score": 6, "x_px": 3, "y_px": 3}


@dataclass(frozen=True, slots=True, eq=False)
class DescribedScene:
    """A scene, its ships, and where they are.

    Attributes:
        result: What was found.
        measures: Of each ship, in the order of `result.ships`.
        positions: From the scene's pixels to the Earth.
    """

    result: SceneResult
    measures: tuple[Measure, ...]
    positions: Positions

    @property
    def located(self) -> bool:
        """Whether the ships have longitude and latitude."""
        height, width = self.result.grid.shape_hw
        return self.positions.lonlat(np.array([[width / 2, height / 2]])) is not None

    @property
    def looked_at_km2(self) -> float | None:
        """What was looked at, by the pixel's size in the middle of the scene."""
        gsd_m = self.result.grid.gsd_m
        return None if gsd_m is None else self.result.looked_at_px * gsd_m**2 / 1e6

    def rows(self) -> list[dict[str, Property]]:
        """Give the properties of each ship by name, rounded."""
        return [
            properties_of(number, ship, measure)
            for number, (ship, measure) in enumerate(
                zip(self.result.ships, self.measures, strict=True), start=1
            )
        ]

    def columns(self) -> dict[str, npt.NDArray[np.generic]]:
        """Give the properties of all ships as columns of one type each, NaN for None."""
        rows = self.rows()
        dtypes = {int: np.int64, float: np.float64, bool: np.bool_, str: object}
        return {
            name: np.array([row[name] for row in rows], dtype=dtypes[kind])
            for name, kind in _TYPES.items()
        }


def describe(result: SceneResult) -> DescribedScene:
    """Measure the ships of a scene.

    Args:
        result: What was found.
    """
    measures = measure_ships(list(result.ships), result.grid)
    return DescribedScene(result, tuple(measures), Positions(result.grid))


def properties_of(number: int, ship: SceneShip, measure: Measure) -> dict[str, Property]:
    """Give what is written of a ship, by name.

    Args:
        number: From 1.
        ship: The ship.
        measure: Its measures.
    """
    row: dict[str, Property] = {"number": number, "score": ship.score, "cut": ship.cut}
    for name in PROPERTIES[3:-1]:
        row[name] = getattr(measure, name)
    row["box_px"] = " ".join(f"{x:.2f},{y:.2f}" for x, y in measure.box_px)
    return {name: _rounded(name, value) for name, value in row.items()}


def _rounded(name: str, value: Property) -> Property:
    if not isinstance(value, float):
        return value
    rounded = round(value, _DECIMALS.get(name, 2))
    # 179.999 degrees would round to the 180 that the range leaves out.
    return 0.0 if name == "heading_deg" and rounded == 180.0 else rounded
