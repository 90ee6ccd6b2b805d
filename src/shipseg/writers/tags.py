"""Small labels beside ships: placed where they hide least, drawn to be read on any ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
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
    places = place_tags(ships, [_shape_of(tag, size_px) for tag in tags], image.size)
    for tag, place in zip(tags, places, strict=True):
        if place is not None:
            _draw(image, tag, place, size_px)


def place_tags(
    ships: Sequence[Box], sizes: Sequence[tuple[int, int]], picture: tuple[int, int]
) -> list[Box | None]:
    """Choose a place beside each ship, one after the other, that hides the fewest tags and ships.

    Args:
        ships: Boxes x0, y0, x1, y1 of the ships.
        sizes: Width and height of their tags.
        picture: Width and height of the picture.

    Returns:
        A box inside the picture for each ship; None where the picture is too small for one.
    """
    boxes = np.array(ships, np.int64).reshape(-1, 4)
    taken = np.zeros((0, 4), np.int64)
    places: list[Box | None] = []
    for ship, size in zip(ships, sizes, strict=True):
        choices = _choices(ship, size, picture)
        if choices is None:
            places.append(None)
            continue
        # A tag over a tag can be read by nobody; over a hull it hides what it speaks of.
        hidden = 4 * _overlaps(choices, taken) + _overlaps(choices, boxes)
        chosen = choices[int(np.argmin(hidden))]
        taken = np.vstack([taken, chosen])
        x0, y0, x1, y1 = chosen.tolist()
        places.append((x0, y0, x1, y1))
    return places


def _choices(
    ship: Box, size: tuple[int, int], picture: tuple[int, int]
) -> npt.NDArray[np.int64] | None:
    """List places beside a ship, moved into the picture, the best liked first: (8, 4) boxes."""
    width, height = size
    if width > picture[0] or height > picture[1]:
        return None
    x0, y0, x1, y1 = ship
    middle_x, middle_y = (x0 + x1 - width) // 2, (y0 + y1 - height) // 2
    above, below = y0 - _GAP_PX - height, y1 + _GAP_PX
    left, right = x0 - _GAP_PX - width, x1 + _GAP_PX
    corners = np.array(
        [
            (middle_x, above), (middle_x, below), (right, middle_y), (left, middle_y),
            (right, above), (left, above), (right, below), (left, below),
        ], np.int64,
    )  # fmt: skip
    corners = np.clip(corners, 0, np.subtract(picture, size))
    return np.hstack([corners, corners + size])


def _overlaps(choices: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> Any:
    """Sum the pixels that each choice shares with all others: (n,)."""
    ends = np.minimum(choices[:, None, 2:], others[None, :, 2:])
    starts = np.maximum(choices[:, None, :2], others[None, :, :2])
    return np.maximum(ends - starts, 0).prod(axis=2).sum(axis=1)


def _shape_of(tag: Tag, size_px: int) -> tuple[int, int]:
    width = text_width(tag.number, size_px) + _SPACE_PX + text_width(tag.score, size_px)
    return width + 2 * _PAD_X_PX, size_px + 2 * _PAD_Y_PX


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
