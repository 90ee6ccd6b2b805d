"""A scene as a picture to draw on: whole and small, or a part of it at its own pixels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shapely import Polygon
from shapely.affinity import affine_transform

from shipseg.errors import ImageError, UsageError
from shipseg.imaging.bands import choose_bands, look_up, widen
from shipseg.imaging.formats import shown_name
from shipseg.imaging.gdal import rasterio
from shipseg.imaging.stretch import find_stretch
from shipseg.rle import Runs, mask_to_runs
from shipseg.scenes.open import MODEL_GSD_M, Scene, driver_of, open_scene

from rasterio.enums import Resampling  # isort: skip
from rasterio.features import rasterize  # isort: skip

_SENTINEL = 1e38

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Raster:
    """A scene's raster, and how it is shown.

    Attributes:
        path: The file.
        bands: Which bands, from 1, are red, green and blue, or one as grey; None goes by their
            colour interpretation.
        allow_vrt: Whether it may be a virtual raster; see `open_scene`.
    """

    path: Path
    bands: tuple[int, ...] | None = None
    allow_vrt: bool = False

    @contextmanager
    def open(self, shape_hw: tuple[int, int]) -> Iterator[Scene]:
        """Open it by the scenes' door, which refuses what is damaged or costly to read.

        Args:
            shape_hw: Height and width of the scene that ships were found on.

        Raises:
            UsageError: There is no readable file, or it is of another size.
            ImageError: It is no scene, or damaged.
        """
        # A GSD like the model's leaves the scene's own pixels: nothing is resampled.
        with open_scene(
            self.path, bands=self.bands, gsd_m=MODEL_GSD_M, allow_vrt=self.allow_vrt
        ) as scene:
            height, width = scene.grid.shape_hw
            if (height, width) != shape_hw:
                raise UsageError(
                    f"the raster is {width:,} x {height:,} px, and ships were found on one of "
                    f"{shape_hw[1]:,} x {shape_hw[0]:,} px",
                    hint="name the scene that the ships were found on",
                )
            yield scene


def read_small(raster: Raster, shape_hw: tuple[int, int], small_hw: tuple[int, int]) -> Rgb:
    """Read a whole scene shrunk, in constant memory; black where there is no data.

    Args:
        raster: The scene.
        shape_hw: Its height and width.
        small_hw: Height and width of the result.

    Returns:
        (h, w, 3) uint8, stretched by what the result shows where the scene has more than 8 bits.

    Raises:
        UsageError: There is no readable file, or it is of another size.
        ImageError: It is no scene, or damaged.
    """
    path = raster.path.absolute()
    try:
        with (
            raster.open(shape_hw),
            rasterio.open(os.fspath(path), driver=driver_of(path)) as dataset,
        ):
            return _read(dataset, raster.bands, small_hw)
    except rasterio.errors.RasterioError as error:
        name = shown_name(os.fspath(raster.path))
        raise ImageError(f"{name}: truncated or corrupt", hint="fetch the file again") from error


def _read(dataset: Any, bands: tuple[int, ...] | None, small_hw: tuple[int, int]) -> Rgb:
    choice = choose_bands(dataset)
    indexes = bands or choice.indexes
    palette = choice.palette and bands is None
    # There is no colour between two entries of a palette.
    way = Resampling.nearest if palette else Resampling.average
    levels = dataset.read(indexes, out_shape=(len(indexes), *small_hw), resampling=way)
    valid = _valid(dataset, indexes, choice.alpha, small_hw)
    if palette:
        rgb, _ = look_up(levels[0], dataset.colormap(indexes[0]), valid)
    else:
        if np.issubdtype(levels.dtype, np.floating):
            valid &= np.all(np.abs(levels) < _SENTINEL, axis=0)
        if levels.dtype == np.uint8:
            levels = widen(levels, dataset, choice)
        else:
            levels = find_stretch(levels, valid).apply(levels)
        rgb = np.empty((*small_hw, 3), np.uint8)
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
