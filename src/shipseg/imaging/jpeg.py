"""JPEG through libjpeg-turbo, refusing what a lenient decoder fills with grey."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import JpegImagePlugin

from shipseg.errors import ImageError
from shipseg.imaging.limits import Limits, check_size
from shipseg.imaging.modes import open_with, orientation_of
from shipseg.imaging.picture import Picture, make_picture, orient

# In entropy-coded data 0xFF is followed by 0x00, a restart marker or another 0xFF; anything else
# is the next marker.
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA})
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
# libjpeg-turbo's own tools stop there: every scan passes over all pixels, so that a few kilobytes
# of empty scans could keep a core busy for minutes. Encoders write about ten.
_MAX_SCANS = 500
_HINT = "fetch the file again; what is missing cannot be restored"


def decode_jpeg(data: bytes, *, limits: Limits, name: str, upright: bool) -> Picture:
    """Decode a JPEG of one, three or four components.

    Args:
        data: The encoded picture.
        limits: Caps, checked on the header.
        name: The picture, for messages.
        upright: Apply the EXIF orientation.

    Raises:
        ImageTooLargeError: The header gives a size over a cap.
        ImageError: The data are truncated or corrupt.
    """
    image = open_with(JpegImagePlugin.JpegImageFile, data, name=name)
    check_size((image.height, image.width), limits=limits, name=name)
    warnings: tuple[str, ...] = ()
    if "mpoffset" in image.info:
        warnings += ("the file holds several pictures; only the first was read",)
    if image.mode == "CMYK":
        warnings += ("CMYK was converted to RGB without a colour profile",)
        rgb = _cmyk_to_rgb(decode_jpeg_strictly(data, "CMYK", name=name))
    else:
        rgb = decode_jpeg_strictly(data, "RGB", name=name)
    picture = make_picture(rgb, warnings=warnings)
    return orient(picture, orientation_of(image)) if upright else picture


def decode_jpeg_strictly(data: bytes, colours: str, *, name: str) -> npt.NDArray[np.uint8]:
    """Decode a JPEG's samples, or fail where libjpeg would only warn.

    Pillow takes any JPEG that ends in an end marker, however early, and fills the rest with grey.
    Strict mode makes an error of libjpeg's warnings; a progressive file cut between two of its
    scans is lawful for libjpeg even then, so the scans are followed here.

    Args:
        data: The encoded picture, header checked.
        colours: "RGB" (grey is repeated) or "CMYK".
        name: The picture, for messages.

    Returns:
        (H, W, C) uint8.

    Raises:
        ImageError: The data are truncated or corrupt.
    """
    fault = _fault_of_scans(data)
    if fault is not None:
        raise ImageError(f"{name}: truncated or corrupt JPEG ({fault})", hint=_HINT)
    try:
        samples: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colours, strict=True)
    except ValueError as error:
        raise ImageError(f"{name}: truncated or corrupt JPEG ({error})", hint=_HINT) from error
    return samples


def _cmyk_to_rgb(cmyk: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Convert stored CMYK to RGB.

    JPEGs hold CMYK inverted, 255 for no ink, as Photoshop began it; Pillow and the browsers read
    every four-component JPEG that way, marked by Adobe or not. So R = C · K / 255.
    """
    rgb = np.empty((*cmyk.shape[:2], 3), np.uint8)
    black = cmyk[..., 3].astype(np.uint16)
    for channel in range(3):
        rgb[..., channel] = (cmyk[..., channel] * black + 127) // 255
    return rgb


def _fault_of_scans(data: bytes) -> str | None:
    """Follow the scans; each must do its part to bring every coefficient to its last bit.

    Returns:
        What is wrong with them, or None. None as well where the segments cannot be followed:
        libjpeg then names the fault itself.
    """
    missing: dict[int, set[int]] = {}
    progressive = False
    scans = 0
    at = 2
    try:
        while True:
            while data[at] == 0xFF and data[at + 1] == 0xFF:
                at += 1
            marker = data[at + 1]
            if data[at] != 0xFF or marker == _END_OF_IMAGE:
                break
            length = int.from_bytes(data[at + 2 : at + 4], "big")
            body = data[at + 4 : at + 2 + length]
            at += 2 + length
            if marker in _START_OF_FRAME:
                progressive = marker in _PROGRESSIVE
                missing = {body[6 + 3 * i]: set(range(64)) for i in range(body[5])}
            elif marker == _START_OF_SCAN:
                scans += 1
                _strike_out(missing, body)
                if scans > _MAX_SCANS:
                    return f"more than {_MAX_SCANS} scans"
                # The one scan of a baseline file is its whole data: no need to search them.
                if not progressive and not any(missing.values()):
                    return None
                following = _NEXT_MARKER.search(data, at)
                if following is None:
                    break
                at = following.start()
    except (IndexError, KeyError, ValueError):
        return None
    return "scans are missing before its end" if any(missing.values()) else None


def _strike_out(missing: dict[int, set[int]], scan_header: bytes) -> None:
    """Take out of `missing`, per component, the coefficients that a scan completes."""
    count = scan_header[0]
    first, last, approximation = scan_header[1 + 2 * count : 4 + 2 * count]
    if approximation & 0x0F == 0:  # Otherwise low bits are left for a later scan.
        for i in range(count):
            missing[scan_header[1 + 2 * i]].difference_update(range(first, last + 1))
