"""The challenge's files: fetched through Kaggle's own client, checked, and unpacked safely."""

from shipseg.dataset.download.archive import Archive, open_archive, refuse_foreign, unpack
from shipseg.dataset.download.client import (
    COMPETITION,
    RULES,
    ArchiveClient,
    KaggleClient,
    open_kaggle,
)
from shipseg.dataset.download.folder import DownloadFolder, open_download
from shipseg.dataset.download.judge import Entry, Limits

__all__ = [
    "COMPETITION",
    "RULES",
    "Archive",
    "ArchiveClient",
    "DownloadFolder",
    "Entry",
    "KaggleClient",
    "Limits",
    "open_archive",
    "open_download",
    "open_kaggle",
    "refuse_foreign",
    "unpack",
]
