"""A pen that draws in a ship's own frame: u runs along it to the bow, v to starboard, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from PIL import Image, ImageDraw
from scipy import ndimage

from shipseg.imaging.synthetic.fields import shifted
from shipseg.imaging.synthetic.light import Colour

Points = npt.NDArray[np.float64]
"""``(n, 2)`` float64."""

SUPERSAMPLING = 4


@dataclass(frozen=True, slots=True)
class OrientedBox:
    """A rectangle anywhere in the picture.

    Attributes:
        centre_xy: Its centre, in pixels; the centre of the first pixel is (0.5, 0.5).
        length: Side along the heading, in pixels.
        width: The other side, in pixels.
        heading_rad: Direction of the bow, from +x to +y.
    """

    centre_xy: tuple[float, float]
    length: float
    width: float
    heading_rad: float

    def to_picture(self, uv: npt.ArrayLike) -> Points:
        """Turn ``(n, 2)`` u, v into ``(n, 2)`` x, y."""
        u, v = np.asarray(uv, np.float64).reshape(-1, 2).T
        cos, sin = np.cos(self.heading_rad), np.sin(self.heading_rad)
        x, y = self.centre_xy
        return np.column_stack([x + u * cos - v * sin, y + u * sin + v * cos])

    def corners(self, margin: float = 0.0) -> Points:
        """Return the ``(4, 2)`` corners, each side moved out by `margin` pixels."""
        u, v = self.length / 2 + margin, self.width / 2 + margin
        return self.to_picture([(u, v), (-u, v), (-u, -v), (u, -v)])

    def window(self, shape_hw: tuple[int, int], margin: float) -> tuple[int, int, int, int]:
        """Return the pixels around the box as x0, y0, x1, y1, half-open, inside `shape_hw`."""
        corners = self.corners(margin)
        x0, y0 = np.floor(corners.min(axis=0)).astype(int).tolist()
        x1, y1 = np.ceil(corners.max(axis=0)).astype(int).tolist()
        return max(x0, 0), max(y0, 0), min(x1, shape_hw[1]), min(y1, shape_hw[0])

    def mask(self, shape_hw: tuple[int, int], margin: float = 0.0) -> npt.NDArray[np.bool_]:
        """Return the ``(H, W)`` pixels whose centre lies in the box."""
        mask = np.zeros(shape_hw, np.bool_)
        x0, y0, x1, y1 = self.window(shape_hw, margin)
        if x0 >= x1 or y0 >= y1:
            return mask
        x = np.arange(x0, x1)[None, :] + 0.5 - self.centre_xy[0]
        y = np.arange(y0, y1)[:, None] + 0.5 - self.centre_xy[1]
        cos, sin = np.cos(self.heading_rad), np.sin(self.heading_rad)
        along = np.abs(x * cos + y * sin) <= self.length / 2 + margin
        across = np.abs(y * cos - x * sin) <= self.width / 2 + margin
        mask[y0:y1, x0:x1] = along & across
        return mask


class Pen:
    """Draws one ship at four times the picture's resolution."""

    def __init__(self, box: OrientedBox, margin: float, shadow_xy: tuple[float, float]) -> None:
        """Make an empty canvas.

        Args:
            box: Where the ship lies.
            margin: Pixels kept free around the box, for its shadow.
            shadow_xy: Shift of the shadow of an object 1 m high, in pixels.
        """
        self.box = box
        self.shadow_xy = shadow_xy
        corners = box.corners(margin)
        self.origin_xy: Points = np.floor(corners.min(axis=0))
        self.size_wh = np.ceil(corners.max(axis=0) - self.origin_xy).astype(int) + 1
        canvas_wh = (int(self.size_wh[0]) * SUPERSAMPLING, int(self.size_wh[1]) * SUPERSAMPLING)
        self._colours = Image.new("RGB", canvas_wh)
        self._cover = Image.new("L", canvas_wh, 0)
        self._draw = ImageDraw.Draw(self._colours)
        # A pen in mode RGBA on an RGB picture mixes: what lies in the shade stays visible.
        self._shade = ImageDraw.Draw(self._colours, "RGBA")

    def _canvas(self, uv: npt.ArrayLike) -> list[tuple[float, float]]:
        points = (self.box.to_picture(uv) - self.origin_xy) * SUPERSAMPLING
        return [(float(x), float(y)) for x, y in points]

    def hull(self, outline_uv: npt.ArrayLike, colour: Colour) -> None:
        """Fill the outline; only what lies inside an outline is seen in the end."""
        points = self._canvas(outline_uv)
        self._draw.polygon(points, fill=_bytes(colour))
        ImageDraw.Draw(self._cover).polygon(points, fill=255)

    def polygon(self, uv: npt.ArrayLike, colour: Colour, height_m: float = 0.0) -> None:
        """Fill a polygon; one with a height casts a shadow on what was drawn before it."""
        points = self._canvas(uv)
        if height_m > 0:
            dx, dy = (height_m * SUPERSAMPLING * part for part in self.shadow_xy)
            swept = shapely.MultiPoint([*points, *((x + dx, y + dy) for x, y in points)])
            shadow = shapely.get_coordinates(swept.convex_hull)
            self._shade.polygon([(float(x), float(y)) for x, y in shadow], fill=_SHADE)
        self._draw.polygon(points, fill=_bytes(colour))

    def rectangle(
        self, u: float, v: float, length: float, width: float, colour: Colour, height_m: float = 0.0
    ) -> None:
        """Fill a rectangle centred on u, v."""
        a, b = length / 2, width / 2
        self.polygon(
            [(u - a, v - b), (u + a, v - b), (u + a, v + b), (u - a, v + b)], colour, height_m
        )

    def disc(self, u: float, v: float, radius: float, colour: Colour, ring: float = 0.0) -> None:
        """Fill a disc, or draw a ring of the given width."""
        (x, y), r = self._canvas([(u, v)])[0], radius * SUPERSAMPLING
        frame = (x - r, y - r, x + r, y + r)
        if ring:
            self._draw.ellipse(frame, outline=_bytes(colour), width=round(ring * SUPERSAMPLING))
        else:
            self._draw.ellipse(frame, fill=_bytes(colour))

    def line(self, points_uv: Sequence[tuple[float, float]], width: float, colour: Colour) -> None:
        """Draw a line through the points."""
        thick = max(round(width * SUPERSAMPLING), 1)
        self._draw.line(self._canvas(points_uv), fill=_bytes(colour), width=thick, joint="curve")

    def finish(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return colours ``(h, w, 3)`` and cover ``(h, w)`` 0 to 1, at the picture's resolution."""
        # Colours are averaged over the covered part only, or the rim would take on canvas paint.
        cover = np.asarray(self._cover, np.float32) / 255.0
        colours = np.asarray(self._colours, np.float32) * cover[..., None]
        small = _block_mean(cover)
        premultiplied = np.stack([_block_mean(colours[..., band]) for band in range(3)], axis=-1)
        premultiplied /= np.maximum(small, 1e-3)[..., None]
        return premultiplied, small


def cast_shadow(
    cover: npt.NDArray[np.float32], shadow_xy: tuple[float, float], height_m: float
) -> npt.NDArray[np.float32]:
    """Return the shade that an object of the given height throws around itself, 0 to 1."""
    shade = cover
    steps = max(int(np.ceil(height_m * float(np.hypot(*shadow_xy)))), 1)
    for step in range(1, steps + 1):
        share = height_m * step / steps
        shade = np.maximum(shade, shifted(cover, share * shadow_xy[0], share * shadow_xy[1]))
    return np.asarray(ndimage.gaussian_filter(shade, 0.6), np.float32)


def _block_mean(field: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    height, width = (side // SUPERSAMPLING for side in field.shape)
    blocks = field.reshape(height, SUPERSAMPLING, width, SUPERSAMPLING)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def _bytes(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (max(0, min(255, round(part))) for part in colour)
    return red, green, blue


_SHADE = (16, 20, 26, 165)
