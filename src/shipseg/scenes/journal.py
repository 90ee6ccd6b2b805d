"""A journal of finished work: whoever resumes goes on where the last line is whole."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from shipseg.errors import UsageError

try:
    import fcntl
except ImportError:  # Windows: nothing keeps a second run away there.
    fcntl = None  # type: ignore[assignment]

# Syncing every line would cost more than the work it saves.
_SYNC_SECONDS = 1.0
_ENDS_BYTES = 1 << 20


def fingerprint(scene: Path, settings: Mapping[str, Any]) -> str:
    """Tell scene and settings apart from others: size, time of change, both ends, and settings."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    facts = scene.stat()
    digest.update(f"{facts.st_size} {facts.st_mtime_ns}".encode())
    with scene.open("rb") as file:
        digest.update(file.read(_ENDS_BYTES))
        file.seek(max(0, facts.st_size - _ENDS_BYTES))
        digest.update(file.read())
    return digest.hexdigest()


class Journal:
    """Finished pieces of work by name, in a file of one JSON array a line.

    Not safe between threads: whoever hands results over in order writes them.
    """

    def __init__(self, path: Path | None, key: str, *, resume: bool = False) -> None:
        """Open or begin a journal.

        Args:
            path: The file; None keeps nothing.
            key: The `fingerprint`: a journal of another scene or other settings is not gone on
                with.
            resume: Go on with a file that is there; otherwise it is begun anew.

        Raises:
            UsageError: The file is of another scene, model or settings, or another run writes it.
        """
        self._done: dict[str, Any] = {}
        self._file: BinaryIO | None = None
        self._synced = 0.0
        if path is None:
            return
        file = _held(path)
        try:
            size = self._load(file, path, key) if resume else 0
            # What follows the last whole line was torn by whatever stopped the run.
            file.truncate(size)
        except BaseException:
            file.close()
            raise
        self._file = file
        if not size:
            self.write("shipseg", key)

    def _load(self, file: BinaryIO, path: Path, key: str) -> int:
        """Read the whole lines and return the bytes that they take."""
        size = 0
        file.seek(0)
        for line in file:
            name, value = _parsed(line)
            if name is None:
                break
            if size == 0 and (name, value) != ("shipseg", key):
                raise UsageError(
                    f"'{path}' is of another scene, model or settings, or the scene changed",
                    hint="resume with what the run began with, or start anew with --overwrite",
                )
            self._done[name] = value
            size += len(line)
        return size

    def __contains__(self, name: str) -> bool:
        """Whether a piece of work is finished."""
        return name in self._done

    def __getitem__(self, name: str) -> Any:
        """What came of it."""
        return self._done[name]

    def write(self, name: str, value: Any) -> None:
        """Note what came of a piece of work, on the disk within a second."""
        if self._file is None:
            return
        self._file.write(json.dumps([name, value], separators=(",", ":")).encode() + b"\n")
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Bring everything to the disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def close(self) -> None:
        """Sync, and let go of the file."""
        if self._file is not None:
            self.sync()
            self._file.close()
            self._file = None


def _held(path: Path) -> BinaryIO:
    """Open a file, made where it is not there, for this process alone; killed, it lets go."""
    file = path.open("a+b")
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise UsageError(
            f"another run is at work in '{path.parent}'",
            hint="wait for it, stop it, or name another folder with -o",
        ) from None
    return file


def _parsed(line: bytes) -> tuple[str | None, Any]:
    """Read a line; no name where it is torn."""
    try:
        name, value = json.loads(line) if line.endswith(b"\n") else (None, None)
    except (ValueError, TypeError):
        return None, None
    return (name, value) if isinstance(name, str) else (None, None)
