"""Rectangles as masks, and ships of them."""

from __future__ import annotations

import math

import numpy as np

from shipseg.inference.ships import Ship
from shipseg.rle import mask_to_runs

SHAPE = (160, 200)


def rectangle(
    x: float, y: float, length: float, width: float, degrees: float, shape: tuple[int, int] = SHAPE
) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    along = (columns - x) * c + (rows - y) * s
    across = (rows - y) * c - (columns - x) * s
    return (np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)


def ship(mask: np.ndarray, score: float = 0.5) -> Ship:
    return Ship(mask_to_runs(mask), mask.shape, score)


def checked_parts(masks: list[np.ndarray], whole: np.ndarray) -> list[np.ndarray]:
    """Assert that masks are disjoint, none empty, and within what they were parted from."""
    assert sum(part.astype(int) for part in masks).max() == 1
    assert not (np.any(masks, axis=0) & ~whole).any()
    assert all(part.any() for part in masks)
    return masks


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())
