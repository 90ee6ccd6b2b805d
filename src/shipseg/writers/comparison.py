"""The familiar picture: original, truth and prediction side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from shipseg.errors import UsageError
from shipseg.rle import Runs, runs_to_mask, union
from shipseg.writers.outlines import Colour
from shipseg.writers.tags import drawable, load_font, text_width

# White as in every tutorial; orange and blue are told apart by all eyes.
AGREED: Colour = (255, 255, 255)
FALSE: Colour = (255, 138, 30)
MISSED: Colour = (70, 178, 255)

_PAPER = (255, 255, 255)
_INK = (28, 34, 42)
_FAINT = (104, 114, 126)
_MARGIN_PX = 16
_TITLE_PX = 17
_CAPTION_PX = 15
# What the ships stand on: dark enough for white, light enough to see where they are.
_DIMMED = 0.45
_LEAST_PANEL_PX = 320
_MOST_PANEL_PX = 768

Word = tuple[str, Colour | None]
Panel = tuple[list[Word], npt.NDArray[np.uint8]]


def draw_comparison(
    rgb: npt.NDArray[np.uint8],
    truth: Sequence[Runs],
    predicted: Sequence[Runs],
    *,
    title: str,
    figures: str = "",
) -> npt.NDArray[np.uint8]:
    """Draw original, truth and prediction side by side, with captions.

    Masks are solid over the dimmed picture. On the prediction, white pixels agree with the truth,
    orange ones are false and blue ones missed.

    Args:
        rgb: (H, W, 3) uint8.
        truth: Runs of the true ships, on the picture's shape.
        predicted: Runs of the predicted ships.
        title: Usually the ImageId.
        figures: What was measured, such as "Dice 0.81"; stands at the right of the title.

    Returns:
        (h, w, 3) uint8, three panels wide.

    Raises:
        UsageError: `rgb` is of another shape or dtype.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise UsageError(f"rgb must be (H, W, 3) uint8, but is {rgb.shape} {rgb.dtype}")
    shape_hw = (rgb.shape[0], rgb.shape[1])
    theirs, ours = runs_to_mask(union(truth), shape_hw), runs_to_mask(union(predicted), shape_hw)
    layers = [(ours & theirs, AGREED), (ours & ~theirs, FALSE), (theirs & ~ours, MISSED)]
    panels: list[Panel] = [
        ([("original", None)], rgb),
        ([("truth", None), (_ships(truth), _FAINT)], _paint(rgb, [(theirs, AGREED)])),
        (
            [("prediction", None), (_ships(predicted), _FAINT), *_legend(theirs, ours)],
            _paint(rgb, layers),
        ),
    ]
    return _lay_out(panels, drawable(title), drawable(figures))


def _ships(ships: Sequence[Runs]) -> str:
    return {0: "no ship", 1: "1 ship"}.get(len(ships), f"{len(ships)} ships")


def _legend(theirs: npt.NDArray[np.bool_], ours: npt.NDArray[np.bool_]) -> list[Word]:
    """Name the colours that the prediction's panel holds."""
    words: list[Word] = []
    if (ours & ~theirs).any():
        words.append(("false", FALSE))
    if (theirs & ~ours).any():
        words.append(("missed", MISSED))
    return words


def _paint(
    rgb: npt.NDArray[np.uint8], layers: list[tuple[npt.NDArray[np.bool_], Colour]]
) -> npt.NDArray[np.uint8]:
    ground = (rgb * np.float32(_DIMMED)).astype(np.uint8)
    for mask, colour in layers:
        ground[mask] = colour
    return ground


def _lay_out(panels: list[Panel], title: str, figures: str) -> npt.NDArray[np.uint8]:
    images = [_scale(Image.fromarray(pixels)) for _, pixels in panels]
    width, height = images[0].size
    cell = max(width, _LEAST_PANEL_PX)
    title_y = _MARGIN_PX + _TITLE_PX
    caption_y = title_y + 12 + _CAPTION_PX
    top = caption_y + 9
    size = (3 * cell + 4 * _MARGIN_PX, top + height + _MARGIN_PX)
    paper = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(paper)
    draw.text((_MARGIN_PX, title_y), title, _INK, load_font(_TITLE_PX), anchor="ls")
    right = (paper.width - _MARGIN_PX, title_y)
    draw.text(right, figures, _INK, load_font(_TITLE_PX), anchor="rs")
    for index, (image, (words, _)) in enumerate(zip(images, panels, strict=True)):
        x = _MARGIN_PX + index * (cell + _MARGIN_PX)
        _write_words(draw, x, caption_y, words)
        paper.paste(image, (x, top))
    return np.asarray(paper)


def _write_words(draw: ImageDraw.ImageDraw, x: int, baseline: int, words: list[Word]) -> None:
    """Write words on a line; those of the legend get a square of their colour."""
    for text, colour in words:
        if colour in (FALSE, MISSED):
            side = _CAPTION_PX - 4
            draw.rectangle((x, baseline - side, x + side - 1, baseline - 1), fill=colour)
            x += side + 5
        ink = _FAINT if colour else _INK
        draw.text((x, baseline), text, ink, load_font(_CAPTION_PX), anchor="ls")
        x += text_width(text, _CAPTION_PX) + 14


def _scale(image: Image.Image) -> Image.Image:
    """Shrink large pictures; enlarge small ones by whole steps, so that pixels stay pixels."""
    longest = max(image.size)
    if longest > _MOST_PANEL_PX:
        scale = _MOST_PANEL_PX / longest
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        return image.resize(size, Image.Resampling.BOX)
    factor = max(1, _LEAST_PANEL_PX // longest)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
