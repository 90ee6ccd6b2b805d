"""Cut a square out of a tile, turned and zoomed, picture and masks alike."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

Rgb = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class View:
    """A square on a tile.

    Attributes:
        centre_xy: Its middle, in pixels of the tile.
        side_px: Its side, in pixels of the tile.
        angle_rad: By how much it is turned.
        size: Pixels per side of what is cut out.
    """

    centre_xy: tuple[float, float]
    side_px: float
    angle_rad: float
    size: int

    def shifted(self, right_and_down_px: float) -> View:
        """Return the same square so many pixels of the tile further right and down."""
        x, y = self.centre_xy
        return replace(self, centre_xy=(x + right_and_down_px, y + right_and_down_px))

    @property
    def _is_plain(self) -> bool:
        corners = (c - self.side_px / 2 for c in self.centre_xy)
        return (
            self.angle_rad == 0
            and self.side_px == self.size
            and all(corner == round(corner) for corner in corners)
        )

    @property
    def window_xyxy(self) -> tuple[int, int, int, int]:
        """The upright window that holds the square and two pixels more, which the filter needs."""
        half = half_extent(self.side_px, self.angle_rad) + (0 if self._is_plain else 2)
        (x, y) = self.centre_xy
        return (
            math.floor(x - half), math.floor(y - half), math.ceil(x + half), math.ceil(y + half),
        )  # fmt: skip

    def cut_rgb(self, rgb: Rgb) -> Rgb:
        """Cut the square out of a picture.

        Args:
            rgb: (H, W, 3) uint8, the tile; what the square has beyond it is black.

        Returns:
            (size, size, 3) uint8.
        """
        x0, y0, x1, y1 = self.window_xyxy
        height, width = rgb.shape[:2]
        if self._is_plain and x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
            return rgb[y0:y1, x0:x1]
        # Bicubic keeps the edges that the outline is learnt from.
        picture = Image.fromarray(rgb)
        return np.asarray(self._transform(picture, (0, 0), Image.Resampling.BICUBIC))

    def cut_mask(self, mask: Mask, offset_xy: tuple[int, int]) -> Mask:
        """Cut the square out of a mask: a pixel is set where at least half of it is.

        Args:
            mask: (h, w) bool, `window_xyxy` of the tile or more.
            offset_xy: Where the mask's first pixel lies in the tile.

        Returns:
            (size, size) bool.
        """
        if self._is_plain:
            x0, y0, x1, y1 = self.window_xyxy
            left, top = offset_xy
            return mask[y0 - top : y1 - top, x0 - left : x1 - left]
        grey = Image.fromarray(mask.astype(np.uint8) * 255)
        return np.asarray(self._transform(grey, offset_xy, Image.Resampling.BILINEAR)) >= 128

    def _transform(
        self, image: Image.Image, offset_xy: tuple[int, int], method: Image.Resampling
    ) -> Image.Image:
        # From a pixel (u, v) of the result to the tile: turned and scaled about the centre. Pillow
        # counts from the pixels' corners on both sides.
        step = self.side_px / self.size
        a, b = step * math.cos(self.angle_rad), -step * math.sin(self.angle_rad)
        x, y = self.centre_xy[0] - offset_xy[0], self.centre_xy[1] - offset_xy[1]
        half = self.size / 2
        matrix = (a, b, x - half * (a + b), -b, a, y - half * (a - b))
        size = (self.size, self.size)
        return image.transform(size, Image.Transform.AFFINE, matrix, resample=method)


def half_extent(side_px: float, angle_rad: float) -> float:
    """Return half the side of the upright square around a turned one, in pixels."""
    return side_px / 2 * (abs(math.cos(angle_rad)) + abs(math.sin(angle_rad)))
