"""Ships drawn over their picture: outlines, numbers and scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from shipseg.errors import UsageError
from shipseg.files import atomic_path
from shipseg.rle import Runs, box
from shipseg.writers.outlines import PALETTE, draw_outline
from shipseg.writers.tags import Tag, draw_tags

# A picture of noise, as the sea is, gains 2 % of size from level 6 and costs four times the time.
_PNG_LEVEL = 1


class ScoredShip(Protocol):
    """What the writers need to know of a ship; `shipseg.Ship` is one."""

    @property
    def runs(self) -> Runs:
        """(n, 2) int64 runs of the mask."""

    @property
    def score(self) -> float:
        """Confidence in [0, 1]."""


def draw_overlay(
    rgb: npt.NDArray[np.uint8], ships: Sequence[ScoredShip], *, tags: bool = True
) -> npt.NDArray[np.uint8]:
    """Draw ships over a picture, each in a colour of its own with its number and score.

    Ships are numbered from 1 in the order given, which is that of the rows in `submission.csv`.

    Args:
        rgb: (H, W, 3) uint8; left as it is.
        ships: Their masks on the picture's shape.
        tags: Whether to write number and score beside each ship.

    Returns:
        (H, W, 3) uint8.

    Raises:
        UsageError: `rgb` is of another shape or dtype.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise UsageError(f"rgb must be (H, W, 3) uint8, but is {rgb.shape} {rgb.dtype}")
    canvas = rgb.copy()
    labels = []
    for number, ship in enumerate(ships, start=1):
        colour = PALETTE[(number - 1) % len(PALETTE)]
        draw_outline(canvas, ship.runs, colour)
        around = box(ship.runs, rgb.shape[0])
        if around is not None:
            labels.append(Tag(str(number), f"{ship.score:.2f}", colour, around))
    if not tags:
        return canvas
    image = Image.fromarray(canvas)
    draw_tags(image, labels)
    return np.asarray(image)


def write_picture(path: Path, rgb: npt.NDArray[np.uint8]) -> None:
    """Write a picture as PNG.

    Args:
        path: The file, `.png`; one already there is replaced.
        rgb: (H, W, 3) uint8.
    """
    with atomic_path(path) as beside:
        Image.fromarray(rgb).save(beside, "PNG", compress_level=_PNG_LEVEL)
