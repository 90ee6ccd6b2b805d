"""Slow references for the metrics: sets of pixels, loops and fractions instead of runs and arrays.

A tile is a grid of 16 x 16; a mask is a frozenset of pixel numbers, column-major.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

SIDE = 16
THRESHOLDS = [Fraction(1, 2) + Fraction(i, 20) for i in range(10)]

Mask = frozenset[int]

# No deadline: on a busy machine one slow example says nothing about the code.
quick = settings(max_examples=30, deadline=None)


def to_runs(mask: Mask) -> np.ndarray:
    pixels = sorted(mask)
    starts = [p for p in pixels if p - 1 not in mask]
    ends = [p + 1 for p in pixels if p + 1 not in mask]
    return np.array([(s, e - s) for s, e in zip(starts, ends, strict=True)], dtype=np.int64)


def to_tile(masks: list[Mask]) -> tuple[np.ndarray, ...]:
    return tuple(to_runs(mask) for mask in masks)


def iou(a: Mask, b: Mask) -> Fraction:
    return Fraction(len(a & b), len(a | b))


def greedy_hits(predicted: list[Mask], truth: list[Mask], threshold: Fraction) -> set[int]:
    """Indices of the truths that are hit, matched anew at this threshold."""
    ours, theirs = dict(enumerate(predicted)), dict(enumerate(truth))
    hit: set[int] = set()
    while True:
        pairs = [(iou(a, b), i, j) for i, a in ours.items() for j, b in theirs.items()]
        above = [pair for pair in pairs if pair[0] > threshold]
        if not above:
            return hit
        _, i, j = max(above)
        del ours[i], theirs[j]
        hit.add(j)


def f2(predicted: list[Mask], truth: list[Mask]) -> Fraction:
    if not truth:
        return Fraction(0 if predicted else 1)
    scores = []
    for threshold in THRESHOLDS:
        tp = len(greedy_hits(predicted, truth, threshold))
        fp, fn = len(predicted) - tp, len(truth) - tp
        scores.append(Fraction(5 * tp, 5 * tp + 4 * fn + fp))
    return sum(scores, Fraction(0)) / len(scores)


def dice(predicted: list[Mask], truth: list[Mask]) -> float:
    """Dice from two painted grids, pixel by pixel."""
    both = either = 0
    for pixel in range(SIDE * SIDE):
        ours = any(pixel in mask for mask in predicted)
        theirs = any(pixel in mask for mask in truth)
        both += 2 * (ours and theirs)
        either += ours + theirs
    return both / either if either else 1.0


@st.composite
def rectangles(draw: st.DrawFn) -> Mask:
    x0, x1 = sorted(draw(st.lists(st.integers(0, SIDE), min_size=2, max_size=2, unique=True)))
    y0, y1 = sorted(draw(st.lists(st.integers(0, SIDE), min_size=2, max_size=2, unique=True)))
    return frozenset(x * SIDE + y for x in range(x0, x1) for y in range(y0, y1))


def disjoint(masks: list[Mask]) -> list[Mask]:
    """Let each mask keep only what no earlier one holds; drop those left empty."""
    kept: list[Mask] = []
    for mask in masks:
        rest = mask.difference(*kept)
        if rest:
            kept.append(rest)
    return kept


overlapping_masks = st.lists(rectangles(), max_size=4)
disjoint_masks = overlapping_masks.map(disjoint)


@st.composite
def near(draw: st.DrawFn, truth: list[Mask]) -> list[Mask]:
    """Predictions of the kind a segmenter makes: some missed, some nibbled at, some false."""
    predicted = []
    for mask in truth:
        if draw(st.integers(0, 3)):
            lost = draw(st.integers(0, len(mask) * 3 // 5))
            predicted.append(frozenset(sorted(mask)[lost:]))
    predicted += draw(st.lists(rectangles(), max_size=1))
    return disjoint(predicted)


@st.composite
def tiles(draw: st.DrawFn) -> tuple[list[Mask], list[Mask]]:
    """(predicted, truth), each disjoint, with many IoUs above 1/2."""
    truth = draw(disjoint_masks)
    return draw(near(truth)), truth
