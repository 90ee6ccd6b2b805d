"""The prepared folder: what it holds, what is right in it already, and who may write to it."""

from __future__ import annotations

import csv
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from shipseg.dataset.prepare.layout import Item
from shipseg.dataset.whole import LOCK, checksum, hold, is_unused, remove, remove_torn
from shipseg.errors import BadInputError, OutputExistsError
from shipseg.files import atomic_write_text
from shipseg.writers.rows import format_row, open_rows

MANIFEST, TILES, SUMS, FAILURES = "prepare.json", "tiles.csv", "checksums.csv", "failures.csv"
_JOURNAL = ".checksums.csv"
_SUMS_HEADER = ("file", "bytes", "crc32")
_OWN = frozenset({MANIFEST, TILES, SUMS, FAILURES, _JOURNAL, LOCK})

Sums = dict[str, tuple[int, int]]
"""Path in the folder to the size in bytes and the CRC-32 of its file."""


class PreparedFolder:
    """A prepared folder that this process holds; see `open_folder`."""

    def __init__(self, root: Path, request: Mapping[str, Any], journal: TextIO, sums: Sums) -> None:
        """Take over.

        Args:
            root: The folder.
            request: What it is to hold.
            journal: Open for appending.
            sums: What earlier runs have made.
        """
        self.root = root
        self._request = request
        self._journal = journal
        self._sums = sums
        self._lock = threading.Lock()

    def holds(self, files: Iterable[str]) -> bool:
        """Say whether files are there as an earlier run made them, byte for byte."""
        return all(
            name in self._sums and checksum(self.root / name) == self._sums[name] for name in files
        )

    def record(self, sums: Sums) -> None:
        """Note files that were made; safe to call from several threads."""
        rows = "".join(_sum_row(name, *found) for name, found in sums.items())
        with self._lock:
            self._sums.update(sums)
            self._journal.write(rows)
            # What is in the process's memory dies with it.
            self._journal.flush()

    def remove(self, files: Iterable[str]) -> None:
        """Remove what is there of a tile that failed."""
        for name in files:
            remove(self.root / name)

    def finish(
        self,
        done: Sequence[Item],
        failures: Sequence[tuple[str, str, str]],
        counts: Mapping[str, Any],
        extras: Sequence[str],
    ) -> None:
        """Write what the folder holds now.

        Args:
            done: The tiles that are in it.
            failures: ImageId, part and reason of each tile that is not.
            counts: Numbers for people, as a JSON value.
            extras: Files about all tiles.
        """
        if hasattr(os, "sync"):
            # Single files were not flushed; the word that all are done must not outlive them.
            os.sync()
        files = [name for item in done for name in item.files]
        with open_rows(self.root / SUMS, _SUMS_HEADER) as rows:
            rows.write(_sum_cells(name, *self._sums[name]) for name in sorted(files))
        _write_tiles(self.root, done)
        if failures:
            with open_rows(self.root / FAILURES, ("ImageId", "part", "error")) as rows:
                rows.write(failures)
        else:
            (self.root / FAILURES).unlink(missing_ok=True)
        _write_manifest(self.root, self._request, extras, finished=True, counts=counts)
        self._journal.close()
        (self.root / _JOURNAL).unlink(missing_ok=True)


@contextmanager
def open_folder(
    root: Path,
    request: Mapping[str, Any],
    items: Sequence[Item],
    extras: Sequence[str],
    *,
    overwrite: bool = False,
) -> Iterator[PreparedFolder]:
    """Make a prepared folder, or take up one that the same request began, and hold it.

    Args:
        root: The folder.
        request: All that decides what comes out, as a JSON value.
        items: The tiles that are to be in it.
        extras: Files about all tiles.
        overwrite: Remove what another request, or an earlier run of this one, has made.

    Yields:
        The folder.

    Raises:
        OutputExistsError: It holds something else, or what another request made.
        UsageError: Another process holds it.
    """
    _check(root, request, overwrite=overwrite)
    root.mkdir(parents=True, exist_ok=True)
    with hold(root, "preparing"):
        # Again, for another process may have come and gone meanwhile.
        _check(root, request, overwrite=overwrite)
        if overwrite:
            _clear(root)
        for name in (MANIFEST, TILES, SUMS, FAILURES, *extras):
            remove_torn(root / name)
        _write_manifest(root, request, extras, finished=False)
        # Before any file is made, so that what is listed always covers what is there.
        _write_tiles(root, items)
        for folder in {(root / name).parent for item in items for name in item.files}:
            folder.mkdir(parents=True, exist_ok=True)
        sums = _read_sums(root / SUMS) | _read_sums(root / _JOURNAL)
        with (root / _JOURNAL).open("a", encoding="utf-8", newline="") as journal:
            # A killed run may have left half a row.
            journal.write("\n")
            yield PreparedFolder(root, request, journal, sums)


def _check(root: Path, request: Mapping[str, Any], *, overwrite: bool) -> None:
    if root.exists() and not root.is_dir():
        raise OutputExistsError(f"'{root}' is a file, expected a folder")
    if is_unused(root):
        return
    if not (root / MANIFEST).is_file():
        # Never empty a folder that is not ours.
        raise OutputExistsError(
            f"'{root}' is not empty, and nothing was prepared there",
            hint="name another folder with -o",
        )
    if overwrite:
        return
    before = _read_manifest(root).get("request", {})
    # Through text: JSON knows no tuples.
    now = json.loads(json.dumps(request))
    other = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    if other:
        told = [f"{key} was {before.get(key)!r} and is {now.get(key)!r}" for key in other]
        raise OutputExistsError(
            f"'{root}' was prepared from another request: {'; '.join(told)}",
            hint="name another folder with -o, or replace it with --overwrite",
        )


def _clear(root: Path) -> None:
    """Remove the files that earlier runs listed, and nothing else; folders that are empty too."""
    listed = [name for row in _read_rows(root / TILES) for name in row[3:5] if name]
    listed += [str(name) for name in _read_manifest(root).get("files", ())]
    folders = set()
    for name in listed:
        relative = PurePosixPath(name)
        # The lists may have been edited.
        if relative.is_absolute() or ".." in relative.parts or name in _OWN:
            continue
        remove(root / relative)
        folders |= {root / parent for parent in relative.parents if parent.parts}
    for folder in sorted(folders, reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    for name in (SUMS, _JOURNAL, FAILURES):
        remove(root / name)


def _write_manifest(
    root: Path,
    request: Mapping[str, Any],
    extras: Sequence[str],
    *,
    finished: bool,
    counts: Mapping[str, Any] | None = None,
) -> None:
    value = {
        "finished": finished,
        "request": request,
        "counts": counts or {},
        "files": list(extras),
    }
    atomic_write_text(root / MANIFEST, json.dumps(value, indent=2) + "\n")


def _read_manifest(root: Path) -> dict[str, Any]:
    path = root / MANIFEST
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and isinstance(found.get("request"), dict):
            return found
    except ValueError:
        pass
    raise BadInputError(
        f"'{path}' is not as it was written", hint="remove the folder, or name another with -o"
    )


def _write_tiles(root: Path, items: Iterable[Item]) -> None:
    with open_rows(root / TILES, ("ImageId", "part", "ships", "image", "label")) as rows:
        rows.write(
            (item.image_id, item.part, str(item.ships), item.image, item.label or "")
            for item in items
        )


def _sum_cells(name: str, size: int, crc: int) -> tuple[str, str, str]:
    return name, str(size), f"{crc:08x}"


def _sum_row(name: str, size: int, crc: int) -> str:
    return format_row(_sum_cells(name, size, crc))


def _read_sums(path: Path) -> Sums:
    """Read checksums; a row that was cut off, as a kill leaves it, is passed over."""
    sums: Sums = {}
    for row in _read_rows(path):
        if len(row) == 3 and row[1].isdecimal() and len(row[2]) == 8:
            try:
                sums[row[0]] = int(row[1]), int(row[2], 16)
            except ValueError:
                continue
    return sums


def _read_rows(path: Path) -> list[list[str]]:
    """Read the rows of a table of ours behind its header; none where there is none."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [row for line in lines for row in csv.reader([line])]
