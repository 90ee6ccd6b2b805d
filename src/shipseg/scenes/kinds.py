"""What is a scene and what a tile, by a file's first bytes and its header."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from shipseg.errors import ShipsegError
from shipseg.imaging.files import open_file
from shipseg.imaging.formats import TIFF_MAGICS, shown_name
from shipseg.imaging.limits import DEFAULT_LIMITS

_MAGICS = {
    "GTiff": TIFF_MAGICS,
    "JP2OpenJPEG": (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "VRT": (b"<VRTDataset",),
}
# A tile is never so large, in bytes; below, PNG and JPEG are not even opened to tell scenes apart.
_LARGE_FILE = 16 * 1024**2
GDAL_OPTIONS: Final[dict[str, Any]] = {
    # Without a directory listing GDAL looks for no sidecar file.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    # A JPEG cut short is an error, not grey.
    "GDAL_ERROR_ON_LIBJPEG_WARNING": True,
}
"""How GDAL opens scenes."""


def driver_of(path: Path) -> str | None:
    """Name the GDAL driver for a file by its first bytes; None where no scene begins so."""
    with open_file(path, name=shown_name(os.fspath(path))) as stream:
        head = stream.read(16)
    return next((name for name, magics in _MAGICS.items() if head.startswith(magics)), None)


def is_scene(path: Path) -> bool:
    """Tell whether a file is to be read as a scene: georeferenced, or too large for one go.

    What cannot be opened is no scene: the tiles' door then says what is wrong with it. Nor is a
    PNG or JPEG of few bytes and many pixels, which may be made to waste time.
    """
    try:
        driver = driver_of(path)
        if driver in (None, "VRT", "JP2OpenJPEG"):
            return driver is not None
        if driver != "GTiff" and path.stat().st_size < _LARGE_FILE:
            return False
    except ShipsegError:
        return False
    # Imported here: GDAL takes a third of a second to load, and most tiles need none.
    from shipseg.imaging.gdal import rasterio
    from shipseg.imaging.raster import is_georeferenced

    try:
        with (
            rasterio.Env(**GDAL_OPTIONS),
            rasterio.open(str(path.absolute()), driver=driver) as dataset,
        ):
            large = dataset.width * dataset.height > DEFAULT_LIMITS.max_pixels
            large |= max(dataset.shape) > DEFAULT_LIMITS.max_side_px
            return large or is_georeferenced(dataset)
    except Exception:  # GDAL's own errors are no RasterioError throughout.
        return False
