"""The folder that a download goes to, and how far it has come."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shipseg.dataset.download.archive import Archive
from shipseg.dataset.whole import drop_if_unused, hold
from shipseg.errors import OutputExistsError
from shipseg.files import atomic_write_text

_STATE = "download.json"


class DownloadFolder:
    """A folder that this process downloads to; see `open_download`."""

    def __init__(self, root: Path) -> None:
        """Read how far an earlier run has come."""
        self.root = root
        self._state = _read_state(root / _STATE)

    @property
    def finished(self) -> bool:
        """Whether all files are there, by number and size."""
        state = self._state
        return state.get("finished") is True and _measure(self.root, state["top"]) == (
            state["files"],
            state["bytes"],
        )

    @property
    def counts(self) -> tuple[int, int]:
        """Number and bytes of the files that a finished run has left."""
        return self._state["files"], self._state["bytes"]

    def began(self, archive: Archive) -> bool:
        """Say whether an archive was being unpacked here: what differs then may be replaced.

        A power cut may have left files that were renamed, and their bytes not yet on the disk.
        """
        return bool(self._state.get("archive_sha256") == _digest(archive))

    def begin(self, archive: Archive) -> None:
        """Note that an archive is being unpacked."""
        self._write(archive, finished=False)

    def finish(self, archive: Archive) -> None:
        """Note that all of an archive's files are there."""
        if hasattr(os, "sync"):
            # Single files were not flushed; the word that all are there must not outlive them.
            os.sync()
        self._write(archive, finished=True)

    def _write(self, archive: Archive, *, finished: bool) -> None:
        self._state = {
            "finished": finished,
            "files": len(archive.entries),
            "bytes": archive.total_bytes,
            "top": sorted({entry.name.partition("/")[0] for entry in archive.entries}),
            "archive_sha256": _digest(archive),
        }
        atomic_write_text(self.root / _STATE, json.dumps(self._state, indent=2) + "\n")


def _digest(archive: Archive) -> str:
    lines = [f"{entry.name} {entry.size} {entry.crc}" for entry in archive.entries]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@contextmanager
def open_download(root: Path) -> Iterator[DownloadFolder]:
    """Make a folder for a download, or take up one, and hold it for this process.

    Raises:
        OutputExistsError: The path is a file.
        UsageError: Another process holds it.
    """
    if root.exists() and not root.is_dir():
        raise OutputExistsError(f"'{root}' is a file, expected a folder")
    root.mkdir(parents=True, exist_ok=True)
    with hold(root, "downloading to"):
        try:
            yield DownloadFolder(root)
        finally:
            drop_if_unused(root)


def _read_state(path: Path) -> dict[str, Any]:
    """Read the state; what is damaged counts as nothing, for every file is checked anyway."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    kinds = {"finished": bool, "files": int, "bytes": int, "top": list, "archive_sha256": str}
    if isinstance(found, dict) and all(isinstance(found.get(k), t) for k, t in kinds.items()):
        return found
    return {}


def _measure(root: Path, top: list[str]) -> tuple[int, int]:
    """Count the files below some names, and their bytes."""
    files, size = 0, 0
    for name in top:
        path = root / name
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.is_file():
                files, size = files + 1, size + file.stat().st_size
    return files, size
