"""A scene as a picture to draw on: whole and small, or a part of it at its own pixels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shapely import Polygon
from shapely.affinity import affine_transform

from shipseg.errors import ImageError, UnsupportedImageError
from shipseg.imaging.bands import choose_bands
from shipseg.imaging.formats import shown_name
from shipseg.imaging.gdal import rasterio
from shipseg.imaging.stretch import find_stretch
from shipseg.rle import Runs, mask_to_runs
from shipseg.scenes.open import driver_of

from rasterio.enums import Resampling  # isort: skip
from rasterio.features import rasterize  # isort: skip

_SENTINEL = 1e38
_CACHE_MB = 96

Rgb = npt.NDArray[np.uint8]


def read_small(path: Path, size_wh: tuple[int, int], bands: Sequence[int] | None = None) -> Rgb:
    """Read a whole scene shrunk, in constant memory; black where there is no data.

    Args:
        path: The scene.
        size_wh: Width and height of the result in pixels.
        bands: Which bands are shown; None goes by their colour interpretation.

    Returns:
        (h, w, 3) uint8, stretched by what the result shows where the scene has more than 8 bits.

    Raises:
        UsageError: There is no readable file.
        ImageError: It is no scene, or damaged.
    """
    name = shown_name(os.fspath(path))
    driver = driver_of(path)
    if driver is None:
        raise UnsupportedImageError(f"{name}: no GeoTIFF, JPEG 2000, PNG or JPEG")
    out = (size_wh[1], size_wh[0])
    try:
        with (
            rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_CACHEMAX=_CACHE_MB),
            rasterio.open(os.fspath(path.absolute()), driver=driver) as dataset,
        ):
            choice = choose_bands(dataset)
            indexes = choice.indexes if bands is None else tuple(bands)
            shape = (len(indexes), *out)
            levels = dataset.read(indexes, out_shape=shape, resampling=Resampling.average)
            valid = _valid(dataset, indexes, choice.alpha, out)
    except rasterio.errors.RasterioError as error:
        raise ImageError(f"{name}: truncated or corrupt", hint="fetch the file again") from error
    if np.issubdtype(levels.dtype, np.floating):
        valid &= np.all(np.abs(levels) < _SENTINEL, axis=0)
    if levels.dtype != np.uint8:
        levels = find_stretch(levels, valid).apply(levels)
    rgb = np.empty((*out, 3), np.uint8)
    rgb[...] = levels.transpose(1, 2, 0)
    rgb[~valid] = 0
    return rgb


def _valid(
    dataset: Any, indexes: tuple[int, ...], alpha: int | None, out: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    masks = dataset.read_masks(indexes, out_shape=(len(indexes), *out))
    valid: npt.NDArray[np.bool_] = (masks != 0).any(axis=0)
    if alpha is not None:
        valid &= dataset.read(alpha, out_shape=out) != 0
    return valid


def outline_runs(
    outline: Polygon, scale: float, origin_px: tuple[float, float], shape_hw: Any
) -> Runs:
    """Draw an outline on a scaled part of the scene, as runs.

    Args:
        outline: In pixels of the scene.
        scale: Picture pixels for each scene pixel.
        origin_px: The scene pixel at the picture's top left corner.
        shape_hw: Height and width of the picture.
    """
    x, y = origin_px
    placed = affine_transform(outline, [scale, 0, 0, scale, -x * scale, -y * scale])
    mask = rasterize([placed], out_shape=shape_hw, all_touched=True, dtype="uint8")
    return mask_to_runs(mask.astype(np.bool_))
