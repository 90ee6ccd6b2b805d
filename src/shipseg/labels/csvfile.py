"""Rows of a CSV file, plain or packed, of bounded size."""

from __future__ import annotations

import csv
import io
import threading
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from shipseg.errors import LabelError, UsageError
from shipseg.labels.table import printable

MAX_BYTES = 256 * 2**20
"""Cap on a table's unpacked size: six times the full Airbus table (45 MB)."""

MAX_ZIP_ENTRIES = 1000

# The csv module has one field limit for the whole process.
_field_limit_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file that was read and whose header holds the wanted columns.

    Attributes:
        name: File name, for messages.
        width: Number of columns.
        columns: Index of each wanted column that is there.
    """

    name: str
    width: int
    columns: dict[str, int]
    _records: Iterator[list[str]]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield, once, row number (the header is row 1) and cells of each row that is not blank."""
        for number, cells in enumerate(self._records, 2):
            if cells and cells != [""]:
                yield number, cells


def open_csv(
    path: Path, required: Sequence[str], optional: Sequence[str] = (), *, max_bytes: int = MAX_BYTES
) -> CsvFile:
    """Read a ``.csv``, ``.csv.gz`` or ``.csv.zip`` and check its header.

    How the file is packed is told from its first bytes, not from its name.

    Args:
        path: The file. A byte order mark, CRLF and columns in another order are fine.
        required: Names of columns that have to be there.
        optional: Names of columns to look for.
        max_bytes: Cap on the unpacked size.

    Raises:
        UsageError: There is no such file.
        LabelError: The file is damaged, over the cap, not UTF-8, its quotes do not pair up, or a
            column is missing.
    """
    text = _decode(_read(path, max_bytes), path.name)
    records = _records(text, path.name)
    header = [cell.strip() for cell in next(records, [])]
    wanted = [*required, *optional]
    expected = f"expected the header '{','.join(required)}'"
    if not any(header):
        raise LabelError(f"{path.name}: row 1 is empty, {expected}")
    missing = [name for name in required if name not in header]
    if missing:
        for mark, shown in ((";", ";"), ("\t", r"\t"), ("|", "|")):
            if any(mark in cell for cell in header):
                raise LabelError(
                    f"{path.name}: row 1: delimiter '{shown}' found, expected ','",
                    hint="Save the table again as comma-separated CSV.",
                )
        found = ", ".join(f"'{printable(name)}'" for name in header[:10])
        raise LabelError(
            f"{path.name}: row 1: column '{missing[0]}' is missing; {expected}, found {found}"
        )
    twice = [name for name in wanted if header.count(name) > 1]
    if twice:
        raise LabelError(f"{path.name}: row 1: column '{twice[0]}' is there twice, {expected}")
    columns = {name: header.index(name) for name in wanted if name in header}
    return CsvFile(path.name, len(header), columns, records)


def _records(text: str, name: str) -> Iterator[list[str]]:
    if '"' not in text:
        # Twice as fast as the csv module, and the same where nothing is quoted.
        return map(str.split, text.split("\n"), repeat(","))
    records: list[list[str]] = []
    with _field_limit_lock:
        before = csv.field_size_limit(len(text) + 1)
        try:
            records.extend(csv.reader(io.StringIO(text), strict=True))
        except csv.Error as error:
            raise LabelError(
                f"{name}: row {len(records) + 1}: the quotes do not pair up ({error}), "
                "so the rows after it cannot be told apart"
            ) from None
        finally:
            csv.field_size_limit(before)
    return iter(records)


def _decode(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LabelError(f"{name}: the file is UTF-16, expected UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The error counts from behind a byte order mark, as its own copy of the bytes does.
        row = error.object.count(b"\n", 0, error.start) + 1
        raise LabelError(
            f"{name}: row {row}: byte 0x{error.object[error.start]:02x} is not UTF-8",
            hint="Save the table again as UTF-8.",
        ) from None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def _read(path: Path, max_bytes: int) -> bytes:
    if path.is_dir() or not path.exists():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(f"{path}: {found}, expected a .csv, .csv.gz or .csv.zip file")
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
        # Packed bytes over the cap are not unpacked at all.
        if len(data) <= max_bytes and data.startswith(b"\x1f\x8b"):
            data = _gunzip(data, max_bytes)
        elif len(data) <= max_bytes and data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            data = _unzip(data, path.name, max_bytes)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise LabelError(f"{path.name}: the file is damaged or cannot be read: {error}") from error
    if len(data) > max_bytes:
        raise LabelError(
            f"{path.name}: the table is over the limit of {max_bytes / 2**20:g} MiB unpacked",
            hint="Is this a label table? The full Airbus one has 43 MiB.",
        )
    return data


def _gunzip(data: bytes, max_bytes: int) -> bytes:
    """Unpack all members, but not more than one byte over `max_bytes`."""
    members: list[bytes] = []
    left = max_bytes + 1
    while data and left:
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        members.append(member.decompress(data, left))
        left -= len(members[-1])
        if left and not member.eof:
            raise EOFError("the gzip stream is truncated")
        # Some writers pad with zeros behind the last member.
        data = member.unused_data.lstrip(b"\0")
    return b"".join(members)


def _unzip(data: bytes, name: str, max_bytes: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_ZIP_ENTRIES:
            raise LabelError(f"{name}: {len(entries)} entries in the ZIP, expected one .csv")
        # macOS adds a shadow of each file, with the same suffix.
        tables = [
            entry
            for entry in entries
            if entry.filename.lower().endswith(".csv")
            and not entry.filename.startswith("__MACOSX/")
        ]
        if len(tables) != 1:
            raise LabelError(f"{name}: {len(tables)} .csv files in the ZIP, expected exactly 1")
        if tables[0].flag_bits & 1:
            raise LabelError(f"{name}: the .csv in the ZIP is encrypted")
        if tables[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise LabelError(f"{name}: the .csv in the ZIP has to be stored or deflated")
        with archive.open(tables[0]) as file:
            # The size that the entry claims may be a lie; this bound is not.
            return file.read(max_bytes + 1)
