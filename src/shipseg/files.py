"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path beside the target to write to; rename it into place on success.

    The file is flushed to the disk before the rename, so that after a crash or a power cut the
    target holds either its old bytes or all of the new ones. On an error the target is untouched
    and the file beside it is removed. A process that is killed leaves at most a hidden
    ``.<name>.*.tmp`` behind.

    Args:
        path: The target. Its folder has to exist; a file already there is replaced.

    Yields:
        Path of an empty file in the target's folder. It keeps the target's suffix, by which some
        writers choose the format.

    Examples:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "report.txt"
        >>> with atomic_path(target) as beside:
        ...     _ = beside.write_text("done")
        ...     target.exists()
        False
        >>> target.read_text()
        'done'
    """
    # A link is followed: its target changes, and the link stays.
    target = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(
        # 255 bytes is the usual limit on a name, and one character takes up to four.
        prefix=f".{target.stem[:40]}.",
        suffix=f".tmp{target.suffix[:20]}",
        dir=target.parent,
    )
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        _sync(beside)
        beside.chmod(_mode_for(target))
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def atomic_write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write bytes to a file that appears whole or not at all.

    Args:
        path: The target. Its folder has to exist; a file already there is replaced.
        data: Its whole content.
    """
    with atomic_path(path) as beside:
        beside.write_bytes(data)


def atomic_write_text(path: str | os.PathLike[str], text: str) -> None:
    r"""Write text, as UTF-8 and with its ``\n`` kept, to a file that appears whole or not at all.

    Args:
        path: The target. Its folder has to exist; a file already there is replaced.
        text: Its whole content.
    """
    atomic_write_bytes(path, text.encode())


def _mode_for(target: Path) -> int:
    """Permissions that a plain `open` would have left: mkstemp's are for the owner alone."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        # The mask cannot be read without setting it; a thread between the two calls would make
        # its files with mode 0o777 & ~0o077, which harms nobody.
        mask = os.umask(0o077)
        os.umask(mask)
        return 0o666 & ~mask


def _sync(path: Path) -> None:
    # A writer may have replaced the file, so it is opened again. Windows needs it writable.
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system knows how."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        # Some network file systems refuse; the rename itself was atomic all the same.
        pass
    finally:
        os.close(handle)
