"""Pillow's images as RGB and a mask: opening with one plugin, and the table of modes."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile

from shipseg.errors import ImageError, UnsupportedImageError

Rgb = npt.NDArray[np.uint8]
Valid = npt.NDArray[np.bool_]


def open_with(
    plugin: Callable[[io.BytesIO], ImageFile.ImageFile], data: bytes, *, name: str
) -> ImageFile.ImageFile:
    """Read a header with one of Pillow's plugins and no other.

    The plugin is called directly: `Image.open` would add its own cap on pixels, with warnings that
    cannot be kept from other threads.

    Raises:
        ImageError: The plugin does not understand the header.
    """
    try:
        return plugin(io.BytesIO(data))
    except Exception as error:  # Plugins let struct.error, SyntaxError, TypeError and more through.
        raise ImageError(f"{name}: the header is truncated or corrupt") from error


def load(image: ImageFile.ImageFile, *, name: str) -> None:
    """Decode the first frame's pixels.

    Raises:
        ImageError: They are truncated or corrupt.
    """
    try:
        image.load()
    except Exception as error:  # As in `open_with`.
        raise ImageError(
            f"{name}: truncated or corrupt {image.format} data",
            hint="fetch the file again; what is missing cannot be restored",
        ) from error


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 where there is none or the block is damaged."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # A damaged block of metadata is no reason to refuse whole pixels.
        return 1
    return value if isinstance(value, int) else 1


def orientation_of_block(block: bytes) -> int:
    """Return the orientation of a bare EXIF block, such as a PNG's; 1 where it has none."""
    exif = Image.Exif()
    try:
        exif.load(block)
        value = exif.get(ExifTags.Base.Orientation, 1)
    except Exception:  # As in `orientation_of`.
        return 1
    return value if isinstance(value, int) else 1


def to_rgb(image: Image.Image, *, name: str, bits: int = 8) -> tuple[Rgb, Valid | None]:
    """Convert a loaded image by the table of modes.

    Alpha 0 is nodata; any other alpha leaves the colour as it is stored, unblended.

    Args:
        image: A loaded image.
        name: The picture, for the message.
        bits: Bits per sample in the file; Pillow widens 2 and 4 to 8 but not the colour key.

    Returns:
        (H, W, 3) uint8 and (H, W) bool or None.

    Raises:
        UnsupportedImageError: The mode is not in the table.
    """
    convert = _MODES.get(image.mode)
    if convert is None:
        raise UnsupportedImageError(
            f"{name}: pixel mode {image.mode!r}, expected one of {', '.join(_MODES)}",
            hint="convert the picture to 8-bit RGB",
        )
    return convert(image, bits)


def _opaque(image: Image.Image, bits: int) -> tuple[Rgb, Valid | None]:
    """Convert grey, one-bit and RGB; a single colour may be declared transparent."""
    key = image.info.get("transparency")
    valid: Valid | None = None
    if isinstance(key, int):
        # Pillow gives the key of 1 bit as 0 or 255 already.
        scale = 255 // (2**bits - 1) if image.mode == "L" else 1
        valid = np.asarray(image.convert("L")) != key * scale
    elif isinstance(key, tuple):
        valid = (np.asarray(image) != np.array(key)).any(axis=2)
    return np.array(image.convert("RGB")), valid


def _palette(image: Image.Image, bits: int) -> tuple[Rgb, Valid | None]:
    """Look colours up; entries may be transparent one by one."""
    if "transparency" in image.info:
        return _alpha(image.convert("RGBA"), bits)
    return np.array(image.convert("RGB")), None


def _alpha(image: Image.Image, bits: int) -> tuple[Rgb, Valid | None]:
    """Split alpha from colour."""
    rgba = np.array(image.convert("RGBA"))
    return np.ascontiguousarray(rgba[..., :3]), rgba[..., 3] > 0


# Every mode that the PNG, WebP and BMP plugins give for samples of 8 bits or fewer. CMYK comes only
# from JPEG (jpeg.py); 16 bits, float, CMYK and LAB in TIFF go through GDAL (raster.py).
_MODES: dict[str, Callable[[Image.Image, int], tuple[Rgb, Valid | None]]] = {
    "1": _opaque,
    "L": _opaque,
    "RGB": _opaque,
    "P": _palette,
    "LA": _alpha,
    "RGBA": _alpha,
}
