"""Small labels beside ships: placed where they hide least, drawn to be read on any ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from shipseg.writers.outlines import Colour

Box = tuple[int, int, int, int]

_GAP_PX = 5
_PAD_X_PX = 5
_PAD_Y_PX = 3
_SPACE_PX = 5
_GROUND = (10, 14, 20)
_GROUND_ALPHA = 205
_SCORE_COLOUR = (240, 243, 246)
_FINE = 4


@dataclass(frozen=True, slots=True)
class Tag:
    """A ship's number in its colour, and its score."""

    number: str
    score: str
    colour: Colour
    ship_xyxy: Box


@cache
def load_font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load the font inside Pillow: it needs no file, and holds little more than ASCII."""
    return ImageFont.load_default(size_px)


def drawable(text: str) -> str:
    """Replace what the font has no glyph for by `?`."""
    return "".join(c if " " <= c <= "~" or c in "·…" else "?" for c in text)


def text_width(text: str, size_px: int) -> int:
    """Measure a line of text in pixels."""
    return round(load_font(size_px).getlength(text))


def draw_tags(image: Image.Image, tags: Sequence[Tag], *, size_px: int = 13) -> None:
    """Draw a tag beside each ship, in place; one that finds no room in the picture is left out.

    Args:
        image: RGB.
        tags: In order of importance.
        size_px: Height of the text.
    """
    ships = [tag.ship_xyxy for tag in tags]
    taken: list[Box] = []
    for tag in tags:
        shape = _shape_of(tag, size_px)
        place = _place(tag.ship_xyxy, shape, image.size, taken, ships)
        if place is not None:
            taken.append(place)
            _draw(image, tag, place, size_px)


def _shape_of(tag: Tag, size_px: int) -> tuple[int, int]:
    width = text_width(tag.number, size_px) + _SPACE_PX + text_width(tag.score, size_px)
    return width + 2 * _PAD_X_PX, size_px + 2 * _PAD_Y_PX


def _place(
    ship: Box, shape: tuple[int, int], size: tuple[int, int], taken: list[Box], ships: list[Box]
) -> Box | None:
    """Choose the place inside the picture that covers the fewest tags and ships."""
    width, height = shape
    if width > size[0] or height > size[1]:
        return None
    x0, y0, x1, y1 = ship
    middle_x, middle_y = (x0 + x1 - width) // 2, (y0 + y1 - height) // 2
    above, below = y0 - _GAP_PX - height, y1 + _GAP_PX
    left, right = x0 - _GAP_PX - width, x1 + _GAP_PX
    corners = [
        (middle_x, above), (middle_x, below), (right, middle_y), (left, middle_y),
        (right, above), (left, above), (right, below), (left, below),
    ]  # fmt: skip
    places = []
    for x, y in corners:
        inside_x = min(max(x, 0), size[0] - width)
        inside_y = min(max(y, 0), size[1] - height)
        places.append((inside_x, inside_y, inside_x + width, inside_y + height))

    def hidden(place: Box) -> int:
        # A tag over a tag can be read by nobody; over a hull it hides what it speaks of.
        return sum(4 * _overlap(place, other) for other in taken) + sum(
            _overlap(place, other) for other in ships
        )

    return min(places, key=hidden)


def _overlap(a: Box, b: Box) -> int:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def _draw(image: Image.Image, tag: Tag, place: Box, size_px: int) -> None:
    x0, y0, x1, y1 = place
    width, height = x1 - x0, y1 - y0
    fine = Image.new("L", (width * _FINE, height * _FINE))
    ImageDraw.Draw(fine).rounded_rectangle(
        (0, 0, width * _FINE - 1, height * _FINE - 1), radius=4 * _FINE, fill=_GROUND_ALPHA
    )
    image.paste(_GROUND, (x0, y0), fine.reduce(_FINE))
    draw = ImageDraw.Draw(image)
    font = load_font(size_px)
    baseline = y0 + _PAD_Y_PX + round(0.86 * size_px)
    draw.text((x0 + _PAD_X_PX, baseline), tag.number, tag.colour, font, anchor="ls")
    score_x = x0 + _PAD_X_PX + text_width(tag.number, size_px) + _SPACE_PX
    draw.text((score_x, baseline), tag.score, _SCORE_COLOUR, font, anchor="ls")
