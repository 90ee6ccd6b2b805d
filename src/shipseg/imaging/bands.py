"""From a raster's bands to RGB and a mask: which bands, which pixels, which scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.imaging.stretch import Bands, find_stretch

# Undeclared "no value" in float rasters is often the dtype's limit, ±3.4e38; nothing measured gets
# near it.
_SENTINEL = 1e38

Rgb = npt.NDArray[np.uint8]
Valid = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Choice:
    """The bands to show.

    Attributes:
        indexes: One band (grey or palette) or three, as red, green and blue; counted from 1.
        alpha: The alpha band, or None.
        palette: The one band holds indexes into a colour table.
        warnings: What the choice had to guess.
    """

    indexes: tuple[int, ...]
    alpha: int | None = None
    palette: bool = False
    warnings: tuple[str, ...] = ()


def choose_bands(dataset: Any) -> Choice:
    """Choose bands by their colour interpretation, the first ones where it says nothing."""
    names = [interpretation.name for interpretation in dataset.colorinterp]
    alpha = names.index("alpha") + 1 if "alpha" in names else None
    colours = [index for index, key in enumerate(names, 1) if key != "alpha"] or [1]
    if {"red", "green", "blue"} <= set(names):
        return Choice(tuple(names.index(key) + 1 for key in ("red", "green", "blue")), alpha)
    if names[colours[0] - 1] == "palette":
        return Choice((colours[0],), alpha, palette=True)
    if len(colours) == 1:
        return Choice((colours[0],), None if alpha == colours[0] else alpha)
    shown = tuple(colours[:3]) if len(colours) >= 3 else (colours[0],)
    return Choice(
        shown,
        alpha,
        warnings=(
            f"the bands do not say which is red, green and blue: of {len(colours)}, "
            + ("bands {}, {} and {} are" if len(shown) == 3 else "band {} is").format(*shown)
            + " shown",
        ),
    )


def read_rgb(dataset: Any, choice: Choice) -> tuple[Rgb, Valid | None, tuple[str, ...]]:
    """Read the chosen bands of a whole raster.

    uint8 is taken as it is; every other dtype is stretched by limits from the whole picture.

    Returns:
        (H, W, 3) uint8, (H, W) bool or None, and what to tell the reader.
    """
    bands: Bands = dataset.read(choice.indexes)
    valid = _declared_valid(dataset, choice)
    if choice.palette:
        rgb, valid = look_up(bands[0], dataset.colormap(choice.indexes[0]), valid)
        return rgb, valid, choice.warnings
    if np.issubdtype(bands.dtype, np.floating):
        valid = _both(valid, np.all(np.abs(bands) < _SENTINEL, axis=0))
    warnings = choice.warnings
    if bands.dtype == np.uint8:
        levels = widen(bands, dataset, choice)
    else:
        stretch = find_stretch(bands, valid)
        levels = stretch.apply(bands)
        limits = f"{stretch.low:g} to {stretch.high:g}"
        warnings += (f"{bands.dtype} values from {limits} were stretched to 0-255",)
    if dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES":
        levels = 255 - levels
    rgb = np.empty((*levels.shape[1:], 3), np.uint8)
    rgb[...] = levels.transpose(1, 2, 0)  # One grey band fills all three.
    return rgb, valid, warnings


def _declared_valid(dataset: Any, choice: Choice) -> Valid | None:
    """Combine alpha, nodata and mask.

    Alpha is read as it is, because GDAL's mask drops the low byte of 16 bits. A pixel is nodata
    when every shown band is: a dark sea with one channel at 0 stays, as rasterio has it too.
    """
    valid: Valid | None = None
    if choice.alpha is not None:
        valid = dataset.read(choice.alpha) != 0
    flags = {flag.name for index in choice.indexes for flag in dataset.mask_flag_enums[index - 1]}
    if "nodata" in flags or flags == {"per_dataset"}:
        valid = _both(valid, (dataset.read_masks(choice.indexes) != 0).any(axis=0))
    return valid


def _both(first: Valid | None, second: Valid) -> Valid:
    return second if first is None else first & second


def look_up(
    indexes: Bands, colours: dict[int, tuple[int, int, int, int]], valid: Valid | None
) -> tuple[Rgb, Valid | None]:
    """Look palette colours up; an index without an entry, or with alpha 0, is not valid."""
    table = np.zeros((np.iinfo(indexes.dtype).max + 1, 4), np.uint8)
    for index, colour in colours.items():
        table[index] = colour
    rgba = table[indexes]
    return np.ascontiguousarray(rgba[..., :3]), _both(valid, rgba[..., 3] > 0)


def widen(bands: Bands, dataset: Any, choice: Choice) -> Rgb:
    """Scale samples of fewer than 8 bits to 0..255."""
    bits = int(dataset.tags(choice.indexes[0], ns="IMAGE_STRUCTURE").get("NBITS", 8))
    if bits >= 8:
        return bands
    scale = 255 / (2**bits - 1)
    widened: Rgb = np.rint(np.minimum(bands, 2**bits - 1) * scale).astype(np.uint8)
    return widened
