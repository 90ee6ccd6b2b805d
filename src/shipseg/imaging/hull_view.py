"""Look at one hull: turned level, in the middle, with the water beside it, always of one size.

Length and width are scaled apart from each other, so that a boat and a tanker fill the same share
of the view, and a pixel of the view is the same share of either's side. What is found in a view is
told in shares of it, and `hull_at` says where that lies in the picture.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from shipseg.imaging.tiling import Window
from shipseg.rectangle import Rectangle

Rgb = npt.NDArray[np.uint8]

VIEW_HW = (64, 128)
"""Height and width of a view: the hull lies along its width."""

SIDES = ("front", "back", "right", "left", "front_middle", "back_middle")
"""What is said of a hull in a view, each in shares of the view, -0.5..0.5, from its middle.

Where its two ends lie along the view; where its two sides lie across it, right being the side of
the short axis; and where its centre line lies across it, at `MIDDLES_AT` before and behind the
view's middle.
"""

MIDDLES_AT = 0.18
"""Share of the view's width between its middle and the places where the centre line is told."""

# What is seen beside the hull: half of its length and its whole width, and a few pixels more, since
# a boat's outline is off by as many pixels as a ship's.
_LENGTHS, _LENGTH_PX = 1.5, 8.0
_WIDTHS, _WIDTH_PX = 2.0, 16.0
# The filter's reach.
_RIM_PX = 3


def window_of(rectangle: Rectangle, shape_hw: tuple[int, int]) -> Window:
    """Return the part of a picture that the view of a hull needs.

    Args:
        rectangle: The hull.
        shape_hw: Height and width of the picture.

    Returns:
        A window within the picture; empty where the hull is nowhere near it.
    """
    reach = int(math.hypot(*seen_px(rectangle)) / 2) + _RIM_PX
    x, y = (math.floor(v) for v in rectangle.centre_xy)
    height, width = shape_hw
    x0, y0 = min(max(x - reach, 0), width), min(max(y - reach, 0), height)
    x1, y1 = max(min(x + reach + 1, width), x0), max(min(y + reach + 1, height), y0)
    return Window(x0, y0, x1, y1)


def hull_view(
    rgb: Rgb, window: Window, rectangle: Rectangle, mirror: tuple[int, int] = (1, 1)
) -> Rgb:
    """Cut the view of a hull out of a picture.

    Args:
        rgb: (h, w, 3) uint8, the pixels of `window_of`.
        window: Where they lie in the picture.
        rectangle: The hull, in pixels of the picture.
        mirror: -1 turns the view around along the hull, across it, or both.

    Returns:
        (64, 128, 3) uint8; black where the picture ends.
    """
    height, width = VIEW_HW
    along_px, across_px = seen_px(rectangle)
    # Pillow picks pixels; a view of fewer pixels than it shows is drawn larger and then averaged.
    columns, rows = (
        width * _at_least_one(along_px / width),
        height * _at_least_one(across_px / height),
    )
    step_u = rectangle.along * (mirror[0] * along_px / columns)
    step_v = rectangle.across * (mirror[1] * across_px / rows)
    # Pillow counts from the pixels' corners on both sides, a rectangle from their middles.
    x, y = rectangle.centre_xy + 0.5 - (window.x0, window.y0)
    matrix = (
        step_u[0], step_v[0], x - step_u[0] * columns / 2 - step_v[0] * rows / 2,
        step_u[1], step_v[1], y - step_u[1] * columns / 2 - step_v[1] * rows / 2,
    )  # fmt: skip
    drawn = Image.fromarray(rgb).transform(
        (columns, rows), Image.Transform.AFFINE, matrix, resample=Image.Resampling.BILINEAR
    )
    return np.asarray(drawn.reduce((columns // width, rows // height)))


def seen_px(rectangle: Rectangle) -> tuple[float, float]:
    """Return what the view of a hull shows along and across it, in pixels of the picture."""
    return _LENGTHS * rectangle.length + _LENGTH_PX, _WIDTHS * rectangle.width + _WIDTH_PX


def hull_at(rectangle: Rectangle, sides: npt.NDArray[np.float64]) -> Rectangle:
    """Return the rectangle of a hull that was found in a view.

    Args:
        rectangle: The one that gave the view.
        sides: (6,) float64, `SIDES`.

    Returns:
        In pixels of the picture. Its sides are below 0 where the front lies behind the back, or the
        right left of the left.
    """
    along_px, across_px = seen_px(rectangle)
    front, back = sides[:2] * along_px
    right, left = sides[2:4] * across_px
    turn = math.atan2((sides[4] - sides[5]) * across_px, 2 * MIDDLES_AT * along_px)
    cos, sin = math.cos(turn), math.sin(turn)
    return Rectangle(
        rectangle.centre_xy
        + (front + back) / 2 * rectangle.along
        + (right + left) / 2 * rectangle.across,
        cos * rectangle.along + sin * rectangle.across,
        cos * rectangle.across - sin * rectangle.along,
        float(front - back),
        float(right - left),
    )


def unmirrored(sides: npt.NDArray[np.float64], mirror: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return what was said of a mirrored view as it would be said of the view itself.

    Args:
        sides: (6,) float64, `SIDES`.
        mirror: As `hull_view` took it.
    """
    front, back, right, left, front_middle, back_middle = sides
    if mirror[0] < 0:
        front, back, front_middle, back_middle = -back, -front, back_middle, front_middle
    if mirror[1] < 0:
        right, left, front_middle, back_middle = -left, -right, -front_middle, -back_middle
    return np.array([front, back, right, left, front_middle, back_middle])


def _at_least_one(factor: float) -> int:
    return max(1, round(factor))
