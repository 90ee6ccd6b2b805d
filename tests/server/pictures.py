"""Pictures for requests, made in memory."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from inference.pixels import draw, sea
from PIL import Image

from shipseg.imaging.gdal import rasterio

SHIP = (300, 320, 340, 332)
SECOND = (500, 100, 520, 140)


def harbour(height: int = 768, width: int = 768) -> npt.NDArray[np.uint8]:
    """Two white ships on black."""
    return draw(draw(sea(height, width), SHIP), SECOND)


def encoded(rgb: npt.NDArray[Any], format: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, format, **options)
    return out.getvalue()


def geotiff(
    rgb: npt.NDArray[Any], *, gsd_m: float = 1.5, crs: str | None = "EPSG:32610", **profile: Any
) -> bytes:
    """A GeoTIFF of (H, W) or (H, W, bands), north up, in UTM unless told otherwise."""
    bands = rgb[None] if rgb.ndim == 2 else rgb.transpose(2, 0, 1)
    place = rasterio.Affine(gsd_m, 0, 500_000, 0, -gsd_m, 4_200_000)
    fields = {
        "driver": "GTiff", "height": bands.shape[1], "width": bands.shape[2],
        "count": bands.shape[0], "dtype": bands.dtype.name, "crs": crs,
        "transform": place if crs else None, **profile,
    }  # fmt: skip
    with rasterio.MemoryFile() as file:
        with file.open(**fields) as dataset:
            dataset.write(bands)
        return bytes(file.read())


def png(width: int, height: int, data: bytes, *, depth: int = 8, colour: int = 0) -> bytes:
    """A PNG with this header and these inflated bytes, whatever they are."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )  # fmt: skip


def opened(body: bytes) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(body)))
