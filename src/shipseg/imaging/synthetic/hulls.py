"""Hull shapes and the fittings that are seen from above, drawn with a `Pen`."""

from __future__ import annotations

import numpy as np

from shipseg.imaging.synthetic.light import Colour
from shipseg.imaging.synthetic.pen import Pen, Points


def outline(length: float, width: float, *, bow: float, stern: float, fullness: float) -> Points:
    """Return the deck's edge.

    Args:
        length: Length in pixels.
        width: Width in pixels.
        bow: Share of the length over which the bow narrows to its point.
        stern: Width of the transom as a share of the full width.
        fullness: 1 for a straight-sided point, 2 a yacht's, 3 or 4 the blunt bow of a tanker.

    Returns:
        ``(n, 2)`` u, v, the point of the bow at u = length / 2.
    """
    half = width / 2
    t = np.linspace(0.0, 1.0, 15)
    bow_u = length * (0.5 - bow * (1.0 - t))
    bow_v = half * (1.0 - t**fullness)
    tuck = min(0.12 * length, width)
    s = np.linspace(0.0, 1.0, 6)
    stern_u = -length / 2 + tuck * s
    stern_v = half * (stern + (1.0 - stern) * np.sqrt(1.0 - (1.0 - s) ** 2))
    starboard = np.column_stack([np.append(stern_u, bow_u), np.append(stern_v, bow_v)])
    port = starboard[::-1] * [1.0, -1.0]
    return np.vstack([starboard, port])


def barge_outline(length: float, width: float, rake: float) -> Points:
    """Return a box with both ends slightly narrower; `rake` is the length of the narrowing."""
    a, b, c = length / 2, width / 2, 0.78 * width / 2
    half = [(-a, c), (-a + rake, b), (a - rake, b), (a, c)]
    return np.array(half + [(u, -v) for u, v in reversed(half)])


def deck(pen: Pen, edge: Points, hull: Colour, floor: Colour, rim: float) -> None:
    """Draw hull and deck: the rim is the bulwark, lit on the sun's side and dark on the other."""
    pen.hull(edge, hull)
    length, width = np.ptp(edge, axis=0)
    inner = edge * [max(1 - 2 * rim / length, 0.3), max(1 - 2 * rim / width, 0.3)]
    pen.polygon(inner, floor)
    cos, sin = np.cos(pen.box.heading_rad), np.sin(pen.box.heading_rad)
    lit = -np.sign(pen.shadow_xy[1] * cos - pen.shadow_xy[0] * sin) or 1.0
    middle = edge[np.abs(edge[:, 0]) < 0.46 * length]
    for side, factor in ((lit, 1.35), (-lit, 0.5)):
        points = [(float(u), float(v)) for u, v in middle[np.sign(middle[:, 1]) == side]]
        if len(points) > 1:
            pen.line(points, max(rim, 0.3), scaled(hull, factor))


def house(
    pen: Pen, rng: np.random.Generator, u: float, length: float, width: float, height_m: float
) -> None:
    """Draw an accommodation block across the deck: white tiers, bridge wings, a funnel."""
    white = grey(rng.uniform(185, 245))
    pen.rectangle(u, 0.0, length, width, white, height_m)
    pen.rectangle(u + 0.15 * length, 0.0, 0.5 * length, 0.86 * width, scaled(white, 0.82), 3.0)
    pen.rectangle(u + 0.3 * length, 0.0, 0.22 * length, 1.02 * width, scaled(white, 1.06), 2.0)
    funnel = pick(rng, FUNNELS)
    pen.rectangle(u - 0.32 * length, 0.0, 0.3 * length, 0.24 * width, funnel, 6.0)
    pen.rectangle(u - 0.32 * length, 0.0, 0.14 * length, 0.12 * width, (25, 25, 28))


def crane(pen: Pen, rng: np.random.Generator, u: float, reach: float, colour: Colour) -> None:
    """Draw a deck crane: a pedestal and its jib laid along the ship."""
    size = max(reach * 0.16, 0.9)
    turn = float(rng.normal(0.0, 0.12))
    tip = (u + reach * float(np.cos(turn)), reach * float(np.sin(turn)))
    pen.line([(u + 0.5, 0.5), (tip[0] + 0.7, tip[1] + 0.7)], 0.45 * size, (40, 42, 44))
    pen.line([(u, 0.0), tip], 0.4 * size, scaled(colour, 1.1))
    pen.rectangle(u, 0.0, size, size, colour, 9.0)


def helipad(pen: Pen, u: float, radius: float) -> None:
    """Draw a landing circle."""
    pen.disc(u, 0.0, radius, (62, 96, 72))
    pen.disc(u, 0.0, radius, (205, 200, 120), ring=max(0.16 * radius, 0.4))


def clutter(
    pen: Pen, rng: np.random.Generator, count: int, u_range: tuple[float, float], width: float
) -> None:
    """Scatter winches, vents and boxes over a deck."""
    for _ in range(count):
        u = float(rng.uniform(*u_range))
        v = float(rng.uniform(-0.42, 0.42)) * width
        size = rng.uniform(0.4, 1.6, 2)
        tone = grey(float(rng.choice([45.0, 80.0, 150.0, 200.0])))
        pen.rectangle(u, v, float(size[0]), float(size[1]), tone, 1.5)


def pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """Choose one colour and vary it a little."""
    base = np.asarray(colours[int(rng.integers(len(colours)))])
    varied = base * rng.uniform(0.85, 1.15) + rng.normal(0.0, 5.0, 3)
    return float(varied[0]), float(varied[1]), float(varied[2])


def scaled(colour: Colour, factor: float) -> Colour:
    """Return a lighter or darker colour."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def grey(level: float) -> Colour:
    """Return a grey with a trace of blue, as white paint has under a blue sky."""
    return level, level, level * 1.01


FUNNELS: tuple[Colour, ...] = (
    (35, 38, 42), (170, 60, 45), (40, 70, 130), (215, 190, 70), (225, 225, 225), (30, 90, 60),
)  # fmt: skip
REDS: tuple[Colour, ...] = ((160, 76, 66), (138, 68, 60), (178, 88, 76), (124, 70, 62))
DECKS: tuple[Colour, ...] = (
    *REDS, (120, 124, 122), (92, 98, 98), (78, 108, 92), (150, 150, 142), (150, 118, 92),
)  # fmt: skip
HULLS: tuple[Colour, ...] = (
    (44, 46, 50),
    (60, 44, 42),
    (40, 54, 84),
    (110, 112, 114),
    (92, 46, 42),
)
