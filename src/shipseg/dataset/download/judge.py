"""Whether what an archive lists may be unpacked, decided before the first byte is written."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from shipseg.errors import BadInputError
from shipseg.imaging.formats import shown_name

BAD_ARCHIVE = "the archive is damaged or was made to harm; remove it and download it again"
_DRIVE = re.compile(r"[A-Za-z]:")


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


def judge(archive: zipfile.ZipFile, path: Path, limits: Limits) -> tuple[Entry, ...]:
    """Look at all entries of an archive; give its files if none of them could do harm.

    Args:
        archive: The open archive.
        path: Its file, for messages.
        limits: Caps.

    Raises:
        BadInputError: One could.
    """
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
    return BadInputError(f"'{path}': {reason}; nothing was unpacked", hint=BAD_ARCHIVE)
