"""Where pixels of a scene lie on the Earth: longitude and latitude, and metres around a point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import ProjError

from shipseg.scenes.result import Grid

Points = npt.NDArray[np.float64]
"""(n, 2), x and y of points."""

WGS84 = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Points on a plane around a ship.

    Attributes:
        points: (n, 2) x to the right or the east, y up or to the north.
        unit: "m", or "px" where nothing tells how large a pixel is.
        northward: Whether y points to true north.
    """

    points: Points
    unit: str
    northward: bool


class Positions:
    """From a scene's pixels to the Earth, whatever its CRS and transform."""

    def __init__(self, grid: Grid) -> None:
        """Set up the way to WGS 84.

        Args:
            grid: The scene's grid; without a CRS, or with the identity as its transform, it has no
                place on the Earth.
        """
        self._grid = grid
        self._to_wgs84: Transformer | None = None
        if grid.crs is not None and not grid.transform.is_identity:
            # One that PROJ cannot bring to WGS 84, such as that of a building site, has no place.
            try:
                crs = CRS.from_wkt(grid.crs.to_wkt())
                self._to_wgs84 = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
            except ProjError:
                pass

    def in_crs(self, points_px: Points) -> Points:
        """Move points from pixels to the scene's own coordinates, (n, 2)."""
        t = self._grid.transform
        x, y = points_px[:, 0], points_px[:, 1]
        return np.stack([t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f], axis=1)

    def lonlat(self, points_px: Points) -> Points | None:
        """Give longitude and latitude in degrees on WGS 84, or None where there are none.

        Args:
            points_px: (n, 2) in pixels of the scene.

        Returns:
            (n, 2); longitudes run on across the antimeridian, within 180 of the first one's, which
            lies in [-180, 180).
        """
        if self._to_wgs84 is None:
            return None
        own = self.in_crs(points_px)
        lon, lat = (np.asarray(v) for v in self._to_wgs84.transform(own[:, 0], own[:, 1]))
        if not (np.isfinite(lon).all() and np.isfinite(lat).all() and (abs(lat) <= 90).all()):
            return None
        first = (lon[0] + 180) % 360 - 180
        return np.stack([first + (lon - first + 180) % 360 - 180, lat], axis=1)

    def plane(self, points_px: Points, centre_px: Points) -> Plane:
        """Lay points out on a plane that touches the Earth at a centre.

        Distance and azimuth from the centre are those of the geodesic on WGS 84 (Karney, Algorithms
        for geodesics, 2013): the azimuthal equidistant projection, whose error over the half
        kilometre of the largest ship is below a millimetre.

        Args:
            points_px: (n, 2) in pixels of the scene.
            centre_px: (1, 2) in pixels of the scene.

        Returns:
            Metres east and north; without a place on the Earth, metres or pixels along the grid.
        """
        lonlat = self.lonlat(np.concatenate([centre_px, points_px]))
        if lonlat is None:
            return self._flat(points_px - centre_px)
        (lon, lat), others = lonlat[0], lonlat[1:]
        count = len(others)
        azimuth, _, distance = WGS84.inv(
            np.full(count, lon), np.full(count, lat), others[:, 0], others[:, 1]
        )
        angle, far = np.radians(azimuth), np.asarray(distance)
        return Plane(np.stack([far * np.sin(angle), far * np.cos(angle)], axis=1), "m", True)

    def _flat(self, offsets_px: Points) -> Plane:
        up = offsets_px * (1.0, -1.0)
        gsd: Any = self._grid.gsd_m
        return Plane(up, "px", False) if gsd is None else Plane(up * gsd, "m", False)


def to_scene_px(grid: Grid, crs: CRS) -> Callable[[Points], Points]:
    """Give the way from coordinates of another CRS to a scene's pixels.

    Args:
        grid: The scene's grid, with a CRS.
        crs: Of the coordinates.

    Returns:
        A function from (n, 2) to (n, 2); infinite where a point has no place on the scene's plane.

    Raises:
        ProjError: There is no way from the one CRS to the other.
    """
    own: Any = grid.crs
    scene_crs = CRS.from_wkt(own.to_wkt())
    transformer = Transformer.from_crs(crs, scene_crs, always_xy=True)
    t = ~grid.transform
    middle = (grid.transform @ (grid.shape_hw[1] / 2, grid.shape_hw[0] / 2))[0]

    def to_px(points: Points) -> Points:
        x, y = (np.asarray(v) for v in transformer.transform(points[:, 0], points[:, 1]))
        if scene_crs.is_geographic:
            # A scene over the antimeridian counts on beyond 180 degrees, or from below -180.
            x = middle + (x - middle + 180) % 360 - 180
        return np.stack([t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f], axis=1)

    return to_px
