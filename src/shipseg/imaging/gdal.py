"""The one place that imports rasterio, so that GDAL starts without the drivers that reach out.

A virtual raster or a service description can be dressed as a picture and make GDAL read other files
or fetch from the network. `driver="GTiff"` keeps the front door; `GDAL_SKIP` removes such drivers
altogether, for sidecar files too. GDAL reads the variable once, when the process enters its first
`rasterio.Env`; among that environment's options it does nothing. Every module of shipseg takes
`rasterio` from here.

Two consequences. `read(..., boundless=True)` needs the VRT driver and is not available: clip the
window and pad. And a program that used rasterio before it imported shipseg keeps all its drivers;
only the front door holds there.
"""

from __future__ import annotations

import os
import warnings

# Drivers whose files name other files or addresses.
_REACHING_OUT = (
    *("VRT", "DERIVED", "GTI", "STACIT", "STACTA", "MRF"),
    *("WMS", "WMTS", "WCS", "HTTP", "OGCAPI", "PLMOSAIC", "DAAS", "EEDA", "EEDAI", "NGW"),
)


def _with_skipped(value: str) -> str:
    """Add the drivers to what a user already skips; GDAL splits at commas, else at spaces."""
    kept = value.split("," if "," in value else None)
    return ",".join(dict.fromkeys([*(name.strip() for name in kept), *_REACHING_OUT]))


os.environ["GDAL_SKIP"] = _with_skipped(os.environ.get("GDAL_SKIP", ""))

import rasterio  # noqa: E402
import rasterio.io  # noqa: E402
from rasterio.errors import NodataShadowWarning, NotGeoreferencedWarning  # noqa: E402

from shipseg.errors import UsageError  # noqa: E402

# A picture without a position is normal here, and where a file has both nodata and alpha, both are
# honoured. `warnings.catch_warnings` around each call would not be safe between threads.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
warnings.filterwarnings("ignore", category=NodataShadowWarning)

__all__ = ["allow_vrt", "rasterio"]


def allow_vrt() -> None:
    """Keep the driver of virtual rasters, for a program whose user asked for it.

    Raises:
        UsageError: GDAL is running already, without it.
    """
    names = os.environ["GDAL_SKIP"].split(",")
    os.environ["GDAL_SKIP"] = ",".join(name for name in names if name != "VRT")
    with rasterio.Env() as env:
        if "VRT" not in env.drivers():
            raise UsageError(
                "virtual rasters were switched off before they were asked for",
                hint="call shipseg.imaging.gdal.allow_vrt() before anything else opens a raster",
            )
