"""Ground sampling distances: how many metres a pixel of a georeferenced raster covers."""

from __future__ import annotations

import math
from typing import Any

from shipseg.imaging.gdal import rasterio  # noqa: F401  GDAL is set up before its modules load

from rasterio.warp import transform as to_crs  # isort: skip

# WGS 84: semi-major axis in metres, and the square of the first eccentricity.
_A, _E2 = 6378137.0, 0.00669437999014


def pixel_size_m(
    shape_hw: tuple[int, int], transform: Any, crs: Any | None
) -> tuple[float, float] | None:
    """Measure a pixel on the ground in the middle of a raster, whatever its CRS.

    The middle and its neighbours go to longitude and latitude, and their differences to metres by
    the ellipsoid's radii of curvature (Snyder, Map Projections, USGS PP 1395, eqs. 4-18 to 4-20).
    So EPSG:3857, whose unit shrinks with the latitude, degrees, and rotated transforms need no
    rule of their own.

    Args:
        shape_hw: Height and width in pixels.
        transform: `affine.Affine` from (column, row) to the CRS.
        crs: `rasterio.crs.CRS`, or None.

    Returns:
        Metres along a row and along a column, or None where there is no georeference, or the
        middle lies where the CRS has no inverse.
    """
    if crs is None or transform.is_identity:
        return None
    height, width = shape_hw
    x, y = width / 2, height / 2
    points = [transform @ point for point in ((x, y), (x + 1, y), (x, y + 1))]
    try:
        lons, lats = to_crs(crs, "EPSG:4326", [p[0] for p in points], [p[1] for p in points])[:2]
    except Exception:  # A local CRS; GDAL's own errors are no RasterioError throughout.
        return None
    if not all(map(math.isfinite, (*lons, *lats))) or max(map(abs, lats)) >= 90:
        return None
    sine = math.sin(math.radians(lats[0]))
    prime = _A / math.sqrt(1 - _E2 * sine**2)
    meridian = prime * (1 - _E2) / (1 - _E2 * sine**2)
    east = prime * math.cos(math.radians(lats[0]))

    def metres(index: int) -> float:
        # Over the antimeridian the short way.
        turn = (lons[index] - lons[0] + 180) % 360 - 180
        return math.hypot(east * math.radians(turn), meridian * math.radians(lats[index] - lats[0]))

    sizes = metres(1), metres(2)
    return sizes if min(sizes) > 0 else None
