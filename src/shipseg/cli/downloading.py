"""The work behind `shipseg download`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shipseg.cli.console import note, progress
from shipseg.dataset import download
from shipseg.dataset.download import (
    Archive,
    DownloadFolder,
    open_archive,
    open_download,
    refuse_foreign,
    unpack,
)
from shipseg.errors import ShipsegError

_TABLE = "train_ship_segmentations_v2.csv"
_TERMS = (
    "the challenge's tiles are for non-commercial use only and may not be passed on, and so it is "
    f"with models that are trained on them; the rules: {download.RULES}"
)


@dataclass(frozen=True, slots=True)
class DownloadSummary:
    """What came of it.

    Attributes:
        folder: Where the files are.
        files: How many the archive has.
        bytes: Their size.
        kept: How many were there already.
        archive: The archive, where it was kept.
        next: A command to go on with.
    """

    folder: str
    files: int
    bytes: int
    kept: int
    archive: str | None
    next: str

    def to_dict(self) -> dict[str, Any]:
        """Give it as one document, ready for JSON."""
        return {**asdict(self), "terms": download.RULES}

    def lines(self) -> list[tuple[str, str]]:
        """Give it as names and values, to be read."""
        lines = [("files", f"{self.files:,}, {self.bytes / 2**30:.2f} GiB")]
        if self.kept:
            lines.append(("kept", f"{self.kept:,} that were there already"))
        if self.archive:
            lines.append(("archive", self.archive))
        return [*lines, ("folder", self.folder), ("next", self.next)]


def fetch_and_unpack(
    output: Path, archive: Path | None, *, keep_archive: bool, overwrite: bool
) -> DownloadSummary:
    """Download the archive, or take one that is there, and unpack it.

    Args:
        output: The folder.
        archive: An archive that is there already; None downloads it.
        keep_archive: Whether a downloaded archive stays.
        overwrite: Whether files that are there and differ are replaced.
    """
    note(_TERMS)
    with open_download(output) as folder:
        if folder.finished and not overwrite:
            files, size = folder.counts
            return _summary(output, files, size, files, None)
        path = archive or _archive_begun(folder)
        if path is None:
            # Looked up on the module, where tests put another one.
            client = download.open_kaggle()
            path = client.fetch(output, quiet=not sys.stderr.isatty())
        with open_archive(path) as opened:
            kept = _unpack(opened, folder, overwrite=overwrite)
            files, size = len(opened.entries), opened.total_bytes
        if archive is None and not keep_archive:
            path.unlink()
            return _summary(output, files, size, kept, None)
    return _summary(output, files, size, kept, path)


def _archive_begun(folder: DownloadFolder) -> Path | None:
    """Find the archive that an earlier run has fetched whole and begun to unpack."""
    path = folder.root / f"{download.COMPETITION}.zip"
    try:
        with open_archive(path) as opened:
            return path if folder.began(opened) else None
    except ShipsegError:
        return None


def _unpack(archive: Archive, folder: DownloadFolder, *, overwrite: bool) -> int:
    if not overwrite and not folder.began(archive):
        refuse_foreign(archive, folder.root)
    folder.begin(archive)
    unpacked = unpack(archive, folder.root)
    done, kept = 0, 0
    try:
        with progress(unpacked, total=len(archive.entries), label="unpacking") as running:
            for _, was_there in running:
                done, kept = done + 1, kept + was_there
    except KeyboardInterrupt:
        note(
            f"interrupted: {done:,} of {len(archive.entries):,} files are unpacked; the same "
            "command goes on from there"
        )
        raise
    folder.finish(archive)
    return kept


def _summary(
    output: Path, files: int, size: int, kept: int, archive: Path | None
) -> DownloadSummary:
    following = ["shipseg", "explore", str(output / _TABLE), "--images", str(output / "train_v2")]
    return DownloadSummary(
        str(output), files, size, kept, None if archive is None else str(archive),
        shlex.join([*following, "-o", "report"]),
    )  # fmt: skip
