"""Unpacking an archive from a stranger: all names are judged before the first byte is written.

Nothing lands outside the target, links are refused, and no more is inflated than was announced.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from shipseg.dataset.download.client import RESERVE_BYTES, check_room
from shipseg.dataset.download.directory import check_directory
from shipseg.dataset.whole import checksum, sweep, write_whole
from shipseg.errors import BadInputError, OutputExistsError
from shipseg.imaging.formats import shown_name

_CHUNK = 1 << 20
_DRIVE = re.compile(r"[A-Za-z]:")
# What zipfile raises over bytes that are no archive; RuntimeError is its word for a password.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError,
)  # fmt: skip
_BAD_ARCHIVE = "the archive is damaged or was made to harm; remove it and download it again"


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on an archive.

    Attributes:
        entries: Files and folders. The challenge's has 208,164 files.
        directory_bytes: Size of the list of entries, which has to fit into the memory.
        total_bytes: Unpacked size of all files: twice that of the challenge.
        ratio: Unpacked over packed size of a file. Tables reach 10, tiles 1, and a bomb 1,000.
        free_ratio_bytes: Files up to this size may have any ratio.
    """

    entries: int = 500_000
    directory_bytes: int = 64 * 2**20
    total_bytes: int = 64 * 2**30
    ratio: float = 100.0
    free_ratio_bytes: int = 2**20


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive, judged harmless.

    Attributes:
        name: Its path, with `/`, below the target.
        size: Unpacked size in bytes.
        crc: CRC-32 of the unpacked bytes.
    """

    name: str
    size: int
    crc: int


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
            f"'{path}' cannot be read as a ZIP: {error}", hint=_BAD_ARCHIVE
        ) from error
    with archive:
        yield Archive(path, _judge(archive, path, caps), archive)


def unpack(archive: Archive, target: Path, *, replace: bool) -> Iterator[tuple[Entry, bool]]:
    """Unpack files one by one; each appears whole, with the size and checksum that it should have.

    Args:
        archive: The archive.
        target: An existing folder that only this process writes to.
        replace: Whether a file that is there, and differs, may be replaced.

    Yields:
        Each file, and whether it was there already.

    Raises:
        OutputExistsError: A file is there, differs, and `replace` is False.
        BadInputError: A file is damaged, or a folder of the target is a link.
        DownloadError: The disk has no room.
    """
    folders = {(target / entry.name).parent for entry in archive.entries}
    for folder in sorted(folders):
        _refuse_links(folder, target)
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
    left = [entry for entry in archive.entries if not _has_size(target / entry.name, entry.size)]
    need = sum(entry.size for entry in left) + RESERVE_BYTES
    check_room(target, need, f"unpacking {len(left):,} files")
    for entry in archive.entries:
        kept = _unpack(archive, entry, target / entry.name, replace=replace)
        yield entry, kept


def _unpack(archive: Archive, entry: Entry, path: Path, *, replace: bool) -> bool:
    there = checksum(path)
    if there == (entry.size, entry.crc):
        return True
    if path.is_dir() and not path.is_symlink():
        raise OutputExistsError(f"'{path}' is a folder, expected a file", hint="remove it first")
    if (there is not None or path.is_symlink()) and not replace:
        raise OutputExistsError(
            f"'{path}' is there, and is not the archive's file",
            hint="name another folder, or replace it with --overwrite",
        )
    try:
        write_whole(path, lambda beside: _inflate(archive, entry, beside))
    except _DAMAGED as error:
        raise BadInputError(
            f"'{archive.path}': {shown_name(entry.name)}: {error}", hint=_BAD_ARCHIVE
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


def _judge(archive: zipfile.ZipFile, path: Path, limits: Limits) -> tuple[Entry, ...]:
    found = archive.infolist()
    if len(found) > limits.entries:
        raise _harm(path, f"{len(found):,} entries, expected at most {limits.entries:,}")
    files = [entry for entry in found if not _is_folder(entry)]
    for entry in found:
        reason = _fault(entry, limits)
        if reason:
            raise _harm(path, f"{shown_name(entry.filename)}: {reason}")
    _refuse_shared(path, found, files)
    _check_sizes(path, files, limits)
    return tuple(Entry(entry.filename, entry.file_size, entry.CRC) for entry in files)


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.endswith("/")


def _fault(entry: zipfile.ZipInfo, limits: Limits) -> str | None:
    """Say why an entry is not unpacked; None for a plain file or folder."""
    # zipfile cuts names at a NUL; what they were is still there.
    name = entry.orig_filename
    parts = name.removesuffix("/").split("/")
    if name.startswith("/") or "\\" in name or _DRIVE.match(name):
        return "an absolute path, or one of another system"
    if not name.isprintable():
        return "a control character in the name"
    if any(part in ("", ".", "..") for part in parts):
        return "a path that leads out of the folder"
    if any(len(part.encode()) > 250 for part in parts):
        return "a name of more than 250 bytes"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG):
        return "a link or device, expected files and folders"
    if entry.flag_bits & 1:
        return "encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"packed by method {entry.compress_type}, expected stored or deflated"
    over = entry.file_size > max(limits.ratio * entry.compress_size, limits.free_ratio_bytes)
    return f"{entry.file_size:,} bytes out of {entry.compress_size:,}" if over else None


def _refuse_shared(
    path: Path, found: Sequence[zipfile.ZipInfo], files: Sequence[zipfile.ZipInfo]
) -> None:
    """Refuse names that are there twice, also where case does not count, or are file and folder."""
    names = [entry.filename.removesuffix("/").casefold() for entry in found]
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _harm(path, f"{shown_name(name)}: a name that is there twice")
        seen.add(name)
    for entry in files:
        if entry.filename.casefold() in folders:
            raise _harm(path, f"{shown_name(entry.filename)}: both a file and a folder")


def _check_sizes(path: Path, files: Sequence[zipfile.ZipInfo], limits: Limits) -> None:
    total = sum(entry.file_size for entry in files)
    if total > limits.total_bytes:
        raise _harm(path, f"{total:,} bytes unpacked, expected at most {limits.total_bytes:,}")
    packed = sum(entry.compress_size for entry in files)
    size = path.stat().st_size
    if packed > size:
        # Entries that share their bytes are how a small file claims to hold a lot.
        raise _harm(path, f"entries of {packed:,} bytes in a file of {size:,}")


def _harm(path: Path, reason: str) -> BadInputError:
    return BadInputError(f"'{path}': {reason}; nothing was unpacked", hint=_BAD_ARCHIVE)


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
