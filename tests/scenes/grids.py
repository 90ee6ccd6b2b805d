"""Grids of scenes in many places and projections, and ships of known size laid on them."""

from __future__ import annotations

import numpy as np
from pyproj import CRS, Geod, Transformer
from shapely import Polygon

from shipseg.imaging.gdal import rasterio
from shipseg.scenes.grid import pixel_size_m
from shipseg.scenes.result import Grid

GEOD = Geod(ellps="WGS84")
Affine = rasterio.Affine


def grid_at(
    epsg: int | None,
    lonlat: tuple[float, float],
    pixel: float,
    *,
    turn_deg: float = 0.0,
    shape_hw: tuple[int, int] = (400, 600),
) -> Grid:
    """A grid whose middle lies at a place; `pixel` in units of the CRS."""
    height, width = shape_hw
    x, y = lonlat
    if epsg != 4326:
        x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(*lonlat)
    transform = (
        Affine.translation(x, y)
        @ Affine.rotation(turn_deg)
        @ Affine.scale(pixel, -pixel)
        @ Affine.translation(-width / 2, -height / 2)
    )
    crs = rasterio.crs.CRS.from_epsg(epsg)
    sizes = pixel_size_m(shape_hw, transform, crs)
    assert sizes is not None
    return Grid(shape_hw, transform, crs, sum(sizes) / 2)


def bare_grid(shape_hw: tuple[int, int] = (400, 600), gsd_m: float | None = None) -> Grid:
    return Grid(shape_hw, Affine.identity(), None, gsd_m)


def laid_out(
    grid: Grid, lonlat: tuple[float, float], length_m: float, width_m: float, heading_deg: float
) -> Polygon:
    """A rectangle of a known size and heading on the ellipsoid, in pixels of the grid."""
    corners = []
    for along, across in ((1, 1), (1, -1), (-1, -1), (-1, 1)):
        east = along * length_m / 2 * np.sin(np.radians(heading_deg))
        north = along * length_m / 2 * np.cos(np.radians(heading_deg))
        east += across * width_m / 2 * np.cos(np.radians(heading_deg))
        north -= across * width_m / 2 * np.sin(np.radians(heading_deg))
        azimuth = np.degrees(np.arctan2(east, north))
        lon, lat, _ = GEOD.fwd(*lonlat, azimuth, np.hypot(east, north))
        corners.append((lon, lat))
    way = Transformer.from_crs(4326, CRS.from_wkt(grid.crs.to_wkt()), always_xy=True)
    inverse = ~grid.transform
    middle = (grid.transform @ (grid.shape_hw[1] / 2, grid.shape_hw[0] / 2))[0]
    points = []
    for lon, lat in corners:
        x, y = way.transform(lon, lat)
        if grid.crs.is_geographic:
            x = middle + (x - middle + 180) % 360 - 180
        points.append(inverse @ (x, y))
    return Polygon(points)
