"""Rotated rectangles: what a ship's mask nearly is, seen from above."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rectangle:
    """A rectangle at any angle, in pixels: x to the right, y down, pixels' middles whole numbers.

    Attributes:
        centre_xy: (2,) its middle.
        along: (2,) unit vector of its long axis.
        across: (2,) unit vector of its short axis.
        length: Its long side.
        width: Its short side.
    """

    centre_xy: Vector
    along: Vector
    across: Vector
    length: float
    width: float

    @property
    def heading_rad(self) -> float:
        """Direction of the long axis, from x towards y; either end may be the bow."""
        return float(np.arctan2(self.along[1], self.along[0]))

    def from_middle(self, points_xy: Vector) -> Vector:
        """Return (n, 2) points as they lie from its middle, along and across."""
        return (points_xy - self.centre_xy) @ np.stack([self.along, self.across], axis=1)

    def drawn(self, shape_hw: tuple[int, int]) -> Mask:
        """Paint the pixels whose middles lie inside.

        Args:
            shape_hw: Height and width of the picture.

        Returns:
            (H, W) bool.
        """
        y, x = np.ogrid[: shape_hw[0], : shape_hw[1]]
        dx, dy = x - self.centre_xy[0], y - self.centre_xy[1]
        along = np.abs(dx * self.along[0] + dy * self.along[1])
        across = np.abs(dx * self.across[0] + dy * self.across[1])
        inside: Mask = (along <= self.length / 2) & (across <= self.width / 2)
        return inside


def rectangle_of(mask: Mask) -> Rectangle:
    """Return the rectangle with a mask's second moments.

    A rectangle of sides L and W has the variances L²/12 and W²/12 along its axes.

    Args:
        mask: (h, w) bool, not empty.
    """
    ys, xs = np.nonzero(mask)
    centre = np.array([xs.mean(), ys.mean()])
    dx, dy = xs - centre[0], ys - centre[1]
    xy = (dx * dy).mean()
    # A pixel is a square, which adds 1/12 to the variance of its middle.
    moments = np.array([[(dx * dx).mean() + 1 / 12, xy], [xy, (dy * dy).mean() + 1 / 12]])
    variances, axes = np.linalg.eigh(moments)
    width, length = np.sqrt(12 * variances)
    return Rectangle(centre, axes[:, 1], axes[:, 0], float(length), float(width))


def points_of(mask: Mask) -> Vector:
    """Return (n, 2) float64, x and y of a mask's pixels."""
    ys, xs = np.nonzero(mask)
    return np.stack([xs, ys], axis=1).astype(np.float64)
