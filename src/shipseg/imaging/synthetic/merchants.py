"""Cargo ships, tankers and ferries, seen from above."""

from __future__ import annotations

import numpy as np

from shipseg.imaging.synthetic.hulls import (
    DECKS,
    HULLS,
    REDS,
    clutter,
    crane,
    deck,
    grey,
    helipad,
    house,
    outline,
    pick,
    scaled,
)
from shipseg.imaging.synthetic.light import Colour
from shipseg.imaging.synthetic.pen import Pen

_BOXES: tuple[Colour, ...] = (
    (168, 84, 66), (150, 92, 78), (62, 88, 138), (70, 110, 100), (176, 178, 176), (196, 164, 96),
    (120, 70, 62), (104, 112, 120),
)  # fmt: skip


_FERRY_FUNNELS: tuple[Colour, ...] = ((190, 60, 50), (50, 80, 150), (230, 225, 215), (40, 42, 46))


def draw_coaster(pen: Pen, rng: np.random.Generator, length: float, width: float) -> None:
    """Draw a small cargo ship: one to three hatches."""
    edge = outline(length, width, bow=0.16, stern=0.75, fullness=2.4)
    floor = pick(rng, DECKS)
    deck(pen, edge, pick(rng, HULLS), floor, 0.6)
    count = int(rng.integers(1, 4))
    cover = pick(rng, ((130, 134, 134), (170, 168, 156), (96, 122, 104), (150, 90, 74)))
    _hatches(pen, rng, cover, count, (-0.24 * length, 0.34 * length), 0.7 * width, 0.85)
    if count > 1 and rng.random() < 0.5:
        crane(pen, rng, 0.05 * length, 0.2 * length, pick(rng, ((200, 180, 110), (190, 190, 188))))
    house(pen, rng, -0.37 * length, 0.16 * length, 0.82 * width, 9.0)
    pen.rectangle(0.41 * length, 0.0, 0.05 * length, 0.35 * width, scaled(floor, 1.3), 2.0)


def draw_bulker(pen: Pen, rng: np.random.Generator, length: float, width: float) -> None:
    """Draw a bulk carrier: a row of hatches, often with cranes."""
    edge = outline(length, width, bow=0.1, stern=0.7, fullness=2.8)
    floor = pick(rng, DECKS)
    deck(pen, edge, scaled(floor, 0.8), floor, 0.7)
    count = int(np.clip(round(length / 22 + rng.normal(0, 0.7)), 4, 9))
    alike = rng.random() < 0.5
    cover = scaled(floor, rng.uniform(1.1, 1.35)) if alike else grey(rng.uniform(120, 190))
    if rng.random() < 0.15:
        cover = (38.0, 38.0, 40.0)  # open holds
    span = (-0.32 * length, 0.42 * length)
    _hatches(pen, rng, cover, count, span, rng.uniform(0.5, 0.66) * width, rng.uniform(0.62, 0.8))
    if rng.random() < 0.55:
        pitch = (span[1] - span[0]) / count
        paint = pick(rng, ((205, 190, 130), (190, 190, 188), (170, 120, 80)))
        for index in range(1, count):
            crane(pen, rng, span[0] + index * pitch, 0.8 * pitch, paint)
    if rng.random() < 0.3:
        helipad(pen, 0.05 * length, 0.2 * width)
    clutter(pen, rng, int(length / 4), (-0.34 * length, 0.46 * length), width)
    house(pen, rng, -0.39 * length, 0.09 * length, 0.9 * width, 18.0)


def draw_tanker(pen: Pen, rng: np.random.Generator, length: float, width: float) -> None:
    """Draw a tanker: pipes along the deck, a manifold across."""
    edge = outline(length, width, bow=0.1, stern=0.66, fullness=3.2)
    floor = pick(rng, (*REDS, *REDS, (112, 120, 118), (76, 110, 92), (140, 142, 136)))
    deck(pen, edge, scaled(floor, 0.72), floor, 0.7)
    pipe = scaled(floor, 1.35) if rng.random() < 0.6 else grey(rng.uniform(150, 200))
    for v in np.linspace(-0.07, 0.07, 3) * width:
        pen.line([(-0.3 * length, float(v)), (0.4 * length, float(v))], 0.35, pipe)
    for u in np.arange(-0.28, 0.4, rng.uniform(0.07, 0.12)) * length:
        pen.rectangle(float(u), 0.0, 0.5, 0.94 * width, scaled(floor, 0.82))
    manifold = float(rng.uniform(-0.04, 0.05)) * length
    pen.rectangle(manifold, 0.0, 0.02 * length, 0.84 * width, scaled(pipe, 1.1), 3.0)
    pen.rectangle(manifold + 0.03 * length, 0.0, 0.012 * length, 0.7 * width, scaled(floor, 0.6))
    for side in (-1, 1):
        crane(pen, rng, manifold + side * 0.05 * length, 0.07 * length, grey(190))
    clutter(pen, rng, int(length / 5), (-0.3 * length, 0.44 * length), 0.85 * width)
    if rng.random() < 0.35:
        helipad(pen, 0.18 * length, 0.17 * width)
    house(pen, rng, -0.39 * length, 0.1 * length, 0.88 * width, 18.0)


def draw_container(pen: Pen, rng: np.random.Generator, length: float, width: float) -> None:
    """Draw a container ship: bays of coloured boxes."""
    edge = outline(length, width, bow=0.2, stern=0.85, fullness=2.2)
    deck(pen, edge, pick(rng, HULLS), (70, 70, 72), 0.7)
    bay = float(rng.uniform(7.0, 9.5))  # two 20-foot boxes or one 40-foot box, and the lashing gap
    rows = max(int(0.9 * width / 1.7), 2)
    bridge = float(rng.choice([-0.33, -0.3, 0.1]))
    filled = rng.uniform(0.5, 1.0)
    for u in np.arange(-0.46 * length, 0.38 * length, bay):
        if abs(u - bridge * length) < 0.8 * bay:
            continue
        narrow = 1.0 - max(0.0, u / length - 0.28) * 3.5
        stack = rng.uniform(0.6, 1.0)
        for row in range(rows):
            v = ((row + 0.5) / rows - 0.5) * 0.92 * width * narrow
            if rng.random() < filled:
                paint = scaled(pick(rng, _BOXES), stack)
                pen.rectangle(float(u), float(v), bay - 1.0, 1.55 * narrow, paint, 3.0)
    house(pen, rng, bridge * length, 0.055 * length, 0.95 * width, 24.0)


def draw_ferry(pen: Pen, rng: np.random.Generator, length: float, width: float) -> None:
    """Draw a ferry or a cruise ship: tiers of white decks."""
    edge = outline(length, width, bow=0.24, stern=0.92, fullness=2.2)
    hull = pick(rng, ((225, 226, 226), (50, 80, 140), (40, 50, 78), (228, 226, 220)))
    deck(pen, edge, hull, (200, 206, 208), 0.8)
    tiers = int(rng.integers(2, 4))
    for tier in range(tiers):
        size = 0.8 - 0.2 * tier
        tone = grey(rng.uniform(165, 250))
        pen.rectangle(
            (0.03 - 0.03 * tier) * length,
            0.0,
            size * length,
            (0.82 - 0.12 * tier) * width,
            tone,
            4.0,
        )
    for side in (-1, 1):
        boats = pick(rng, ((220, 120, 60), (235, 200, 90), (230, 230, 230)))
        for u in np.arange(-0.3, 0.3, 0.09) * length:
            pen.rectangle(float(u), side * 0.42 * width, 0.05 * length, 0.07 * width, boats, 0.6)
    pen.rectangle(-0.26 * length, 0.0, 0.08 * length, 0.22 * width, pick(rng, _FERRY_FUNNELS), 8.0)
    if rng.random() < 0.5:
        paint = pick(rng, ((70, 110, 165), (80, 130, 110), (60, 62, 66)))
        pen.rectangle(-0.43 * length, 0.0, 0.1 * length, 0.7 * width, paint)
    clutter(pen, rng, int(length / 6), (-0.4 * length, 0.3 * length), 0.6 * width)


def _hatches(
    pen: Pen,
    rng: np.random.Generator,
    cover: Colour,
    count: int,
    span_u: tuple[float, float],
    width: float,
    filled: float,
) -> None:
    """Draw a row of hatch covers with their coamings, some with a seam."""
    pitch = (span_u[1] - span_u[0]) / count
    seam = rng.random() < 0.5
    for index in range(count):
        u = span_u[0] + (index + 0.5) * pitch
        pen.rectangle(u, 0.0, filled * pitch + 0.7, width + 0.7, scaled(cover, 0.55), 2.0)
        pen.rectangle(u, 0.0, filled * pitch, width, scaled(cover, rng.uniform(0.93, 1.07)))
        if seam:
            pen.line([(u, -width / 2), (u, width / 2)], 0.3, scaled(cover, 0.8))
