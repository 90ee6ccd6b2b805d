"""What bytes are, by their first bytes; file names and media types are never asked."""

from __future__ import annotations

from typing import Final, Literal

from shipseg.errors import UnsupportedImageError

Format = Literal["JPEG", "PNG", "TIFF", "WebP", "BMP"]

SUPPORTED: Final = "JPEG, PNG, TIFF, WebP or BMP"

TIFF_MAGICS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# What people send instead of a picture; longer prefixes first where one begins another.
_FOREIGN: Final = (
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "an EPS or PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "an EPS document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"8BPS", "a Photoshop document"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\0\0\x01\0", "an icon"),
    (b"\x89HDF", "an HDF5 or netCDF file"),
    (b"NITF", "a NITF raster"),
    (b"SQLite format 3", "an SQLite database or GeoPackage"),
)
_MARKUP: Final = (
    (b"<svg", "an SVG drawing"),
    (b"<vrtdataset", "a GDAL virtual raster (VRT)"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
)
_BMP_HEADER_SIZES: Final = (12, 40, 52, 56, 64, 108, 124)


def shown_name(name: str) -> str:
    """Return `name` fit for one line of a message: printable, and not longer than 120 characters.

    Escape sequences, line ends and right-to-left overrides become `?`.
    """
    clean = "".join(letter if letter.isprintable() else "?" for letter in name)
    return clean if len(clean) <= 120 else f"{clean[:58]}…{clean[-61:]}"


def sniff(data: bytes, *, name: str) -> Format:
    """Tell the format of an encoded picture.

    Args:
        data: The bytes, or at least the first 1,024 of them.
        name: The picture, for the message.

    Raises:
        UnsupportedImageError: The bytes are of no supported format; the message says of which.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(TIFF_MAGICS):
        return "TIFF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    # Two letters alone would also fit a text that begins with "BM".
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    raise UnsupportedImageError(
        f"{name}: found {_name_foreign(data)}, expected {SUPPORTED}",
        hint="convert the picture to PNG or GeoTIFF, for example with gdal_translate",
    )


def _name_foreign(data: bytes) -> str:
    """Name bytes of no supported format, as well as their beginning tells."""
    if not data:
        return "an empty file"
    for magic, what in _FOREIGN:
        if data.startswith(magic):
            return what
    if data[4:8] == b"ftyp":
        return "an AVIF, HEIC or MP4 file"
    head = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for tag, what in _MARKUP:
        if head.startswith(tag) or (head.startswith((b"<?xml", b"<!--")) and tag in head):
            return what
    if head.startswith(b"<"):
        return "an XML or HTML document"
    return "bytes of an unknown format"
