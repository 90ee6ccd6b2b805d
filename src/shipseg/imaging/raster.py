"""The only door for rasters that GDAL reads: TIFF of any depth, and PNG of 16 bits.

Whole pictures and their pixels only. Sidecar files (.aux.xml, .msk, .ovr, .tfw) are not read. A
file cut short is always an error; damage inside a JPEG- or WebP-compressed strip is not, because
libtiff takes it with a warning.
"""

from __future__ import annotations

import io
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np

from shipseg.errors import ImageError, ImageTooLargeError, UnsupportedImageError
from shipseg.imaging.bands import Choice, choose_bands, read_rgb
from shipseg.imaging.files import open_file
from shipseg.imaging.formats import shown_name, sniff
from shipseg.imaging.gdal import rasterio
from shipseg.imaging.limits import DEFAULT_LIMITS, Limits, check_bytes, check_size
from shipseg.imaging.picture import Picture, make_picture, orient
from shipseg.imaging.tiff import read_tags

_INTEGERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
REAL_DTYPES = frozenset(_INTEGERS | {"float32", "float64"})
"""What samples may be; complex ones have no one brightness."""

# TIFF colour models that are values as they stand: grey, RGB, palette.
_PLAIN_COLOURS = (None, 0, 1, 2, 3)
# Those that GDAL converts to RGB at 8 bits, and what people call them.
_COLOUR_MODELS = {5: "CMYK", 6: "YCbCr", 8: "CIE LAB", 9: "ICC LAB", 10: "ITU LAB"}
_HINT = "fetch the file again; what is missing cannot be restored"

_Source = bytes | str | os.PathLike[str]


def read_raster_picture(
    source: bytes | str | os.PathLike[str],
    *,
    limits: Limits = DEFAULT_LIMITS,
    name: str | None = None,
    upright: bool = True,
) -> Picture:
    """Read a whole TIFF as RGB.

    uint8 red, green, blue are taken straight, one band as grey, a palette by its colours; GDAL
    converts CMYK, LAB and YCbCr. Other dtypes are stretched by limits from the whole picture. Which
    bands are shown follows their colour interpretation, or the first three with a warning. Of a
    multi-page file the first page is read, with a warning.

    Args:
        source: The file's bytes, or its path; a path must lead to a real file that is a TIFF, so
            no GDAL connection string gets through.
        limits: Caps on bytes, sides, pixels, bands, block size and decoded size, checked first.
        name: What messages call the picture; the path or "raster" when None.
        upright: Apply the orientation tag of a file without georeference. A georeference speaks of
            the stored grid, so there the tag is left alone.

    Returns:
        The picture; `valid` is False under alpha 0, nodata, an internal mask, NaN and infinity.

    Raises:
        UsageError: The path leads to no readable file.
        UnsupportedImageError: Not a TIFF, or complex or unknown samples.
        ImageTooLargeError: Over a cap.
        ImageError: Truncated or corrupt.
    """
    if name is None:
        name = "raster" if isinstance(source, bytes) else os.fspath(source)
    name = shown_name(name)
    stream = io.BytesIO(source) if isinstance(source, bytes) else open_file(source, name=name)
    with stream:
        check_bytes(stream.seek(0, os.SEEK_END), limits=limits, name=name)
        stream.seek(0)
        found = sniff(stream.read(1024), name=name)
        if found != "TIFF":
            raise UnsupportedImageError(f"{name}: found a {found}, expected a TIFF")
        tags = read_tags(stream)
    picture, georeferenced = _read(
        source, "GTiff", limits=limits, name=name, photometric=tags.photometric
    )
    return orient(picture, tags.orientation) if upright and not georeferenced else picture


def read_deep_png(
    data: bytes, *, limits: Limits, name: str, warnings: tuple[str, ...] = ()
) -> Picture:
    """Read a PNG of 16 bits whose completeness `png.py` has verified; see `read_raster_picture`."""
    picture, _ = _read(data, "PNG", limits=limits, name=name)
    return Picture(picture.rgb, picture.valid, warnings + picture.warnings)


def _read(
    source: _Source,
    driver: Literal["GTiff", "PNG"],
    *,
    limits: Limits,
    name: str,
    photometric: int | None = None,
) -> tuple[Picture, bool]:
    """Open with one driver, check the caps, read; tell whether the raster has a georeference."""
    with ExitStack() as stack:
        # Without a directory listing GDAL looks for no sidecar file.
        stack.enter_context(rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"))
        try:
            if isinstance(source, bytes):
                memory = stack.enter_context(rasterio.io.MemoryFile(source))
                dataset = stack.enter_context(memory.open(driver=driver))
            else:
                # Absolute, so that nothing in the name can be taken for a scheme.
                path = os.fspath(Path(source).absolute())
                dataset = stack.enter_context(rasterio.open(path, driver=driver))
        except Exception as error:  # GDAL's own errors are no RasterioError throughout.
            raise ImageError(
                f"{name}: the {driver} header is truncated or corrupt", hint=_HINT
            ) from error
        colour_warnings = check_colours(dataset, photometric, name=name)
        choice = choose_bands(dataset)
        _check_caps(dataset, choice, limits=limits, name=name)
        try:
            rgb, valid, warnings = read_rgb(dataset, choice)
            georeferenced = is_georeferenced(dataset)
            several = bool(dataset.subdatasets)
        except Exception as error:  # As above.
            raise ImageError(f"{name}: truncated or corrupt {driver} data", hint=_HINT) from error
    if several:
        warnings = ("the TIFF has several pages; only the first was read", *warnings)
    return make_picture(rgb, valid, colour_warnings + warnings), georeferenced


def check_colours(dataset: Any, photometric: int | None, *, name: str) -> tuple[str, ...]:
    """Refuse colour models whose numbers would be taken for red, green and blue.

    Returns:
        A warning where GDAL converts with little care for colour: white in LAB comes out yellowish.
    """
    names = {interpretation.name for interpretation in dataset.colorinterp}
    # Inks without names are how some programs label plain multispectral bands.
    unnamed_inks = photometric == 5 and "cyan" not in names
    if photometric in _PLAIN_COLOURS or unnamed_inks:
        return ()
    if photometric in _COLOUR_MODELS and "red" in names:
        # JPEG stores YCbCr and gives RGB back exactly.
        inexact = photometric != 6
        model = _COLOUR_MODELS[photometric]
        return (f"{model} was converted to RGB without a colour profile",) if inexact else ()
    model = _COLOUR_MODELS.get(photometric or 0, f"number {photometric}")
    raise UnsupportedImageError(
        f"{name}: colour model {model} with {dataset.dtypes[0]} samples, "
        "expected grey, palette, RGB, or CMYK, YCbCr and CIE LAB of 8 bits",
        hint="convert the picture to RGB",
    )


def _check_caps(dataset: Any, choice: Choice, *, limits: Limits, name: str) -> None:
    """Refuse what would cost too much to read, before anything is read."""
    shape_hw = (dataset.height, dataset.width)
    check_size(shape_hw, limits=limits, name=name)
    if dataset.count > limits.max_bands:
        raise ImageTooLargeError(
            f"{name}: {dataset.count:,} bands; the limit is {limits.max_bands:,} bands",
            hint="take out three bands, for example with gdal_translate -b",
        )
    dtypes = {dataset.dtypes[index - 1] for index in choice.indexes}
    if not dtypes <= REAL_DTYPES:
        raise UnsupportedImageError(
            f"{name}: samples of dtype {', '.join(sorted(dtypes - REAL_DTYPES))}, "
            "expected integers or floats",
            hint="write the magnitude of complex samples to a raster of its own",
        )
    sample_bytes = max(np.dtype(dtype).itemsize for dtype in dtypes)
    plane = shape_hw[0] * shape_hw[1] * sample_bytes
    if len(choice.indexes) * plane > limits.max_decoded_bytes:
        raise ImageTooLargeError(
            f"{name}: {len(choice.indexes) * plane:,} bytes when decoded; "
            f"the limit is {limits.max_decoded_bytes:,} bytes",
            hint="convert it to 8 or 16 bits, or cut it into smaller pictures",
        )
    block_hw = max(dataset.block_shapes)
    in_block = dataset.count if dataset.profile.get("interleave") == "pixel" else 1
    block = block_hw[0] * block_hw[1] * sample_bytes * in_block
    # A small picture in one strip is a block as large as itself, which costs nothing more.
    if block > max(limits.max_block_bytes, dataset.count * plane):
        raise ImageTooLargeError(
            f"{name}: internal tiles of {block_hw[1]:,} × {block_hw[0]:,} px, {block:,} bytes each;"
            f" the limit is {limits.max_block_bytes:,} bytes",
            hint="rewrite it with gdal_translate -co TILED=YES",
        )


def is_georeferenced(dataset: Any) -> bool:
    """Tell whether an open raster says anything about its place on the Earth."""
    return (
        dataset.crs is not None
        or not dataset.transform.is_identity
        or bool(dataset.gcps[0])
        or dataset.rpcs is not None
    )
