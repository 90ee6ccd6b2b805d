"""A scene's pixels: windows of it as pictures, on the grid that the models know."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.errors import ImageError
from shipseg.imaging.bands import Choice, look_up, widen
from shipseg.imaging.formats import shown_name
from shipseg.imaging.picture import Picture, make_picture
from shipseg.imaging.stretch import Stretch, find_stretch
from shipseg.imaging.tiling import Window
from shipseg.scenes.grid import pixel_size_m
from shipseg.scenes.resample import Axis, resample
from shipseg.scenes.result import Grid
from shipseg.scenes.sample import sample_pixels

MODEL_GSD_M = 1.5
"""Metres per pixel of the tiles that the models learn from."""

ValidArea = Callable[[Window], npt.NDArray[np.bool_]]
"""A window in scene pixels to (h, w) bool, True inside the area of interest."""

# Within this share of the model's GSD a scene is taken as it is: the training's own zoom covers it.
_CLOSE = 0.2
# Beyond this a pixel would be blown up to 8 x 8, and no ship would be more than two of them.
_MOST_ZOOM = 8.0
# Largest side of what is read at once to be resampled, in scene pixels.
_PIECE_PX = 1024
# Undeclared "no value" of float rasters, as in `shipseg.imaging.bands`.
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
        choice: Choice,
        *,
        gsd_m: float | None,
        model_gsd_m: float,
        warnings: tuple[str, ...] = (),
    ) -> None:
        """Take what `shipseg.scenes.open.open_scene` has opened and checked."""
        self.path, self.name = path, path.name
        self._dataset, self._lock, self._choice = dataset, threading.Lock(), choice
        self._area: ValidArea | None = None
        self.warnings = warnings
        shape_hw = (dataset.height, dataset.width)
        sizes = self._sizes(shape_hw, gsd_m)
        self.grid = Grid(
            shape_hw, dataset.transform, dataset.crs, None if sizes is None else sum(sizes) / 2
        )
        factors = self._factors(sizes, model_gsd_m)
        self.columns, self.rows = Axis(shape_hw[1], factors[0]), Axis(shape_hw[0], factors[1])
        self._stretch = self._find_stretch()

    def limit_to(self, area: ValidArea | None) -> None:
        """Look for ships inside an area only; None means everywhere.

        The stretch stays the whole scene's, so that an area changes nothing inside it.
        """
        self._area = area

    @property
    def shape_hw(self) -> tuple[int, int]:
        """Height and width of the working grid, on which ships are looked for."""
        return self.rows.working, self.columns.working

    def read(self, window: Window) -> Picture:
        """Read a window of the working grid.

        Raises:
            ImageError: The file is truncated or corrupt there.
        """
        if self.rows.factor == 1 and self.columns.factor == 1:
            return make_picture(*self._read_scene(window))
        rgb = np.empty((*window.shape_hw, 3), np.uint8)
        valid = np.empty(window.shape_hw, np.bool_)
        # Piece by piece: of a finer scene a window's own pixels may be hundreds of millions.
        (y0, x0), (height, width) = (window.y0, window.x0), window.shape_hw
        for top, bottom in _pieces(height, self.rows.factor):
            for left, right in _pieces(width, self.columns.factor):
                piece = Window(x0 + left, y0 + top, x0 + right, y0 + bottom)
                place = np.s_[top:bottom, left:right]
                rgb[place], valid[place] = self._read_resampled(piece)
        return make_picture(rgb, valid)

    def _read_resampled(
        self, window: Window
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        (y0, y1), (x0, x1) = (
            self.rows.source(window.y0, window.y1), self.columns.source(window.x0, window.x1),
        )  # fmt: skip
        rgb, valid = self._read_scene(Window(x0, y0, x1, y1))
        corner = (window.x0, window.y0)
        return resample(rgb, valid, self.rows, self.columns, corner, window.shape_hw)

    def _read_scene(self, source: Window) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        """Read a window of the scene's own pixels: colours, black under nodata, and the mask."""
        bands, valid = self._read_bands(source)
        if self._area is not None:
            valid &= self._area(source)
        if self._choice.palette:
            colours = self._dataset.colormap(self._choice.indexes[0])
            rgb, seen = look_up(bands[0], colours, valid)
            valid = valid if seen is None else seen
        else:
            rgb = self._to_rgb(bands)
        rgb[~valid] = 0
        return rgb, valid

    def _sizes(self, shape_hw: tuple[int, int], gsd_m: float | None) -> tuple[float, float] | None:
        """Measure a pixel, and say what is unusual about the georeference."""
        dataset, said = self._dataset, []
        transform = dataset.transform
        sizes = pixel_size_m(shape_hw, transform, dataset.crs)
        if dataset.crs is None and (dataset.gcps[0] or dataset.rpcs is not None):
            said.append(
                "placed by control points or RPCs only, which are not used: ships have no longitude"
                " and latitude; warp the scene first, for example with gdalwarp"
            )
        elif dataset.crs is None:
            said.append("no CRS: ships have no longitude and latitude")
        elif transform.is_identity:
            said.append("a CRS without a transform: ships have no longitude and latitude")
        elif sizes is None:
            said.append("a CRS with no way to longitude and latitude: ships have none")
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

    def _to_rgb(self, bands: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        if self._stretch is None:
            levels = widen(bands, self._dataset, self._choice)
        else:
            levels = self._stretch.apply(bands)
        if self._dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES":
            levels = 255 - levels
        rgb = np.empty((*levels.shape[1:], 3), np.uint8)
        rgb[...] = levels.transpose(1, 2, 0)  # One grey band fills all three.
        return rgb

    def _find_stretch(self) -> Stretch | None:
        """Decide limits once for the scene, from windows spread over it; 8 bits stay."""
        dtype = self._dataset.dtypes[self._choice.indexes[0] - 1]
        if dtype == "uint8" or self._choice.palette:
            return None
        sample = sample_pixels(self._read_bands, self.grid.shape_hw)
        stretch = find_stretch(sample[:, None, :])
        self.warnings += (
            f"{dtype} values from {stretch.low:g} to {stretch.high:g} were stretched to 0-255",
        )
        return stretch


def _pieces(length: int, factor: float) -> list[tuple[int, int]]:
    """Part working pixels so that each part is made of few enough of the scene's."""
    step = max(1, int(_PIECE_PX / factor) - 2)
    return [(start, min(start + step, length)) for start in range(0, length, step)]
