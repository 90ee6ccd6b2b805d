"""Opening scenes: rasters of any size, of which only windows are ever read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.errors import BadInputError, ImageError, ImageTooLargeError, UnsupportedImageError
from shipseg.imaging.bands import Choice, choose_bands
from shipseg.imaging.files import open_file
from shipseg.imaging.formats import TIFF_MAGICS, shown_name
from shipseg.imaging.gdal import rasterio
from shipseg.imaging.limits import DEFAULT_LIMITS
from shipseg.imaging.picture import Picture, make_picture
from shipseg.imaging.stretch import Stretch, find_stretch
from shipseg.imaging.tiling import Window
from shipseg.scenes.grid import pixel_size_m
from shipseg.scenes.resample import Axis, resample
from shipseg.scenes.result import Grid

MODEL_GSD_M = 1.5
"""Metres per pixel of the tiles that the models learn from."""

ValidArea = Callable[[Window], npt.NDArray[np.bool_]]
"""A window in scene pixels to (h, w) bool, True inside the area of interest."""

# Within this share of the model's GSD a scene is taken as it is: the training's own zoom covers it.
_CLOSE = 0.2
# Beyond this a pixel would be blown up to 8 x 8, and no ship would be more than two of them.
_MOST_ZOOM = 8.0
_JPEG2000 = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
_DRIVERS = {"PNG": (b"\x89PNG\r\n\x1a\n",), "JPEG": (b"\xff\xd8\xff",)}
# GDAL keeps decoded blocks up to this, in megabytes; its own default is a share of all memory.
_CACHE_MB = 96
# Limits of the stretch come from about this many pixels, in square windows over the scene.
_SAMPLE_WINDOWS, _SAMPLE_SIDE = 12, 256
_SENTINEL = 1e38


class Scene:
    """An open scene. Windows are read one at a time, from any thread.

    Attributes:
        name: The file's name.
        path: The file.
        grid: Where the scene's own pixels lie.
        rows: The working grid's axis down.
        columns: The working grid's axis to the right.
        warnings: What reading has to assume.
    """

    def __init__(
        self,
        dataset: Any,
        path: Path,
        *,
        bands: Sequence[int] | None,
        gsd_m: float | None,
        model_gsd_m: float,
        valid_area: ValidArea | None,
    ) -> None:
        self.path, self.name = path, path.name
        self._dataset, self._lock, self._area = dataset, threading.Lock(), valid_area
        self._choice = _checked_choice(dataset, bands, self.name)
        shape_hw = (dataset.height, dataset.width)
        self.warnings: tuple[str, ...] = self._choice.warnings
        sizes = self._sizes(shape_hw, gsd_m)
        self.grid = Grid(
            shape_hw, dataset.transform, dataset.crs, None if sizes is None else sum(sizes) / 2
        )
        factors = self._factors(sizes, model_gsd_m)
        self.columns, self.rows = Axis(shape_hw[1], factors[0]), Axis(shape_hw[0], factors[1])
        self._stretch = self._find_stretch()

    @property
    def shape_hw(self) -> tuple[int, int]:
        """Height and width of the working grid, on which ships are looked for."""
        return self.rows.working, self.columns.working

    def read(self, window: Window) -> Picture:
        """Read a window of the working grid.

        Raises:
            ImageError: The file is truncated or corrupt there.
        """
        (y0, y1), (x0, x1) = (
            self.rows.source(window.y0, window.y1), self.columns.source(window.x0, window.x1),
        )  # fmt: skip
        source = Window(x0, y0, x1, y1)
        bands, valid = self._read_bands(source)
        if self._area is not None:
            valid = valid & self._area(source)
        rgb = self._to_rgb(bands, valid)
        if self.rows.factor != 1 or self.columns.factor != 1:
            corner = (window.x0, window.y0)
            rgb, valid = resample(rgb, valid, self.rows, self.columns, corner, window.shape_hw)
        return make_picture(rgb, valid)

    def _sizes(self, shape_hw: tuple[int, int], gsd_m: float | None) -> tuple[float, float] | None:
        """Measure a pixel, and say what is unusual about the georeference."""
        dataset, said = self._dataset, []
        transform = dataset.transform
        sizes = pixel_size_m(shape_hw, transform, dataset.crs)
        if dataset.crs is None:
            said.append("no CRS: ships have no longitude and latitude")
        elif transform.is_identity:
            said.append("a CRS without a transform: ships have no longitude and latitude")
        if abs(transform.b) > 1e-9 * abs(transform.a) or abs(transform.d) > 1e-9 * abs(transform.e):
            said.append("rotated transform: ships are found on the rotated grid as it is stored")
        if gsd_m is not None:
            sizes = (gsd_m, gsd_m)
        elif sizes is None:
            said.append(f"unknown GSD: taken for {MODEL_GSD_M:g} m; name it with --gsd")
        self.warnings += tuple(said)
        return sizes

    def _factors(
        self, sizes: tuple[float, float] | None, model_gsd_m: float
    ) -> tuple[float, float]:
        """Decide how many scene pixels make a working pixel, along a row and along a column."""
        if sizes is None or all(abs(size / model_gsd_m - 1) <= _CLOSE for size in sizes):
            return 1.0, 1.0
        x, y = (max(model_gsd_m / size, 1 / _MOST_ZOOM) for size in sizes)
        text = (
            f"GSD of {sizes[0]:.3g} x {sizes[1]:.3g} m, far from the model's {model_gsd_m:g} m: "
            "resampled"
        )
        if max(sizes) > _MOST_ZOOM * model_gsd_m:
            text += f" no further than {_MOST_ZOOM:g} times; ships this small are mostly missed"
        self.warnings += (text,)
        return x, y

    def _read_bands(self, window: Window) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        place = ((window.y0, window.y1), (window.x0, window.x1))
        choice = self._choice
        with self._lock:
            try:
                bands = self._dataset.read(choice.indexes, window=place)
                valid = self._declared_valid(place, window.shape_hw)
            except Exception as error:  # GDAL's own errors are no RasterioError throughout.
                raise ImageError(
                    f"{shown_name(self.name)}: truncated or corrupt data in columns {window.x0} to "
                    f"{window.x1}, rows {window.y0} to {window.y1}",
                    hint="fetch the file again; what is missing cannot be restored",
                ) from error
        if np.issubdtype(bands.dtype, np.floating):
            # NaN compares as False.
            valid &= np.all(np.abs(bands) < _SENTINEL, axis=0)
        return bands, valid

    def _declared_valid(self, place: Any, shape_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """Combine alpha, nodata and mask, as `shipseg.imaging.bands` does for whole pictures."""
        dataset, choice = self._dataset, self._choice
        valid = np.ones(shape_hw, np.bool_)
        if choice.alpha is not None:
            valid &= dataset.read(choice.alpha, window=place) != 0
        flags = {f.name for index in choice.indexes for f in dataset.mask_flag_enums[index - 1]}
        if "nodata" in flags or flags == {"per_dataset"}:
            valid &= (dataset.read_masks(choice.indexes, window=place) != 0).any(axis=0)
        return valid

    def _to_rgb(
        self, bands: npt.NDArray[Any], valid: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.uint8]:
        levels = bands if self._stretch is None else self._stretch.apply(bands)
        if self._dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES":
            levels = 255 - levels
        rgb = np.empty((*levels.shape[1:], 3), np.uint8)
        rgb[...] = levels.transpose(1, 2, 0)  # One grey band fills all three.
        rgb[~valid] = 0
        return rgb

    def _find_stretch(self) -> Stretch | None:
        """Decide limits once for the scene, from a grid of windows over it; 8 bits stay."""
        dtype = self._dataset.dtypes[self._choice.indexes[0] - 1]
        if dtype == "uint8":
            return None
        height, width = self.grid.shape_hw
        whole = max(height, width) <= _SAMPLE_WINDOWS * _SAMPLE_SIDE
        side = max(height, width) if whole else _SAMPLE_SIDE
        count = 1 if whole else _SAMPLE_WINDOWS
        values = []
        for y in np.unique(np.linspace(0, max(0, height - side), count).astype(int)):
            for x in np.unique(np.linspace(0, max(0, width - side), count).astype(int)):
                window = Window(int(x), int(y), min(int(x) + side, width), min(y + side, height))
                bands, valid = self._read_bands(window)
                values.append(bands[:, valid])
        sample = np.concatenate(values, axis=1)
        stretch = find_stretch(sample[:, None, :]) if sample.size else Stretch(0.0, 1.0)
        self.warnings += (
            f"{dtype} values from {stretch.low:g} to {stretch.high:g} were stretched to 0-255",
        )
        return stretch


@contextmanager
def open_scene(
    path: str | os.PathLike[str],
    *,
    bands: Sequence[int] | None = None,
    gsd_m: float | None = None,
    model_gsd_m: float = MODEL_GSD_M,
    valid_area: ValidArea | None = None,
) -> Iterator[Scene]:
    """Open a GeoTIFF, a COG, a JPEG 2000, or a PNG or JPEG too large to decode in one go.

    Sidecar files are not read, and nothing in the file can lead GDAL to another one.

    Args:
        path: The file.
        bands: Which bands, from 1, are red, green and blue, or one band as grey; None goes by
            their colour interpretation.
        gsd_m: Metres per pixel; None measures it in the middle of the scene.
        model_gsd_m: What the models were trained at; a scene more than 20 % off is resampled.
        valid_area: Where ships are wanted; None means everywhere.

    Raises:
        UsageError: There is no readable file.
        UnsupportedImageError: Another format, complex samples, or a palette.
        ImageTooLargeError: Too many bands, or internal tiles too large to read one.
        ImageError: The header is truncated or corrupt.
        BadInputError: `bands` or `gsd_m` do not fit.
    """
    path = Path(path)
    name = shown_name(os.fspath(path))
    if gsd_m is not None and not 0.01 <= gsd_m <= 1000:
        raise BadInputError(f"the GSD is {gsd_m} m, expected 0.01 to 1000")
    driver = driver_of(path)
    if driver is None:
        raise UnsupportedImageError(
            f"{name}: no GeoTIFF, JPEG 2000, PNG or JPEG",
            hint="convert it, for example with gdal_translate -of COG",
        )
    with ExitStack() as stack:
        stack.enter_context(
            rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_CACHEMAX=_CACHE_MB)
        )
        try:
            dataset = stack.enter_context(rasterio.open(str(path.absolute()), driver=driver))
        except Exception as error:  # GDAL's own errors are no RasterioError throughout.
            raise ImageError(
                f"{name}: the {driver} header is truncated or corrupt", hint="fetch the file again"
            ) from error
        yield Scene(
            dataset, path, bands=bands, gsd_m=gsd_m, model_gsd_m=model_gsd_m, valid_area=valid_area
        )


def driver_of(path: Path) -> str | None:
    """Name the GDAL driver for a file by its first bytes; None where no scene begins so."""
    with open_file(path, name=shown_name(os.fspath(path))) as stream:
        head = stream.read(16)
    if head.startswith(TIFF_MAGICS):
        return "GTiff"
    if head.startswith(_JPEG2000):
        return "JP2OpenJPEG"
    return next((name for name, magics in _DRIVERS.items() if head.startswith(magics)), None)


def is_scene(path: Path) -> bool:
    """Tell whether a file is to be read as a scene: georeferenced, or too large for one go.

    What cannot be opened is no scene: the tiles' door then says what is wrong with it.
    """
    from shipseg.errors import ShipsegError

    try:
        driver = driver_of(path)
        if driver is None:
            return False
        with (
            rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
            rasterio.open(str(path.absolute()), driver=driver) as dataset,
        ):
            large = dataset.width * dataset.height > DEFAULT_LIMITS.max_pixels
            large |= max(dataset.shape) > DEFAULT_LIMITS.max_side_px
            return driver == "JP2OpenJPEG" or large or dataset.crs is not None
    except (ShipsegError, rasterio.errors.RasterioError):
        return False


def _checked_choice(dataset: Any, bands: Sequence[int] | None, name: str) -> Choice:
    name, limits = shown_name(name), DEFAULT_LIMITS
    if dataset.count > limits.max_bands:
        raise ImageTooLargeError(
            f"{name}: {dataset.count:,} bands; the limit is {limits.max_bands:,} bands",
            hint="take out three bands, for example with gdal_translate -b",
        )
    choice = choose_bands(dataset)
    if bands is not None:
        if len(bands) not in (1, 3) or not all(1 <= index <= dataset.count for index in bands):
            raise BadInputError(
                f"{name}: bands {', '.join(map(str, bands))}, expected one or three of 1 to "
                f"{dataset.count}"
            )
        choice = Choice(tuple(bands), choice.alpha)
    if choice.palette:
        raise UnsupportedImageError(
            f"{name}: a palette, expected grey or RGB",
            hint="expand it, for example with gdal_translate -expand rgb",
        )
    dtypes = {dataset.dtypes[index - 1] for index in choice.indexes}
    if any(np.dtype(dtype).kind not in "iuf" for dtype in dtypes if dtype in np.sctypeDict) or any(
        "complex" in dtype for dtype in dtypes
    ):
        raise UnsupportedImageError(
            f"{name}: samples of dtype {', '.join(sorted(dtypes))}, expected integers or floats",
            hint="write the magnitude of complex samples to a raster of its own",
        )
    rows, columns = max(dataset.block_shapes)
    together = dataset.count if dataset.profile.get("interleave") == "pixel" else 1
    block = rows * columns * together * max(np.dtype(dtype).itemsize for dtype in dtypes)
    if block > limits.max_block_bytes:
        raise ImageTooLargeError(
            f"{name}: internal tiles of {columns:,} x {rows:,} px, {block:,} bytes each; the limit "
            f"is {limits.max_block_bytes:,} bytes",
            hint="rewrite it with gdal_translate -co TILED=YES",
        )
    return choice
