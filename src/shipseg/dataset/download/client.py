"""Kaggle's client behind a narrow door: one method, and our own errors.

`kaggle` asks for credentials, and may call the network, as soon as it is imported. So it is
imported only when something is really to be downloaded.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, TextIO

from shipseg.dataset.whole import free_bytes
from shipseg.errors import DownloadError, MissingDependencyError, UsageError

COMPETITION = "airbus-ship-detection"
_SITE = "https://www.kaggle.com"
RULES = f"{_SITE}/competitions/{COMPETITION}/rules"

_CREDENTIALS = f"""\
1. Sign in at {_SITE}, open {_SITE}/settings/api and press 'Generate New Token'.
2. Give it to Kaggle's client in one of these ways:
   - save the token as ~/.kaggle/access_token, or set KAGGLE_API_TOKEN to it
   - with an older key: save kaggle.json as ~/.kaggle/kaggle.json (chmod 600), or set
     KAGGLE_USERNAME and KAGGLE_KEY
   - or run: kaggle auth login
3. Accept the challenge's rules at {RULES}
4. Give the same command again.
Without any of this: download the archive in a browser from
{_SITE}/competitions/{COMPETITION}/data and unpack it with --archive FILE"""

_TERMS = f"""\
1. Signed in as the account that the token belongs to, open {RULES}
2. Join or press 'Late Submission', and accept the rules; Kaggle may ask for a phone number first.
3. Give the same command again."""

# Room that a machine needs to stay usable.
RESERVE_BYTES = 256 * 2**20


class ArchiveClient(Protocol):
    """Where a challenge's archive comes from."""

    def fetch(self, folder: Path, *, quiet: bool) -> Path:
        """Download the archive, or go on with a download that was cut off.

        Args:
            folder: Where it shall lie; it exists.
            quiet: Show no progress.

        Returns:
            The whole archive, whose size is the one that the server announced.

        Raises:
            UsageError: Credentials are missing, or the terms were not accepted.
            DownloadError: The server or the network failed, or there is no room.
        """


def open_kaggle() -> ArchiveClient:
    """Load Kaggle's client and sign in.

    Raises:
        MissingDependencyError: It is not installed.
        UsageError: Credentials are missing or not taken.
        DownloadError: Kaggle cannot be reached.
    """
    if find_spec("kaggle") is None:
        raise MissingDependencyError.of_extra("kaggle", "download", "downloading")
    # Its help with the sign-in comes at import, and again; ours says the same and more.
    with io.StringIO() as unheard, _as_ours(talk=unheard):
        # The first import signs in too, and swallows a failure; the second one is ours to explain.
        api = import_module("kaggle.api.kaggle_api_extended").KaggleApi()
        api.authenticate()
    return KaggleClient(api)


class KaggleClient:
    """`ArchiveClient` on top of a `KaggleApi` that is signed in."""

    def __init__(self, api: Any) -> None:
        """Take the API; `competition_download_files` and `download_file` of it are used."""
        self._api = api
        self._announced: int | None = None
        self._download_file: Callable[..., Any] = api.download_file
        api.download_file = self._checked_download

    def fetch(self, folder: Path, *, quiet: bool) -> Path:
        """Download the archive; see `ArchiveClient`."""
        self._announced = None
        with _as_ours(talk=sys.stderr):
            # Without force, a part that is there is gone on with, if it is of the same archive.
            self._api.competition_download_files(COMPETITION, path=str(folder), quiet=quiet)
        archive = folder / f"{COMPETITION}.zip"
        if not archive.is_file():
            raise DownloadError(
                f"Kaggle's client left no '{archive.name}' in '{folder}'",
                hint="give the same command again, or download it in a browser and use --archive",
            )
        self._check_size(archive)
        return archive

    def _checked_download(self, response: Any, outfile: str, *args: Any, **kwargs: Any) -> Any:
        """Look for room before the first byte: the archive fills small disks."""
        announced = response.headers.get("Content-Length")
        self._announced = int(announced) if announced else None
        there = Path(outfile).stat().st_size if Path(outfile).is_file() else 0
        need = (self._announced or 0) - there + RESERVE_BYTES
        check_room(Path(outfile).parent, need, "the rest of the archive")
        return self._download_file(response, outfile, *args, **kwargs)

    def _check_size(self, archive: Path) -> None:
        size = archive.stat().st_size
        if self._announced is not None and size != self._announced:
            raise DownloadError(
                f"'{archive}' has {size:,} bytes, expected {self._announced:,}",
                hint="give the same command again: it goes on from there",
            )


def check_room(folder: Path, need: int, what: str) -> None:
    """Refuse to begin what the disk has no room for.

    Args:
        folder: A folder on the disk; it or a parent exists.
        need: Bytes.
        what: What they are for.

    Raises:
        DownloadError: There is less room.
    """
    free = free_bytes(folder)
    if free < need:
        raise DownloadError(
            f"{what} needs {_gib(need)}, and the disk of '{folder}' has {_gib(free)} left",
            hint="make room, or name a folder on another disk with -o",
        )


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"


@contextlib.contextmanager
def _as_ours(*, talk: TextIO) -> Iterator[None]:
    """Turn what Kaggle's client raises into our errors; what it prints on stdout goes to `talk`."""
    try:
        with contextlib.redirect_stdout(talk):
            yield
    except (UsageError, DownloadError):
        raise
    except SystemExit as error:
        raise _no_credentials() from error
    except ImportError as error:
        raise MissingDependencyError.of_extra(
            error.name or "kaggle", "download", "Kaggle's client"
        ) from error
    except Exception as error:
        raise _translated(error) from error


def _no_credentials() -> UsageError:
    return UsageError("Kaggle's client found no credentials that it takes", hint=_CREDENTIALS)


def _translated(error: Exception) -> UsageError | DownloadError:
    # requests keeps the answer on the error, releases before 1.7 had the status on it.
    status = getattr(getattr(error, "response", None), "status_code", None)
    status = getattr(error, "status", None) if status is None else status
    message = " ".join(str(error).split())[:300]
    if status == 401:
        return UsageError("Kaggle did not take the credentials (401)", hint=_CREDENTIALS)
    if status == 403:
        return UsageError(
            f"Kaggle refuses the files to this account (403): {message}. The challenge's rules "
            "have to be accepted once, in a browser",
            hint=_TERMS,
        )
    if status == 404:
        return DownloadError(f"Kaggle does not know the challenge '{COMPETITION}' (404): {message}")
    if status is None and isinstance(error, OSError) and "kaggle.json" in message:
        return _no_credentials()
    told = f" ({status})" if status is not None else ""
    return DownloadError(
        f"the download failed{told}: {type(error).__name__}: {message}",
        hint="is Kaggle in reach? Give the same command again: it goes on from there",
    )
