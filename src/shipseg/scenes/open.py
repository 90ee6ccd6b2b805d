"""Opening scenes: rasters of any size, of which only windows are ever read."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from shipseg.errors import (
    BadInputError,
    ImageError,
    ImageTooLargeError,
    UnsupportedImageError,
)
from shipseg.imaging.bands import Choice, choose_bands
from shipseg.imaging.files import open_file
from shipseg.imaging.formats import shown_name
from shipseg.imaging.gdal import rasterio
from shipseg.imaging.limits import DEFAULT_LIMITS
from shipseg.imaging.png import check_complete
from shipseg.imaging.raster import REAL_DTYPES, check_colours
from shipseg.imaging.tiff import read_tags
from shipseg.scenes.kinds import GDAL_OPTIONS, driver_of, is_scene
from shipseg.scenes.reader import MODEL_GSD_M, Scene, ValidArea

__all__ = ["MODEL_GSD_M", "Scene", "ValidArea", "driver_of", "is_scene", "open_scene"]

# GDAL keeps decoded blocks up to this, in bytes (rasterio takes no other unit); its own default is
# a share of all memory. Where a block is as wide as the scene, as in PNG, JPEG and TIFF in strips,
# a row of windows decodes it again and again unless the cache holds so many rows.
_CACHE, _MOST_CACHE, _CACHE_ROWS = 96 * 1024**2, 384 * 1024**2, 1024
_HINT = "fetch the file again; what is missing cannot be restored"


@contextmanager
def open_scene(
    path: str | os.PathLike[str],
    *,
    bands: Sequence[int] | None = None,
    gsd_m: float | None = None,
    model_gsd_m: float = MODEL_GSD_M,
    valid_area: ValidArea | None = None,
    allow_vrt: bool = False,
) -> Iterator[Scene]:
    """Open a GeoTIFF, a COG, a JPEG 2000, or a PNG or JPEG too large to decode in one go.

    Sidecar files are not read, and nothing in the file can lead GDAL to another one, unless it is
    a virtual raster and those are allowed.

    Args:
        path: The file.
        bands: Which bands, from 1, are red, green and blue, or one band as grey; None goes by
            their colour interpretation.
        gsd_m: Metres per pixel, 0.01 to 1,000; None measures it in the middle of the scene.
        model_gsd_m: What the models were trained at; a scene more than 20 % off is resampled.
        valid_area: Where ships are wanted; None means everywhere. See `Scene.limit_to`.
        allow_vrt: Take virtual rasters, which read whatever files they name. Needs
            `shipseg.imaging.gdal.allow_vrt` before the first raster is opened.

    Raises:
        UsageError: There is no readable file.
        UnsupportedImageError: Another format, complex samples, or a colour model that is none.
        ImageTooLargeError: Too many bands, or internal tiles too large to read one.
        ImageError: The header, or all of a PNG, is truncated or corrupt.
        BadInputError: `bands` or `gsd_m` do not fit.
    """
    path = Path(path)
    name = shown_name(os.fspath(path))
    # Written so that NaN fails as well.
    if gsd_m is not None and not 0.01 <= gsd_m <= 1000:
        raise BadInputError(f"the GSD is {gsd_m} m, expected 0.01 to 1000")
    driver = _checked_driver(path, name, allow_vrt=allow_vrt)
    with ExitStack() as stack:
        stack.enter_context(rasterio.Env(**GDAL_OPTIONS))
        try:
            dataset = stack.enter_context(rasterio.open(str(path.absolute()), driver=driver))
        except Exception as error:  # GDAL's own errors are no RasterioError throughout.
            raise ImageError(
                f"{name}: the {driver} header is truncated or corrupt", hint=_HINT
            ) from error
        choice, warnings = _checked(dataset, path, bands, name)
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=_cache_bytes(dataset)))
        scene = Scene(
            dataset, path, choice, gsd_m=gsd_m, model_gsd_m=model_gsd_m, warnings=warnings
        )
        scene.limit_to(valid_area)
        yield scene


def _checked_driver(path: Path, name: str, *, allow_vrt: bool) -> str:
    driver = driver_of(path)
    if driver is None:
        raise UnsupportedImageError(
            f"{name}: no GeoTIFF, JPEG 2000, PNG or JPEG",
            hint="convert it, for example with gdal_translate -of COG",
        )
    if driver == "VRT" and not allow_vrt:
        raise UnsupportedImageError(
            f"{name}: a virtual raster, which reads whatever files it names",
            hint="where you trust it, add --allow-vrt",
        )
    if driver == "PNG":
        # GDAL shows missing rows as black, without a word.
        with (
            open_file(path, name=name) as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            check_complete(data, name=name)  # type: ignore[arg-type]  # it only slices
    return driver


def _checked(
    dataset: Any, path: Path, bands: Sequence[int] | None, name: str
) -> tuple[Choice, tuple[str, ...]]:
    """Choose bands, refuse what cannot be read or costs too much, and say what was assumed."""
    limits = DEFAULT_LIMITS
    if dataset.count > limits.max_bands:
        raise ImageTooLargeError(
            f"{name}: {dataset.count:,} bands; the limit is {limits.max_bands:,} bands",
            hint="take out three bands, for example with gdal_translate -b",
        )
    choice = _choice(dataset, bands, name)
    dtypes = {dataset.dtypes[index - 1] for index in choice.indexes}
    if not dtypes <= REAL_DTYPES:
        raise UnsupportedImageError(
            f"{name}: samples of dtype {', '.join(sorted(dtypes - REAL_DTYPES))}, expected "
            "integers or floats",
            hint="write the magnitude of complex samples to a raster of its own",
        )
    rows, columns = max(dataset.block_shapes)
    together = dataset.count if dataset.profile.get("interleave") == "pixel" else 1
    block = rows * columns * together * max(np.dtype(dtype).itemsize for dtype in dtypes)
    if block > limits.max_block_bytes:
        raise ImageTooLargeError(
            f"{name}: internal tiles of {columns:,} × {rows:,} px, {block:,} bytes each; the limit "
            f"is {limits.max_block_bytes:,} bytes",
            hint="rewrite it with gdal_translate -co TILED=YES",
        )
    warnings = choice.warnings
    if dataset.driver == "GTiff" and bands is None:
        with open_file(path, name=name) as stream:
            photometric = read_tags(stream).photometric
        warnings = check_colours(dataset, photometric, name=name) + warnings
    if dataset.driver == "GTiff" and dataset.subdatasets:
        warnings += ("the TIFF has several pages; only the first was read",)
    return choice, warnings


def _choice(dataset: Any, bands: Sequence[int] | None, name: str) -> Choice:
    choice = choose_bands(dataset)
    if bands is None:
        return choice
    if len(bands) not in (1, 3) or not all(1 <= index <= dataset.count for index in bands):
        raise BadInputError(
            f"{name}: bands {', '.join(map(str, bands))}, expected one or three of 1 to "
            f"{dataset.count}",
            hint="name them as red,green,blue, such as --bands 3,2,1",
        )
    return Choice(tuple(bands), choice.alpha)


def _cache_bytes(dataset: Any) -> int:
    # No real sample takes more than eight bytes; bands that are not read may be complex.
    sample = max(np.dtype(d).itemsize if d in REAL_DTYPES else 8 for d in dataset.dtypes)
    row = dataset.width * dataset.count * sample
    in_strips = bool(dataset.block_shapes[0][1] == dataset.width)
    return min(max(_CACHE, int(_CACHE_ROWS * row * in_strips)), _MOST_CACHE)
