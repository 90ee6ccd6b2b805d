"""Rotated rectangles: what a ship's mask nearly is, seen from above."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from shapely import Polygon

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

    @property
    def area_px(self) -> float:
        """Its area in pixels."""
        return self.length * self.width

    @property
    def corners_xy(self) -> Vector:
        """(4, 2) its corners, one after the other around it."""
        halves = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * (self.length / 2, self.width / 2)
        return self.centre_xy + halves @ np.stack([self.along, self.across])

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


def rectangle_at(centre_xy: Vector, heading_rad: float, length: float, width: float) -> Rectangle:
    """Return a rectangle whose short axis is a quarter turn from x towards y behind its long one.

    Moments leave the axes' signs open; a view and its moves need them to be of one hand.

    Args:
        centre_xy: (2,) its middle.
        heading_rad: Direction of the long axis, from x towards y.
        length: Its long side.
        width: Its short side.
    """
    cos, sin = math.cos(heading_rad), math.sin(heading_rad)
    return Rectangle(centre_xy, np.array([cos, sin]), np.array([-sin, cos]), length, width)


def rectangle_around(points_xy: Vector) -> Rectangle:
    """Return the smallest rectangle around points, of one hand as `rectangle_at` makes it.

    Args:
        points_xy: (n, 2) x and y, not all on one line.
    """
    from shapely import MultiPoint, minimum_rotated_rectangle

    a, b, c, _, _ = np.asarray(minimum_rotated_rectangle(MultiPoint(points_xy)).exterior.coords)
    sides = sorted((b - a, c - b), key=lambda side: -float(np.hypot(*side)))
    (dx, dy), (length, width) = sides[0], (float(np.hypot(*side)) for side in sides)
    return rectangle_at((a + c) / 2, math.atan2(dy, dx), length, width)


def shared_px(one: Rectangle, other: Rectangle) -> float:
    """Return the area that two rectangles share, in pixels."""
    reach = math.hypot(one.length, one.width) + math.hypot(other.length, other.width)
    if math.hypot(*(other.centre_xy - one.centre_xy)) >= reach / 2:
        return 0.0
    return float(_polygon(one).intersection(_polygon(other)).area)


def rectangles_iou(one: Rectangle, other: Rectangle) -> float:
    """Return the area that two rectangles share over that of both, 0..1."""
    shared = shared_px(one, other)
    return shared / (one.area_px + other.area_px - shared)


def _polygon(rectangle: Rectangle) -> Polygon:
    # Imported here, as `Ship` does it: few calls need it.
    from shapely import Polygon

    return Polygon(rectangle.corners_xy)


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
