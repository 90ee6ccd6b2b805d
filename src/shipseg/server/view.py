"""A picture as the model sees it, and the way back to the caller's own pixels."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shipseg.errors import ImageTooLargeError, ShipsegError
from shipseg.imaging.decode import decode_image
from shipseg.imaging.formats import TIFF_MAGICS, shown_name
from shipseg.imaging.limits import DEFAULT_LIMITS, Limits
from shipseg.imaging.picture import Picture, make_picture
from shipseg.imaging.tiling import Window
from shipseg.scenes.open import MODEL_GSD_M, is_scene, open_scene
from shipseg.scenes.resample import Axis, resample
from shipseg.scenes.result import Grid

from rasterio import Affine  # isort: skip  after `shipseg.scenes.open`, which sets GDAL up


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One picture, decoded.

    Attributes:
        picture: On the working grid, on which ships are looked for.
        grid: Where the caller's own pixels lie.
        rows: The working grid's axis down.
        columns: The working grid's axis to the right.
        warnings: What reading had to assume.
    """

    picture: Picture
    grid: Grid
    rows: Axis
    columns: Axis
    warnings: tuple[str, ...]

    @property
    def resampled(self) -> bool:
        """Whether the model saw other pixels than the caller sent."""
        return self.rows.factor != 1 or self.columns.factor != 1


def open_view(data: bytes, name: str, *, most_pixels: int, gsd_m: float | None = None) -> View:
    """Decode a picture, or a whole georeferenced scene that is small enough.

    Args:
        data: The encoded bytes.
        name: What messages call it.
        most_pixels: Largest picture, in its own pixels and on the working grid.
        gsd_m: Metres per pixel, where the caller knows better than the file.

    Raises:
        ImageError: Of no supported format, too large, truncated or corrupt.
    """
    if data.startswith(TIFF_MAGICS):
        with as_file(data) as path, speaking_of(path, name):
            if is_scene(path):
                return _open_scene(path, most_pixels, gsd_m)
    limits = Limits(max_pixels=min(most_pixels, DEFAULT_LIMITS.max_pixels))
    picture = decode_image(data, limits=limits, name=name)
    factor = _factor(gsd_m)
    height, width = picture.shape_hw
    rows, columns = Axis(height, factor), Axis(width, factor)
    _check_working(rows, columns, most_pixels, name)
    warnings = picture.warnings
    if factor != 1:
        warnings += (f"resampled from {gsd_m:g} m to the model's {MODEL_GSD_M:g} m per pixel",)
        picture = _resampled(picture, rows, columns)
    grid = Grid((height, width), Affine.identity(), None, gsd_m)
    return View(picture, grid, rows, columns, warnings)


def _factor(gsd_m: float | None) -> float:
    """Decide how many own pixels make a working pixel, by the rules of `open_scene`."""
    if gsd_m is None or abs(gsd_m / MODEL_GSD_M - 1) <= 0.2:
        return 1.0
    return max(MODEL_GSD_M / gsd_m, 1 / 8)


def _resampled(picture: Picture, rows: Axis, columns: Axis) -> Picture:
    shape_hw = (rows.working, columns.working)
    valid = np.ones(picture.shape_hw, np.bool_) if picture.valid is None else picture.valid
    (y0, y1), (x0, x1) = rows.source(0, shape_hw[0]), columns.source(0, shape_hw[1])
    part = np.s_[y0:y1, x0:x1]
    rgb, inside = resample(picture.rgb[part], valid[part], rows, columns, (0, 0), shape_hw)
    return make_picture(rgb, inside)


def _open_scene(path: Path, most_pixels: int, gsd_m: float | None) -> View:
    with open_scene(path, gsd_m=gsd_m) as scene:
        _check_working(scene.rows, scene.columns, most_pixels, str(path))
        height, width = scene.shape_hw
        picture = scene.read(Window(0, 0, width, height))
        return View(picture, scene.grid, scene.rows, scene.columns, scene.warnings)


def _check_working(rows: Axis, columns: Axis, most_pixels: int, name: str) -> None:
    for height, width, where in (
        (rows.length, columns.length, ""),
        (rows.working, columns.working, f" at the model's {MODEL_GSD_M:g} m per pixel"),
    ):
        if height * width > most_pixels:
            raise ImageTooLargeError(
                f"{name}: {width:,} × {height:,} px (width × height){where}, "
                f"{height * width:,} pixels; the limit is {most_pixels:,} pixels"
            )


@contextmanager
def as_file(data: bytes) -> Iterator[Path]:
    """Lend a file with these bytes, under a name of ours, for as long as it is read."""
    with tempfile.NamedTemporaryFile(prefix="shipseg-", suffix=".tif") as file:
        file.write(data)
        file.flush()
        yield Path(file.name)


@contextmanager
def speaking_of(path: Path, name: str) -> Iterator[None]:
    """Let errors speak of the caller's name instead of a path on this machine."""
    try:
        yield
    except ShipsegError as error:
        for said in (str(path), shown_name(str(path)), path.name):
            error.message = error.message.replace(said, name)
        raise
