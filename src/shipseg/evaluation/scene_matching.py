"""Which found ship of a scene is which true one: by overlap, and by place for loose outlines.

Truths of scenes are often drawn loosely. So there are two ways: by IoU above 1/2, as on tiles, and
by place, where the centre of a found ship lies within half the true ship's length of its centre. In
both each ship is matched at most once, the best pair first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from shapely import MultiPolygon, Polygon, STRtree, minimum_rotated_rectangle

Outline: TypeAlias = "Polygon | MultiPolygon"
Pair = tuple[int, int, float]
"""Index of the found ship, of the true one, and their IoU or distance."""

_IOU = 0.5


def match_by_iou(found: Sequence[Outline], truth: Sequence[Outline]) -> list[Pair]:
    """Match outlines whose IoU is above 1/2, the largest first.

    Args:
        found: Valid outlines on a plane.
        truth: The same.

    Returns:
        Pairs with their IoU, falling.

    Examples:
        >>> from shapely import box
        >>> match_by_iou([box(0, 0, 4, 1)], [box(9, 0, 10, 1), box(0, 0, 3, 1)])
        [(0, 1, 0.75)]
    """
    if not found or not truth:
        return []
    near = STRtree(list(truth)).query(list(found), predicate="intersects").T.tolist()
    pairs = [(i, j, iou(found[i], truth[j])) for i, j in near]
    return _one_to_one([pair for pair in pairs if pair[2] > _IOU], key=lambda pair: -pair[2])


def match_by_place(found: Sequence[Outline], truth: Sequence[Outline]) -> list[Pair]:
    """Match outlines whose centres lie within half the true ship's length, the nearest first.

    Args:
        found: Valid outlines on a plane.
        truth: The same.

    Returns:
        Pairs with their distance, rising.

    Examples:
        >>> from shapely import box
        >>> match_by_place([box(1, 0, 5, 1), box(0, 0, 4, 1)], [box(0, 0, 4, 1)])
        [(1, 0, 0.0)]
    """
    if not found or not truth:
        return []
    centres = [outline.centroid for outline in found]
    targets = [outline.centroid for outline in truth]
    reach = [length_of(outline) / 2 for outline in truth]
    tree = STRtree(centres)
    pairs = [
        (int(i), j, centres[i].distance(target))
        for j, target in enumerate(targets)
        for i in tree.query(target, predicate="dwithin", distance=reach[j])
    ]
    return _one_to_one(pairs, key=lambda pair: pair[2])


def iou(first: Outline, second: Outline) -> float:
    """Give the area of the intersection over that of the union, 0..1."""
    shared = first.intersection(second).area
    return float(shared / (first.area + second.area - shared))


def length_of(outline: Outline) -> float:
    """Give the longer side of an outline's oriented box."""
    # A sliver thinner than rounding has a line for its box.
    rectangle: Any = minimum_rotated_rectangle(outline)
    corners = np.asarray(getattr(rectangle, "exterior", rectangle).coords)
    return float(np.hypot(*np.diff(corners[:3], axis=0).T).max())


def _one_to_one(pairs: list[Pair], key: Callable[[Pair], float]) -> list[Pair]:
    """Take the best pair, then the best of those whose ships are both free; ties by index."""
    chosen: list[Pair] = []
    found: set[int] = set()
    truth: set[int] = set()
    for pair in sorted(pairs, key=lambda pair: (key(pair), pair[0], pair[1])):
        if pair[0] not in found and pair[1] not in truth:
            found.add(pair[0])
            truth.add(pair[1])
            chosen.append(pair)
    return chosen
