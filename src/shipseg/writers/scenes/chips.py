"""A chip for each ship: what the scene shows there, with its outline."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image

from shipseg.imaging.tiling import Window
from shipseg.scenes.open import Scene
from shipseg.scenes.result import SceneShip
from shipseg.writers.outlines import PALETTE, draw_outline
from shipseg.writers.overlay import write_picture
from shipseg.writers.scenes.described import DescribedScene
from shipseg.writers.scenes.look import Raster, Rgb, outline_runs

# Sea around a hull, as a share of its longer side and in pixels at least.
_AROUND, _LEAST_AROUND_PX = 0.5, 16
# Chips are enlarged by whole steps to about this side, so that a hull of ten pixels can be seen.
_SHOWN_PX = 384
# A scene pixel for each pixel of a part larger than this would make chips of megabytes.
_MOST_PX = 2048


def write_chips(folder: Path, scene: DescribedScene, raster: Raster) -> list[Path]:
    """Write `0001.png` and so on, numbered as the ships are; leave no others of such names.

    Args:
        folder: Made where it is not there.
        scene: What to write.
        raster: The scene's raster.

    Returns:
        The files, in the order of the ships.

    Raises:
        UsageError: There is no readable file, or it is of another size than the result.
        ImageError: It is no scene, or damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    with raster.open(scene.result.grid.shape_hw) as opened:
        for number, ship in enumerate(scene.result.ships, start=1):
            target = folder / f"{number:04d}.png"
            write_picture(target, draw_chip(opened, ship, number))
            written.append(target)
    kept = {target.name for target in written}
    for other in folder.iterdir():
        if re.fullmatch(r"\d{4,}\.png", other.name) and other.name not in kept:
            other.unlink()
    return written


def draw_chip(opened: Scene, ship: SceneShip, number: int) -> Rgb:
    """Draw one ship with what lies around it.

    Args:
        opened: The scene, not resampled.
        ship: The ship.
        number: Which colour it gets, as in the overview.

    Returns:
        (h, w, 3) uint8.
    """
    height, width = opened.grid.shape_hw
    x0, y0, x1, y1 = ship.outline.bounds
    around = max(_LEAST_AROUND_PX, _AROUND * max(x1 - x0, y1 - y0))
    window = Window(
        max(0, int(x0 - around)),
        max(0, int(y0 - around)),
        min(width, int(np.ceil(x1 + around))),
        min(height, int(np.ceil(y1 + around))),
    )
    rgb = opened.read(window).rgb
    scale = max(1.0, _SHOWN_PX // max(rgb.shape[:2]))
    if max(rgb.shape[:2]) > _MOST_PX:
        scale = _MOST_PX / max(rgb.shape[:2])
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    way = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX
    chip = np.array(Image.fromarray(rgb).resize(size, way))
    runs = outline_runs(ship.outline, scale, (window.x0, window.y0), chip.shape[:2])
    draw_outline(chip, runs, PALETTE[(number - 1) % len(PALETTE)])
    return chip
