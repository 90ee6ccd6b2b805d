"""Unpacking an archive from a stranger: all names are judged before the first byte is written.

Nothing lands outside the target, links are refused, and no more is inflated than was announced.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from shipseg.dataset.download.client import RESERVE_BYTES, check_room
from shipseg.dataset.download.directory import check_directory
from shipseg.dataset.download.judge import BAD_ARCHIVE, Entry, Limits, judge
from shipseg.dataset.whole import checksum, write_whole
from shipseg.errors import BadInputError, OutputExistsError
from shipseg.imaging.formats import shown_name

_CHUNK = 1 << 20
# What zipfile raises over bytes that are no archive; RuntimeError is its word for a password.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """An open archive whose entries are all judged harmless.

    Attributes:
        path: The file.
        entries: Its files, in their order.
    """

    path: Path
    entries: tuple[Entry, ...]
    _zip: zipfile.ZipFile

    @property
    def total_bytes(self) -> int:
        """Unpacked size of all files."""
        return sum(entry.size for entry in self.entries)

    def open(self, entry: Entry) -> IO[bytes]:
        """Open a file of the archive for reading."""
        return self._zip.open(entry.name)


@contextmanager
def open_archive(path: Path, *, limits: Limits | None = None) -> Iterator[Archive]:
    """Open a ZIP and judge all of its entries; nothing is unpacked.

    Args:
        path: The file.
        limits: Caps; None takes the usual ones.

    Raises:
        BadInputError: It is no ZIP, is damaged or cut off, is over a cap, or holds an entry that
            could do harm: a path out of the target, a link, a name that is there twice.
    """
    caps = limits or Limits()
    check_directory(path, max_bytes=caps.directory_bytes, max_entries=caps.entries)
    try:
        archive = zipfile.ZipFile(path)
    except (*_DAMAGED, ValueError, OverflowError) as error:
        raise BadInputError(
            f"'{path}' cannot be read as a ZIP: {error}", hint=BAD_ARCHIVE
        ) from error
    with archive:
        yield Archive(path, judge(archive, path, caps), archive)


def refuse_foreign(archive: Archive, target: Path) -> None:
    """Refuse a folder where files with the archive's names are not the archive's.

    Args:
        archive: The archive.
        target: A folder, perhaps with files in it.

    Raises:
        OutputExistsError: There are some.
    """
    there = [entry for entry in archive.entries if os.path.lexists(target / entry.name)]
    foreign = [entry for entry in there if checksum(target / entry.name) != (entry.size, entry.crc)]
    if foreign:
        more = f", and {len(foreign) - 1:,} more" if len(foreign) > 1 else ""
        raise OutputExistsError(
            f"'{target / foreign[0].name}' is there, and is not the archive's file{more}",
            hint="name another folder, or replace what is there with --overwrite",
        )


def unpack(archive: Archive, target: Path) -> Iterator[tuple[Entry, bool]]:
    """Unpack files one by one; each appears whole, with the size and checksum that it should have.

    What is there and right is left alone, and what differs is replaced; see `refuse_foreign`.

    Args:
        archive: The archive.
        target: An existing folder that only this process writes to.

    Yields:
        Each file, and whether it was there already.

    Raises:
        OutputExistsError: A folder is where a file shall be.
        BadInputError: A file is damaged, or a folder of the target is a link.
        DownloadError: The disk has no room.
    """
    folders = {(target / entry.name).parent for entry in archive.entries}
    for folder in sorted(folders):
        _refuse_links(folder, target)
        folder.mkdir(parents=True, exist_ok=True)
    left = [entry for entry in archive.entries if not _has_size(target / entry.name, entry.size)]
    need = sum(entry.size for entry in left) + RESERVE_BYTES
    check_room(target, need, f"unpacking {len(left):,} files")
    for entry in archive.entries:
        yield entry, _unpack(archive, entry, target / entry.name)


def _unpack(archive: Archive, entry: Entry, path: Path) -> bool:
    if checksum(path) == (entry.size, entry.crc):
        return True
    if path.is_dir() and not path.is_symlink():
        raise OutputExistsError(f"'{path}' is a folder, expected a file", hint="remove it first")
    try:
        write_whole(path, lambda beside: _inflate(archive, entry, beside))
    except _DAMAGED as error:
        raise BadInputError(
            f"'{archive.path}': {shown_name(entry.name)}: {error}", hint=BAD_ARCHIVE
        ) from error
    return False


def _inflate(archive: Archive, entry: Entry, beside: Path) -> None:
    """Write an entry chunk by chunk, never more than it announced."""
    size, crc = 0, 0
    with archive.open(entry) as packed, beside.open("xb") as file:
        while chunk := packed.read(_CHUNK):
            size, crc = size + len(chunk), zlib.crc32(chunk, crc)
            if size > entry.size:
                break
            file.write(chunk)
    if (size, crc) != (entry.size, entry.crc):
        raise zipfile.BadZipFile("the bytes are not those that the archive announced")


def _refuse_links(folder: Path, target: Path) -> None:
    """Refuse a folder on the way that is a link: it may lead out of the target."""
    for place in (folder, *folder.parents):
        if place == target:
            return
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise BadInputError(
                f"'{place}' is a link or a file, expected a folder", hint="remove it first"
            )


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
