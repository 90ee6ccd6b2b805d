"""Two tags of a TIFF's first directory that GDAL does not report reliably."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO, Literal

_PHOTOMETRIC = 262
_ORIENTATION = 274
# Far more than any writer makes; keeps a forged count from reading a gigabyte.
_MAX_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class Tags:
    """What the first directory says.

    Attributes:
        photometric: The colour model's number, TIFF 6.0 tag 262; None if absent.
        orientation: As in EXIF, 1 to 8, tag 274; 1 if absent.
    """

    photometric: int | None
    orientation: int


def read_tags(stream: BinaryIO) -> Tags:
    """Read the first directory of a TIFF or BigTIFF; what is cut off counts as absent.

    GDAL, which opens the same file afterwards, is the judge of whether it is whole.

    Args:
        stream: A seekable file that begins with a TIFF's magic number.
    """
    stream.seek(0, os.SEEK_SET)
    head = stream.read(16)
    order: Literal["little", "big"] = "little" if head.startswith(b"II") else "big"

    def number(raw: bytes) -> int:
        return int.from_bytes(raw, order)

    big = number(head[2:4]) == 43
    count_bytes, entry_bytes, value_bytes = (8, 20, 8) if big else (2, 12, 4)
    directory_at = number(head[8:16] if big else head[4:8])
    if directory_at >= 1 << 63:
        return Tags(None, 1)
    stream.seek(directory_at)
    count = min(number(stream.read(count_bytes)), _MAX_ENTRIES)
    entries = stream.read(count * entry_bytes)
    values = {}
    for end in range(entry_bytes, len(entries) + 1, entry_bytes):
        entry = entries[end - entry_bytes : end]
        # Both tags are single 16-bit numbers, stored at the front of the value field.
        values[number(entry[:2])] = number(entry[-value_bytes:][:2])
    return Tags(values.get(_PHOTOMETRIC), values.get(_ORIENTATION, 1))
