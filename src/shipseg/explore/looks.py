"""Brightness and sharpness of tiles: read in parallel, and what cannot be read is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shipseg.errors import ShipsegError
from shipseg.explore.spread import Summary, linear_histogram, log_histogram, summarise
from shipseg.imaging.decode import decode_tile
from shipseg.imaging.look import Look, look_at
from shipseg.parallel import in_order


@dataclass(frozen=True, slots=True)
class TileLook:
    """A tile that was read, or why it could not be.

    Attributes:
        image_id: The tile.
        shape_hw: Its height and width; None where it could not be read.
        look: Its measures; None where it could not be read.
        error: What was wrong with it.
    """

    image_id: str
    shape_hw: tuple[int, int] | None
    look: Look | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class LookSpread:
    """One measure of tiles with ships and of tiles without."""

    with_ships: Summary
    without: Summary
    edges: tuple[float, ...]
    counts_with_ships: tuple[int, ...]
    counts_without: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LookFigures:
    """How tiles look.

    Attributes:
        tiles: Tiles measured.
        of: Tiles of the table that have a file.
        missing: Tiles of the table without a file.
        brightness: Mean grey value of each tile.
        sharpness: Variance of the Laplacian of each tile.
        sizes: Height × width as text to number of tiles, the most frequent first.
        unreadable: ImageId and reason of each tile that could not be read.
    """

    tiles: int
    of: int
    missing: int
    brightness: LookSpread
    sharpness: LookSpread
    sizes: dict[str, int]
    unreadable: tuple[tuple[str, str], ...]


def pick(image_ids: Sequence[str], most: int) -> list[str]:
    """Pick at most so many tiles, the same ones each time, in their order."""
    if len(image_ids) <= most:
        return list(image_ids)
    chosen = np.random.default_rng(0).choice(len(image_ids), most, replace=False)
    return [image_ids[i] for i in sorted(chosen.tolist())]


def look_at_tiles(folder: Path, image_ids: Iterable[str], *, workers: int) -> Iterator[TileLook]:
    """Measure tiles, several at a time, in their order; memory holds a few of them at once.

    Args:
        folder: Where the tiles lie.
        image_ids: File names in it.
        workers: Tiles at a time.
    """
    return in_order(partial(_look, folder), image_ids, workers)


def _look(folder: Path, image_id: str) -> TileLook:
    try:
        rgb = decode_tile((folder / image_id).read_bytes(), name=image_id)
    except ShipsegError as error:
        return TileLook(image_id, None, None, error.message)
    except OSError as error:
        return TileLook(image_id, None, None, error.strerror or str(error))
    return TileLook(image_id, (rgb.shape[0], rgb.shape[1]), look_at(rgb))


def look_figures(
    looks: Sequence[TileLook], with_ships: Iterable[str], *, of: int, missing: int
) -> LookFigures:
    """Sum up how tiles look.

    Args:
        looks: Tiles that were looked at.
        with_ships: ImageIds of tiles with ships.
        of: Tiles with a file.
        missing: Tiles without one.
    """
    ships = set(with_ships)
    read = [(tile.image_id in ships, tile.look) for tile in looks if tile.look is not None]
    flags = np.array([flag for flag, _ in read], np.bool_)
    sizes: dict[str, int] = {}
    for tile in looks:
        if tile.shape_hw is not None:
            size = f"{tile.shape_hw[0]} × {tile.shape_hw[1]}"
            sizes[size] = sizes.get(size, 0) + 1
    bright = np.array([look.brightness for _, look in read])
    sharp = np.array([look.sharpness for _, look in read])
    return LookFigures(
        tiles=len(read),
        of=of,
        missing=missing,
        brightness=_spread(bright, flags, linear_histogram(np.array([255.0]), 32).edges),
        # Flat tiles have a variance of 0, for which a logarithmic axis has no place.
        sharpness=_spread(
            np.maximum(sharp, 1.0), flags, log_histogram(np.maximum(sharp, 1.0)).edges
        ),
        sizes=dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0]))),
        unreadable=tuple((tile.image_id, tile.error) for tile in looks if tile.look is None),
    )


def _spread(
    values: npt.NDArray[np.float64], flags: npt.NDArray[np.bool_], edges: tuple[float, ...]
) -> LookSpread:
    own, other = values[flags], values[~flags]
    return LookSpread(
        with_ships=summarise(own),
        without=summarise(other),
        edges=edges,
        counts_with_ships=tuple(np.histogram(own, edges)[0].tolist()),
        counts_without=tuple(np.histogram(other, edges)[0].tolist()),
    )
