"""Tiles that failed: how they are named, and what the command's exit code says of them."""

from __future__ import annotations

from pathlib import Path

from shipseg.errors import ShipsegError
from shipseg.imaging.formats import shown_name


def reason_of(error: ShipsegError | None, path: Path) -> str:
    """Give the reason on one line, without the folder it was found in.

    Tables are the same then wherever the tiles lie, and the tile's name stands beside it already.
    """
    message = "no result" if error is None else error.message
    return " ".join(message.removeprefix(f"{shown_name(str(path))}: ").split())


def exit_code_of(failed: int, tiles: int) -> int:
    """Give 0 when all went well, 4 when some tiles failed, 3 when none could be read."""
    if not failed:
        return 0
    return 3 if failed == tiles else 4
