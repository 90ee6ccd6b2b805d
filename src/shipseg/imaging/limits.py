"""How much a picture may ask for, checked before any pixel is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from shipseg.errors import ImageTooLargeError, UnsupportedImageError

_HINT = "cut it into smaller pictures, or raise the limit with shipseg.imaging.limits.Limits"


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one picture; each refusal names the figure that was found and the cap.

    Attributes:
        max_bytes: Encoded size.
        max_pixels: Height × width. 128 million holds an 11,000 × 11,000 px picture, 384 MB as RGB.
        max_side_px: The longer side; 65,000 stays inside the 16 bits of JPEG and common viewers.
        max_bands: Bands of a raster. Hyperspectral instruments have about 250.
        max_block_bytes: One internal tile or strip of a raster, decoded, unless the whole raster is
            no larger: reading a single pixel decodes its whole block.
        max_decoded_bytes: The bands that are read, in the raster's own dtype.
    """

    max_bytes: int = 512 * 1024**2
    max_pixels: int = 128_000_000
    max_side_px: int = 65_000
    max_bands: int = 256
    max_block_bytes: int = 128 * 1024**2
    max_decoded_bytes: int = 1024**3


DEFAULT_LIMITS = Limits()


def check_bytes(count: int, *, limits: Limits, name: str) -> None:
    """Refuse an encoded picture over `limits.max_bytes`.

    Raises:
        ImageTooLargeError: The picture is over the cap.
    """
    if count > limits.max_bytes:
        raise ImageTooLargeError(
            f"{name}: {count:,} bytes; the limit is {limits.max_bytes:,} bytes", hint=_HINT
        )


def check_size(shape_hw: tuple[int, int], *, limits: Limits, name: str) -> None:
    """Refuse a picture without pixels, or over the caps on sides and pixels.

    Args:
        shape_hw: Height and width as the header gives them, in pixels.
        limits: The caps.
        name: The picture, for the message.

    Raises:
        UnsupportedImageError: A side is 0.
        ImageTooLargeError: A side or the product is over its cap.
    """
    height, width = shape_hw
    size = f"{name}: {width:,} × {height:,} px (width × height)"
    if height < 1 or width < 1:
        raise UnsupportedImageError(
            f"{size} holds no pixel; each side must be from 1 to {limits.max_side_px:,} px"
        )
    if max(height, width) > limits.max_side_px:
        raise ImageTooLargeError(
            f"{size}; the limit for a side is {limits.max_side_px:,} px", hint=_HINT
        )
    if height * width > limits.max_pixels:
        raise ImageTooLargeError(
            f"{size}, {height * width:,} pixels; the limit is {limits.max_pixels:,} pixels",
            hint=_HINT,
        )
