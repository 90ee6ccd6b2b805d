"""Many small files, each whole or absent, and one process at a time in their folder.

`shipseg.files` flushes every file to the disk, which takes some milliseconds: an hour for the
208,000 files of the challenge. Here only the rename is promised. Whoever goes on after a power cut
has to check what it finds by its checksum.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shipseg.errors import UsageError

LOCK = ".lock"
"""What `hold` leaves in a folder."""

_CHUNK = 1 << 20
# Another disk, a file system without links, a file with too many of them, links forbidden.
_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS)


def write_whole(target: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside the target, and rename it into place.

    Args:
        target: A file in a folder that only this process writes to; one already there is replaced.
        write: Makes the file at the path it is given, where nothing is.
    """
    beside = beside_of(target)
    beside.unlink(missing_ok=True)
    try:
        write(beside)
        beside.replace(target)
    finally:
        # Renaming a link over another link to the same file does nothing, and leaves it there.
        beside.unlink(missing_ok=True)


def write_bytes(target: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all."""
    write_whole(target, lambda beside: beside.write_bytes(data))


def link_or_copy(source: Path, target: Path, data: bytes) -> bool:
    """Make a hard link to a file, or a copy where the file system has no such link.

    Args:
        source: The file.
        target: Where it shall appear.
        data: The file's bytes.

    Returns:
        True for a link, False for a copy.
    """
    try:
        # A link to a symbolic link would dangle once the folder is moved.
        write_whole(target, lambda beside: os.link(os.path.realpath(source), beside))
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        write_bytes(target, data)
        return False
    return True


def beside_of(target: Path) -> Path:
    """Name the file that becomes `target` once it is whole."""
    return target.with_name(f".{target.name}.tmp")


def remove(target: Path) -> None:
    """Remove a file, and what a killed process was writing beside it; neither has to be there."""
    target.unlink(missing_ok=True)
    remove_torn(target)


def remove_torn(target: Path) -> None:
    """Remove what a killed process was writing beside a file."""
    beside_of(target).unlink(missing_ok=True)
    # `shipseg.files` puts something random into the name.
    for torn in target.parent.glob(f".{glob.escape(target.stem[:40])}.*.tmp{target.suffix}"):
        torn.unlink()


def checksum(path: Path) -> tuple[int, int] | None:
    """Give the size in bytes and the CRC-32 of a regular file; None where there is none."""
    if path.is_symlink() or not path.is_file():
        return None
    crc, size = 0, 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
    return size, crc


def free_bytes(folder: Path) -> int:
    """Say how much room is left on the disk of a folder, or of its nearest parent that is there."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


@contextmanager
def hold(folder: Path, doing: str) -> Iterator[None]:
    """Hold a folder for this process; one that is killed lets go by itself.

    Args:
        folder: It exists.
        doing: What this process does there, for the message.

    Raises:
        UsageError: Another process holds it.
    """
    path = folder / LOCK
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"another process is {doing} '{folder}'",
                hint="wait for it, stop it, or name another folder with -o",
            ) from None
        yield


def is_unused(folder: Path) -> bool:
    """Say whether a folder is not there, or a run that wrote nothing has been in it."""
    return not folder.is_dir() or all(map(_is_ours, folder.iterdir()))


def drop_if_unused(folder: Path) -> None:
    """Remove a folder that a run has made, and ended before it wrote anything."""
    if folder.is_dir() and is_unused(folder):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _is_ours(path: Path) -> bool:
    """Tell the lock, and a file that was torn as it was written, from what a person has put there.

    The first file of a run is a JSON that says what the run is.
    """
    return path.name == LOCK or (path.name.startswith(".") and path.match(".*.tmp.json"))
