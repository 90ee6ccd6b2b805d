"""Which of the files named on the command line are scenes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shipseg.errors import UsageError
from shipseg.imaging.formats import shown_name
from shipseg.inference.batch import SUFFIXES
from shipseg.scenes.kinds import is_scene

SCENE_SUFFIXES = SUFFIXES | {".jp2", ".j2k"}
"""What counts as a scene where a folder is named; a file named by itself is always tried."""


def are_scenes(paths: Sequence[Path], forced: bool | None) -> bool:
    """Tell whether files are scenes, all of them.

    Args:
        paths: The files.
        forced: What --scene or --tiles say.

    Raises:
        UsageError: Some are, and some are tiles.
    """
    if forced is not None:
        return forced
    scenes = [path for path in paths if is_scene(path)]
    if scenes and len(scenes) < len(paths):
        tile = next(path for path in paths if path not in set(scenes))
        raise UsageError(
            f"'{shown_name(str(scenes[0]))}' is a scene, and '{shown_name(str(tile))}' a tile: "
            f"{len(scenes):,} scenes and {len(paths) - len(scenes):,} tiles in one call",
            hint="name them in two calls, or say with --scene or --tiles what all of them are",
        )
    return bool(scenes)


def parse_bands(text: str | None) -> tuple[int, ...] | None:
    """Read ``3,2,1``.

    Raises:
        UsageError: It is no list of one or three whole numbers from 1.

    Examples:
        >>> parse_bands("3,2,1")
        (3, 2, 1)
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in (1, 3) or not all(
        part.isascii() and part.isdigit() and 0 < len(part) < 6 and int(part) > 0 for part in parts
    ):
        raise UsageError(
            f"the bands are '{text}', expected three numbers from 1, or one",
            hint="name them as red,green,blue, such as --bands 3,2,1",
        )
    return tuple(map(int, parts))


def parse_formats(text: str) -> tuple[str, ...]:
    """Read ``geojson,gpkg``; `shipseg.writers.scenes.check_formats` says whether there are such."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",")))


def refuse_scene_options(**options: object) -> None:
    """Refuse options that mean nothing for tiles.

    Raises:
        UsageError: One is given.
    """
    given = [name for name, value in options.items() if value not in (None, False)]
    if given:
        raise UsageError(
            f"--{given[0]} is for scenes, and these are tiles",
            hint="say --scene if they are to be read as scenes",
        )
