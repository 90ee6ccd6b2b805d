"""Resampling of windows, so that each comes out as if the whole scene had been resampled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]
Valid = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a working grid over a scene's pixels.

    Attributes:
        length: Pixels of the scene.
        factor: Scene pixels for each working pixel; below 1 enlarges.
    """

    length: int
    factor: float

    @property
    def working(self) -> int:
        """Pixels of the working grid; the last may reach beyond the scene."""
        return self.length if self.factor == 1 else max(1, math.ceil(self.length / self.factor))

    def source(self, low: int, high: int) -> tuple[int, int]:
        """Which scene pixels the working pixels `low` to `high` are made of, half-open."""
        if self.factor == 1:
            return low, high
        taps, _ = self._taps(low, high)
        return int(taps.min()), int(taps.max()) + 1

    def spread(self, values: npt.NDArray[np.float32], low: int, high: int) -> npt.NDArray[Any]:
        """Resample the first axis; `values` are of `source(low, high)`.

        A triangle as wide as a working pixel, or a scene pixel where that is wider. Weights depend
        on a pixel's place on the working grid alone, and are summed in one order: where two
        windows share a pixel it has the same value in both.
        """
        if self.factor == 1:
            return values
        taps, weights = self._taps(low, high)
        taps = taps - taps.min()
        shape = (-1,) + (1,) * (values.ndim - 1)
        total = np.zeros((high - low, *values.shape[1:]), np.float32)
        for tap, weight in zip(taps.T, weights.T, strict=True):
            total += values[tap] * weight.reshape(shape)
        return total

    def _taps(self, low: int, high: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Give (n, k) scene pixels and their weights, which sum to 1."""
        reach = max(1.0, self.factor)
        centres = (np.arange(low, high) + 0.5) * self.factor - 0.5
        first = np.floor(centres - reach).astype(np.int64) + 1
        taps = first[:, None] + np.arange(math.ceil(2 * reach))
        weights = np.maximum(0, 1 - np.abs(taps - centres[:, None]) / reach)
        # Rows without any weight lie beyond the scene by less than a working pixel.
        weights /= weights.sum(axis=1, keepdims=True)
        return np.clip(taps, 0, self.length - 1), weights.astype(np.float32)


def resample(
    rgb: Rgb, valid: Valid, rows: Axis, columns: Axis, corner_xy: tuple[int, int], shape_hw: Any
) -> tuple[Rgb, Valid]:
    """Bring a window of a scene to the working grid; nodata lends its neighbours no colour.

    Args:
        rgb: (h, w, 3) uint8, the scene's pixels that `Axis.source` names.
        valid: (h, w) bool.
        rows: The axis down.
        columns: The axis to the right.
        corner_xy: Top left of the window on the working grid.
        shape_hw: Its height and width there.

    Returns:
        Colours and mask; a working pixel is valid where at least half of its weight is.
    """
    weight = valid.astype(np.float32)[..., None]
    planes = np.concatenate([rgb * weight, weight], axis=-1)
    (x, y), (height, width) = corner_xy, shape_hw
    planes = rows.spread(planes, y, y + height)
    planes = columns.spread(planes.transpose(1, 0, 2), x, x + width).transpose(1, 0, 2)
    share = planes[..., 3:]
    colours = planes[..., :3] / np.maximum(share, np.float32(1e-6))
    inside = share[..., 0] >= 0.5
    out = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    out[~inside] = 0
    return np.ascontiguousarray(out), inside
