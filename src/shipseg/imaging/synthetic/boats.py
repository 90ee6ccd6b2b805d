"""Small craft, barges and warships, seen from above."""

from __future__ import annotations

import numpy as np

from shipseg.imaging.synthetic.hulls import (
    DECKS,
    HULLS,
    REDS,
    barge_outline,
    clutter,
    deck,
    grey,
    outline,
    pick,
    scaled,
)
from shipseg.imaging.synthetic.light import Colour
from shipseg.imaging.synthetic.pen import Pen

_WORK_DECKS: tuple[Colour, ...] = (
    (176, 176, 172), (140, 142, 140), (150, 126, 100), (104, 116, 128), (92, 122, 104), REDS[0],
)  # fmt: skip


def draw_boat(pen: Pen, rng: np.random.Generator, length: float, width: float) -> None:
    """Draw a motor boat or yacht."""
    white = grey(rng.uniform(150, 250)) if rng.random() < 0.8 else pick(rng, DECKS)
    edge = outline(length, width, bow=rng.uniform(0.4, 0.6), stern=0.85, fullness=2.0)
    deck(pen, edge, white, scaled(white, 0.88), 0.3)
    cabin = pick(rng, ((235, 235, 232), (70, 80, 92), (150, 130, 110), (60, 90, 140)))
    u = float(rng.uniform(-0.15, 0.1)) * length
    pen.rectangle(u, 0.0, 0.3 * length, 0.6 * width, cabin, 2.0)
    if rng.random() < 0.6:
        pen.rectangle(-0.36 * length, 0.0, 0.18 * length, 0.6 * width, grey(rng.uniform(60, 150)))


def draw_fisher(pen: Pen, rng: np.random.Generator, length: float, width: float) -> None:
    """Draw a fishing boat."""
    hull = pick(rng, ((210, 210, 206), (60, 90, 140), (150, 70, 60), (70, 110, 92), (120, 98, 78)))
    edge = outline(length, width, bow=rng.uniform(0.3, 0.45), stern=0.7, fullness=2.2)
    deck(pen, edge, hull, pick(rng, _WORK_DECKS), 0.5)
    forward = rng.random() < 0.5
    u = (0.18 if forward else -0.24) * length
    pen.rectangle(u, 0.0, 0.24 * length, 0.66 * width, grey(rng.uniform(190, 245)), 5.0)
    pen.rectangle(u, 0.0, 0.12 * length, 0.4 * width, grey(rng.uniform(110, 180)), 2.0)
    pen.line([(u, 0.0), (-u, 0.0)], 0.5, grey(rng.uniform(90, 200)))
    clutter(pen, rng, int(length / 5), (-0.4 * length, 0.3 * length), width)


def draw_tug(pen: Pen, rng: np.random.Generator, length: float, width: float) -> None:
    """Draw a tug."""
    hull = pick(rng, HULLS)
    edge = outline(length, width, bow=0.4, stern=0.75, fullness=2.8)
    deck(pen, edge, hull, pick(rng, _WORK_DECKS), 0.6)
    pen.rectangle(0.1 * length, 0.0, 0.34 * length, 0.62 * width, grey(rng.uniform(200, 250)), 6.0)
    pen.rectangle(0.14 * length, 0.0, 0.16 * length, 0.4 * width, grey(rng.uniform(120, 190)), 3.0)
    pen.rectangle(-0.1 * length, 0.0, 0.09 * length, 0.3 * width, pick(rng, REDS), 4.0)


def draw_barge(pen: Pen, rng: np.random.Generator, length: float, width: float) -> None:
    """Draw a barge, laden or empty."""
    hull = pick(rng, ((96, 84, 74), (128, 104, 84), (70, 70, 70), (132, 76, 62)))
    edge = barge_outline(length, width, 0.07 * length)
    deck(pen, edge, hull, scaled(hull, 1.15), 0.8)
    cargo = pick(
        rng, ((184, 160, 128), (46, 46, 48), (150, 120, 96), (110, 108, 104), (52, 56, 54))
    )
    holds = int(rng.integers(1, 5)) if length > 30 else 1
    inside = 0.76 * length
    for index in range(holds):
        u = inside * ((index + 0.5) / holds - 0.5) + 0.04 * length
        pen.rectangle(u, 0.0, inside / holds - 1.0, 0.72 * width, scaled(cargo, 0.8))
        pen.rectangle(u, 0.06 * width, inside / holds - 2.0, 0.5 * width, cargo)
    if rng.random() < 0.6:
        cabin = grey(rng.uniform(150, 235))
        pen.rectangle(-0.43 * length, 0.0, 0.08 * length, 0.55 * width, cabin, 4.0)


def draw_navy(pen: Pen, rng: np.random.Generator, length: float, width: float) -> None:
    """Draw a warship."""
    edge = outline(length, width, bow=0.42, stern=0.85, fullness=1.9)
    tone = rng.uniform(105, 160)
    deck(pen, edge, grey(tone), grey(0.8 * tone), 0.5)
    for u, size, wide in ((0.14, 0.16, 0.7), (-0.05, 0.12, 0.55), (-0.2, 0.16, 0.72)):
        pen.rectangle(u * length, 0.0, size * length, wide * width, grey(1.15 * tone), 10.0)
        pen.rectangle(
            u * length, 0.0, 0.4 * size * length, 0.6 * wide * width, grey(0.9 * tone), 5.0
        )
    pen.disc(0.31 * length, 0.0, 0.16 * width, grey(1.2 * tone))
    pen.rectangle(-0.4 * length, 0.0, 0.15 * length, 0.74 * width, grey(0.62 * tone))
    pen.disc(-0.4 * length, 0.0, 0.22 * width, grey(1.3 * tone), ring=0.3)
