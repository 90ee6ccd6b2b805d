"""The end of a ZIP: how large its list of entries claims to be, before anything reads it.

`zipfile` makes an object for each entry as it opens an archive, 0.7 kB for as little as 47 bytes.
Records of section 4.3 of PKWARE's APPNOTE: 16 is the end, 15 and 14 are those of ZIP64.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from shipseg.errors import BadInputError, UsageError
from shipseg.imaging.files import open_file

_END = struct.Struct("<4s4H2LH")
_LOCATOR_BYTES = 20
_END64 = struct.Struct("<4sQ2H2L4Q")
_MOST_COMMENT = 1 << 16


def check_directory(path: Path, *, max_bytes: int, max_entries: int) -> None:
    """Refuse an archive whose list of entries is over a cap, or that has none.

    Args:
        path: The file.
        max_bytes: Most bytes of the list.
        max_entries: Most entries, as the archive counts them.

    Raises:
        UsageError: There is no such file.
        BadInputError: It is no whole ZIP, or over a cap.
    """
    try:
        with open_file(path, name=str(path)) as file:
            found = _read(file)
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}") from error
    if found is None:
        raise BadInputError(
            f"'{path}' is no ZIP, or its end is missing",
            hint="was the download cut off? Give the command again without --archive",
        )
    entries, size = found
    if entries > max_entries or size > max_bytes:
        raise BadInputError(
            f"'{path}': a list of {entries:,} entries in {size:,} bytes, expected at most "
            f"{max_entries:,} in {max_bytes:,}; nothing was unpacked"
        )


def _read(file: BinaryIO) -> tuple[int, int] | None:
    """Return the number of entries and the bytes of their list; None where there is no end.

    It looks where `zipfile` does, not where the locator points: the two could be made to differ.
    """
    total = file.seek(0, 2)
    start = max(0, total - _END.size - _MOST_COMMENT)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        return None
    _, _, _, _, entries, size, _, _ = _END.unpack_from(tail, at)
    end64 = start + at - _LOCATOR_BYTES - _END64.size
    if end64 >= 0:
        file.seek(end64)
        found = _END64.unpack(file.read(_END64.size))
        if file.read(4) == b"PK\6\7" and found[0] == b"PK\6\6":
            entries, size = found[7], found[8]
    return entries, size
