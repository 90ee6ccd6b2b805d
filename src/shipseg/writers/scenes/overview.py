"""The whole scene on one page: ships drawn, numbered, with a scale."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from shapely import Point

from shipseg.scenes.result import SceneShip
from shipseg.writers.outlines import PALETTE, draw_outline
from shipseg.writers.overlay import write_picture
from shipseg.writers.scenes.described import DescribedScene
from shipseg.writers.scenes.look import Raster, Rgb, outline_runs, read_small
from shipseg.writers.tags import Tag, draw_tags, drawable, load_font, text_width

_LONGEST_PX, _LEAST_PX = 2048, 1200
# Smaller on the picture, a ship gets a ring around it instead of its outline.
_RING_BELOW_PX, _RING_RADIUS_PX = 8.0, 6.0
# More tags than this hide the scene; the numbers are in the other files.
_MOST_TAGS = 150
_TEXT_PX, _BAR_PX = 18, 44
_PAPER, _INK, _FAINT = (255, 255, 255), (28, 34, 42), (104, 114, 126)


def write_overview(path: Path, scene: DescribedScene, raster: Raster) -> None:
    """Write the scene at up to 2,048 pixels a side as PNG, with each ship's outline or a ring.

    Args:
        path: The file; one already there is replaced.
        scene: What to draw.
        raster: The scene's raster.

    Raises:
        UsageError: There is no readable file, or it is of another size than the result.
        ImageError: It is no scene, or damaged.
    """
    write_picture(path, draw_overview(scene, raster))


def draw_overview(scene: DescribedScene, raster: Raster) -> Rgb:
    """Draw the overview; see `write_overview`.

    Returns:
        (h, w, 3) uint8.
    """
    height, width = scene.result.grid.shape_hw
    longest = max(height, width)
    # Small scenes are enlarged by whole steps, so that their pixels stay what they are.
    scale = max(1, _LEAST_PX // longest) if longest < _LEAST_PX else min(1.0, _LONGEST_PX / longest)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = read_small(raster, (height, width), (min(size[1], height), min(size[0], width)))
    canvas = np.array(Image.fromarray(small).resize(size, Image.Resampling.NEAREST))
    tags = [
        _draw_ship(canvas, ship, number, scale)
        for number, ship in enumerate(scene.result.ships, start=1)
    ]
    image = Image.fromarray(canvas)
    if len(tags) <= _MOST_TAGS:
        draw_tags(image, tags, size_px=14)
    return np.asarray(_with_caption(image, scene, scale))


def _draw_ship(canvas: Rgb, ship: SceneShip, number: int, scale: float) -> Tag:
    """Draw one ship, and say where its tag belongs."""
    x0, y0, x1, y1 = ship.outline.bounds
    shown = ship.outline
    if max(x1 - x0, y1 - y0) * scale < _RING_BELOW_PX:
        middle = Point((x0 + x1) / 2, (y0 + y1) / 2)
        shown = middle.buffer(_RING_RADIUS_PX / scale)
        x0, y0, x1, y1 = shown.bounds
    colour = PALETTE[(number - 1) % len(PALETTE)]
    # Drawn in its own surroundings: a mask of the whole page for each ship would take seconds.
    left, top = (max(0, math.floor(v * scale) - 8) for v in (x0, y0))
    right, bottom = math.ceil(x1 * scale) + 8, math.ceil(y1 * scale) + 8
    part = canvas[top:bottom, left:right]
    runs = outline_runs(shown, scale, (left / scale, top / scale), part.shape[:2])
    draw_outline(part, runs, colour)
    box = (round(x0 * scale), round(y0 * scale), round(x1 * scale), round(y1 * scale))
    return Tag(str(number), f"{ship.score:.2f}", colour, box)


def _with_caption(image: Image.Image, scene: DescribedScene, scale: float) -> Image.Image:
    """Write name, number of ships and a scale under the picture."""
    page = Image.new("RGB", (max(image.width, 420), image.height + _BAR_PX), _PAPER)
    page.paste(image, (0, 0))
    draw = ImageDraw.Draw(page)
    baseline = image.height + _BAR_PX // 2 + _TEXT_PX // 3
    count = len(scene.result.ships)
    words = {0: "no ship", 1: "1 ship"}.get(count, f"{count:,} ships")
    font = load_font(_TEXT_PX)
    draw.text((14, baseline), words, _INK, font, anchor="ls")
    end = _draw_scale(draw, page.width, baseline, scene.result.grid.gsd_m, scale)
    start = 14 + text_width(words, _TEXT_PX) + 16
    name = _fitting(drawable(scene.result.name), end - start - 16)
    draw.text((start, baseline), name, _FAINT, font, anchor="ls")
    return page


def _draw_scale(
    draw: ImageDraw.ImageDraw, width: int, baseline: int, gsd_m: float | None, scale: float
) -> int:
    """Draw a bar of a round length at the right; return where it begins."""
    if gsd_m is None:
        return width
    metres_a_px = gsd_m / scale
    most = 0.2 * width * metres_a_px
    unit = 10 ** math.floor(math.log10(most))
    length = max(step * unit for step in (1, 2, 5) if step * unit <= most)
    bar = round(length / metres_a_px)
    text = f"{length / 1000:,g} km" if length >= 1000 else f"{length:g} m"
    right = width - 14
    left = right - bar
    y = baseline - 5
    draw.line((left, y, right, y), _INK, 2)
    for x in (left, right):
        draw.line((x, y - 5, x, y + 5), _INK, 2)
    start: int = left - 10 - text_width(text, _TEXT_PX)
    draw.text((start, baseline), text, _INK, load_font(_TEXT_PX), anchor="ls")
    return start


def _fitting(text: str, room_px: int) -> str:
    """Shorten a text in its middle to the room there is."""
    while text_width(text, _TEXT_PX) > room_px and len(text) > 5:
        middle = len(text) // 2
        text = f"{text[: middle - 1]}…{text[middle + 2 :]}"
    return text if text_width(text, _TEXT_PX) <= room_px else ""
