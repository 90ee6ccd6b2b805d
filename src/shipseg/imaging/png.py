"""PNG, with the completeness check that Pillow and GDAL leave out."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import PngImagePlugin

from shipseg.errors import ImageError, UnsupportedImageError
from shipseg.imaging.limits import Limits, check_size
from shipseg.imaging.modes import load, open_with, orientation_of_block, to_rgb
from shipseg.imaging.picture import Picture, make_picture, orient

# Colour type -> (samples per pixel, lawful bit depths); PNG specification, table 11.1.
_COLOUR_TYPES = {
    0: (1, (1, 2, 4, 8, 16)),
    2: (3, (8, 16)),
    3: (1, (1, 2, 4, 8)),
    4: (2, (8, 16)),
    6: (4, (8, 16)),
}
# Adam7: x and y offset, x and y step of each pass.
_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_STEP = 1 << 20
_HINT = "fetch the file again; what is missing cannot be restored"


@dataclass(frozen=True, slots=True)
class _Header:
    """The IHDR chunk."""

    width: int
    height: int
    bits: int
    colour_type: int
    interlaced: bool

    @property
    def inflated_bytes(self) -> int:
        """What the image data must inflate to: one filter byte and the samples of each row."""
        if not self.interlaced:
            return self.height * self._row_bytes(self.width)
        total = 0
        for x, y, step_x, step_y in _PASSES:
            columns = max(0, -(-(self.width - x) // step_x))
            rows = max(0, -(-(self.height - y) // step_y))
            total += rows * self._row_bytes(columns) if columns else 0
        return total

    def _row_bytes(self, columns: int) -> int:
        return 1 + -(-columns * _COLOUR_TYPES[self.colour_type][0] * self.bits // 8)


def decode_png(data: bytes, *, limits: Limits, name: str, upright: bool) -> Picture:
    """Decode a PNG; samples of 16 bits are stretched.

    Args:
        data: The encoded picture.
        limits: Caps, checked on the header.
        name: The picture, for messages.
        upright: Apply the orientation of the eXIf chunk.

    Raises:
        ImageTooLargeError: The header gives a size over a cap.
        ImageError: The data are truncated or corrupt.
    """
    header = _read_header(data, name=name)
    check_size((header.height, header.width), limits=limits, name=name)
    notes = _check_chunks(data, header, name=name)
    warnings = ("the PNG is animated; only its first picture was read",) if notes.animated else ()
    if header.bits == 16:
        # Pillow keeps only the high byte of 16-bit RGB. Importing GDAL takes a third of a second.
        from shipseg.imaging.raster import read_deep_png

        picture = read_deep_png(data, limits=limits, name=name, warnings=warnings)
    else:
        image = open_with(PngImagePlugin.PngImageFile, data, name=name)
        load(image, name=name)
        rgb, valid = to_rgb(image, name=name, bits=header.bits)
        picture = make_picture(rgb, valid, warnings)
    return orient(picture, orientation_of_block(notes.exif)) if upright and notes.exif else picture


def check_complete(data: bytes, *, name: str) -> None:
    """Refuse a PNG of any size that is cut short or corrupt, in constant memory.

    Args:
        data: The encoded picture; a memory map serves as well.
        name: The picture, for messages.

    Raises:
        ImageError: It is.
    """
    _check_chunks(data, _read_header(data, name=name), name=name)


def _read_header(data: bytes, *, name: str) -> _Header:
    """Read the IHDR chunk, which must come first."""
    if len(data) < 33 or data[8:16] != b"\0\0\0\x0dIHDR":
        raise ImageError(f"{name}: truncated or corrupt PNG: no header of 13 bytes", hint=_HINT)
    header = _Header(
        width=int.from_bytes(data[16:20], "big"),
        height=int.from_bytes(data[20:24], "big"),
        bits=data[24],
        colour_type=data[25],
        interlaced=data[28] == 1,
    )
    if header.bits not in _COLOUR_TYPES.get(header.colour_type, (0, ()))[1]:
        raise UnsupportedImageError(
            f"{name}: PNG with colour type {header.colour_type} and {header.bits} bits, "
            "a combination that the PNG specification does not have"
        )
    return header


@dataclass(slots=True)
class _Notes:
    """What the walk over the chunks came by."""

    animated: bool = False
    exif: bytes | None = None


def _check_chunks(data: bytes, header: _Header, *, name: str) -> _Notes:
    """Verify checksums and that the image data inflate to every row.

    A PNG cut inside its data and closed again with an end chunk has valid checksums, and decoders
    that do not count show its missing rows as black sea.
    """
    notes = _Notes()
    inflate = zlib.decompressobj()
    inflated = 0
    has_palette = False
    for kind, body in _chunks(data, name=name):
        if kind == b"IDAT":
            try:
                inflated += _inflated_length(inflate, body, header.inflated_bytes - inflated)
            except zlib.error as error:
                raise ImageError(f"{name}: corrupt PNG image data", hint=_HINT) from error
        elif kind == b"PLTE":
            has_palette = True
        elif kind == b"acTL":
            notes.animated = int.from_bytes(body[:4], "big") > 1
        elif kind == b"eXIf":
            notes.exif = bytes(body)
    if inflated < header.inflated_bytes:
        raise ImageError(
            f"{name}: truncated PNG: the image data inflate to {inflated:,} bytes, "
            f"{header.height:,} rows need {header.inflated_bytes:,}",
            hint=_HINT,
        )
    if header.colour_type == 3 and not has_palette:
        raise ImageError(f"{name}: corrupt PNG: palette colours without a palette")
    return notes


def _inflated_length(inflate: zlib._Decompress, body: memoryview, wanted: int) -> int:
    """Inflate one chunk a step at a time and count, up to a little more than `wanted` bytes."""
    count = 0
    pending: bytes | memoryview = body
    while count < wanted:
        piece = inflate.decompress(pending, _STEP)
        pending = inflate.unconsumed_tail
        count += len(piece)
        if not piece and not pending:
            break
    return count


def _chunks(data: bytes, *, name: str) -> Iterator[tuple[bytes, memoryview]]:
    """Yield type and body of every chunk up to IEND, checksums verified."""
    view = memoryview(data)
    at = 8
    while True:
        length = int.from_bytes(view[at : at + 4], "big")
        kind = bytes(view[at + 4 : at + 8])
        end = at + 12 + length
        if len(kind) < 4 or end > len(data):
            raise ImageError(
                f"{name}: truncated PNG: the file ends at byte {len(data):,} inside a chunk",
                hint=_HINT,
            )
        stored = int.from_bytes(view[end - 4 : end], "big")
        if zlib.crc32(view[at + 4 : end - 4]) != stored:
            raise ImageError(
                f"{name}: corrupt PNG: wrong checksum of the chunk at byte {at:,}", hint=_HINT
            )
        yield kind, view[at + 8 : end - 4]
        if kind == b"IEND":
            return
        at = end
