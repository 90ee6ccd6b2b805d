"""Plots as PNG, drawn with Pillow: matplotlib is no part of a plain install, and slow to load."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from shipseg.explore.marks import Bar, Mark, Paint, Plot, Rule, Wedge, Words

Colour = tuple[int, int, int]

# Two dots for each unit of the marks, for slides and sharp screens.
_SCALE = 2
_HEAD = 40.0
_MARGIN = 12.0
_PAPER: Colour = (255, 255, 255)
_COLOURS: dict[Paint, Colour] = {
    "ink": (23, 34, 45),
    "faint": (92, 107, 120),
    "line": (223, 228, 230),
    "accent": (11, 110, 138),
    "second": (196, 112, 20),
}
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
_TEXT_PX, _TITLE_PX = 12.5, 17.0


def to_png(plot: Plot) -> bytes:
    """Draw a plot with its title on white, as the bytes of a PNG file."""
    return encode(draw_plot(plot))


def draw_plot(plot: Plot) -> Image.Image:
    """Draw a plot with its title on white; not for two threads at once, for they share fonts."""
    size = (plot.width + 2 * _MARGIN, plot.height + _HEAD + _MARGIN)
    image = Image.new("RGB", (round(size[0] * _SCALE), round(size[1] * _SCALE)), _PAPER)
    draw = ImageDraw.Draw(image)
    at = (2 * _MARGIN * _SCALE, 26 * _SCALE)
    draw.text(at, plot.title, fill=_COLOURS["ink"], font=_font(_TITLE_PX), anchor="ls")
    for mark in plot.marks:
        _paint(draw, mark)
    return image


def encode(image: Image.Image) -> bytes:
    """Pack a picture as the bytes of a PNG file; runs beside other threads."""
    buffer = io.BytesIO()
    # Flat colours pack well at any level; a palette would halve the file and bend the white.
    image.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _paint(draw: ImageDraw.ImageDraw, mark: Mark) -> None:
    match mark:
        case Bar():
            x0, y0 = _at(mark.x, mark.y)
            x1, y1 = _at(mark.x + mark.width, mark.y + max(mark.height, 0))
            if y1 - y0 >= 1 and x1 - x0 >= 1:
                # Pillow's rectangles hold their last row and column.
                draw.rectangle((x0, y0, x1 - 1, y1 - 1), fill=_mix(mark.paint, mark.opacity))
        case Wedge():
            points = [_at(x, y) for x, y in mark.points]
            draw.polygon(points, fill=_mix(mark.paint, mark.opacity))
        case Rule():
            points = [_at(x, y) for x, y in mark.points]
            draw.line(points, fill=_COLOURS[mark.paint], width=_SCALE)
        case Words():
            at, anchor = _at(mark.x, mark.y), _ANCHORS[mark.anchor]
            fill, font = _COLOURS[mark.paint], _font(_TEXT_PX)
            draw.text(at, mark.text, fill=fill, font=font, anchor=anchor)


def _at(x: float, y: float) -> tuple[float, float]:
    return round((x + _MARGIN) * _SCALE), round((y + _HEAD) * _SCALE)


def _mix(paint: Paint, opacity: float) -> Colour:
    red, green, blue = (
        round(paper + (ink - paper) * opacity)
        for ink, paper in zip(_COLOURS[paint], _PAPER, strict=True)
    )
    return red, green, blue


@cache
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * _SCALE)
