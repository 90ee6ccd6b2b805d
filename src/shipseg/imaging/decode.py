"""The only door for image bytes.

Order inside: cap on bytes, magic number, open with that one format, caps on sides and pixels, load,
mode table, EXIF orientation, RGB. Formats that hold several pictures (animated PNG and WebP,
multi-page TIFF, multi-picture JPEG) give their first one, with a warning; GIF is refused.
"""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
from PIL import BmpImagePlugin, WebPImagePlugin

from shipseg.errors import ImageError, UnsupportedImageError
from shipseg.imaging.files import open_file
from shipseg.imaging.formats import shown_name, sniff
from shipseg.imaging.jpeg import decode_jpeg
from shipseg.imaging.limits import DEFAULT_LIMITS, Limits, check_bytes, check_size
from shipseg.imaging.modes import load, open_with, orientation_of, to_rgb
from shipseg.imaging.picture import Picture, make_picture, orient
from shipseg.imaging.png import decode_png

# BI_RLE8 and BI_RLE4.
_BMP_RUN_LENGTHS = (1, 2)

__all__ = ["DEFAULT_LIMITS", "Limits", "Picture", "decode_image", "decode_tile", "read_image"]


def decode_image(data: bytes, *, limits: Limits = DEFAULT_LIMITS, name: str = "image") -> Picture:
    """Decode an encoded picture to upright RGB.

    Samples of 16 bits, 32 bits and floats are stretched (`shipseg.imaging.stretch`); 8 bits are
    taken as they are, and colour profiles are not applied.

    Args:
        data: JPEG, PNG, TIFF, WebP or BMP.
        limits: Caps on bytes, sides and pixels, checked before any pixel is decoded.
        name: What messages call the picture.

    Returns:
        The picture; `valid` is False where alpha is 0 or the file declares nodata.

    Raises:
        UnsupportedImageError: The bytes are of another format, or of pixels outside the mode table.
        ImageTooLargeError: The picture is over a cap.
        ImageError: The picture is truncated or corrupt.
    """
    return _decode(data, limits=limits, name=shown_name(name), upright=True)


def read_image(path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> Picture:
    """Decode a picture from a file; see `decode_image`.

    Raises:
        UsageError: There is no readable file at `path`.
    """
    name = shown_name(os.fspath(path))
    with open_file(path, name=name) as stream:
        check_bytes(os.fstat(stream.fileno()).st_size, limits=limits, name=name)
        data = stream.read()
    return decode_image(data, limits=limits, name=name)


def decode_tile(data: bytes, *, name: str) -> npt.NDArray[np.uint8]:
    """Decode a training tile exactly as it is stored: 3 ms for a JPEG of 768 × 768 px.

    The EXIF orientation is left alone, because the label table's masks are drawn on stored pixels.

    Args:
        data: JPEG on the fast road, any other format of `decode_image` on the general one.
        name: The tile's ImageId, for messages.

    Returns:
        (H, W, 3) uint8, C-contiguous.

    Raises:
        ImageError: The tile is truncated, corrupt or of no supported format.
    """
    return _decode(data, limits=DEFAULT_LIMITS, name=shown_name(name), upright=False).rgb


def _decode(data: bytes, *, limits: Limits, name: str, upright: bool) -> Picture:
    check_bytes(len(data), limits=limits, name=name)
    match sniff(data, name=name):
        case "JPEG":
            return decode_jpeg(data, limits=limits, name=name, upright=upright)
        case "PNG":
            return decode_png(data, limits=limits, name=name, upright=upright)
        case "WebP":
            return _decode_webp(data, limits=limits, name=name, upright=upright)
        case "BMP":
            return _decode_bmp(data, limits=limits, name=name)
        case "TIFF":
            # Imported here because GDAL takes a third of a second to load.
            from shipseg.imaging.raster import read_raster_picture

            return read_raster_picture(data, limits=limits, name=name, upright=upright)


def _decode_webp(data: bytes, *, limits: Limits, name: str, upright: bool) -> Picture:
    check_size(_webp_shape(data, name=name), limits=limits, name=name)
    image = open_with(WebPImagePlugin.WebPImageFile, data, name=name)
    frames = getattr(image, "n_frames", 1)
    load(image, name=name)
    rgb, valid = to_rgb(image, name=name)
    warnings = ("the WebP is animated; only its first picture was read",) if frames > 1 else ()
    picture = make_picture(rgb, valid, warnings)
    return orient(picture, orientation_of(image)) if upright else picture


def _webp_shape(data: bytes, *, name: str) -> tuple[int, int]:
    """Read height and width of the canvas: opening with libwebp allocates it at once.

    https://developers.google.com/speed/webp/docs/riff_container
    """
    kind, body = data[12:16], data[20:30]
    if len(body) == 10 and kind == b"VP8X":
        return 1 + int.from_bytes(body[7:10], "little"), 1 + int.from_bytes(body[4:7], "little")
    if len(body) == 10 and kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(body[i : i + 2], "little") & 0x3FFF for i in (6, 8))
        return height, width
    if len(body) >= 5 and kind == b"VP8L" and body[0] == 0x2F:
        sides = int.from_bytes(body[1:5], "little")
        return 1 + (sides >> 14 & 0x3FFF), 1 + (sides & 0x3FFF)
    raise ImageError(f"{name}: truncated or corrupt WebP: the header gives no size")


def _decode_bmp(data: bytes, *, limits: Limits, name: str) -> Picture:
    image = open_with(BmpImagePlugin.BmpImageFile, data, name=name)
    check_size((image.height, image.width), limits=limits, name=name)
    if image.info.get("compression") in _BMP_RUN_LENGTHS:
        # Run lengths may end early by specification, so a truncated file cannot be told.
        raise UnsupportedImageError(
            f"{name}: BMP with run-length compression, expected one without compression",
            hint="convert the picture to PNG",
        )
    load(image, name=name)
    rgb, valid = to_rgb(image, name=name)
    return make_picture(rgb, valid)
