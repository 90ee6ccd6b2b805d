"""Where commands may write: never over what is there, unless they are told to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from shipseg.errors import OutputExistsError, UsageError


def refuse_to_clobber(targets: Iterable[Path], *, overwrite: bool) -> None:
    """Refuse files and filled folders that are already there.

    Raises:
        OutputExistsError: One is, and `overwrite` is False.
    """
    found = [path for path in targets if _holds_something(path)]
    if found and not overwrite:
        names = ", ".join(f"'{path}'" for path in found[:4])
        more = f" and {len(found) - 4} more" if len(found) > 4 else ""
        raise OutputExistsError(
            f"{names}{more} is already there"
            if len(found) == 1
            else f"{names}{more} are already there",
            hint="name another output, or add --overwrite",
        )


def _holds_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def refuse_inputs_in(folders: Iterable[Path], inputs: Sequence[Path]) -> None:
    """Refuse inputs that lie in a folder that results go to: they would be written over.

    Raises:
        UsageError: There are some.
    """
    for folder in folders:
        root = folder.resolve()
        inside = [path for path in inputs if root in path.resolve().parents]
        if inside:
            raise UsageError(
                f"'{inside[0]}' is to be read, and lies in '{folder}', where results are written",
                hint="name another output folder, or leave the results of an earlier run out",
            )


def make_folder(path: Path) -> Path:
    """Make a folder and those above it.

    Raises:
        UsageError: It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise UsageError(
            f"the folder '{path}' cannot be made: {reason}", hint="name another output folder"
        ) from error
    return path
