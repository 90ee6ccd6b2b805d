"""Opening a picture's file."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from shipseg.errors import UsageError


def open_file(path: str | os.PathLike[str], *, name: str) -> BinaryIO:
    """Open a regular file for reading; a pipe could block for ever and a device never end.

    Args:
        path: Where the file is.
        name: What messages call it.

    Raises:
        UsageError: There is no readable regular file.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise UsageError(f"{name}: not a regular file")
        return Path(path).open("rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name.
        reason = (error.strerror if isinstance(error, OSError) else None) or "not a usable path"
        raise UsageError(f"{name}: cannot be read: {reason}") from error
