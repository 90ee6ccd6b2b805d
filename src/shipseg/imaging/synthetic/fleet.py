"""The fleet: what kinds of ship there are, how large, how frequent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from shipseg.imaging.synthetic.boats import draw_barge, draw_boat, draw_fisher, draw_navy, draw_tug
from shipseg.imaging.synthetic.merchants import (
    draw_bulker,
    draw_coaster,
    draw_container,
    draw_ferry,
    draw_tanker,
)
from shipseg.imaging.synthetic.pen import Pen

Kind: TypeAlias = Literal[
    "boat", "fisher", "tug", "barge", "coaster", "bulker", "tanker", "container", "ferry", "navy"
]


@dataclass(frozen=True, slots=True)
class KindFacts:
    """What a kind may measure, and how it is drawn.

    Attributes:
        length_px: Shortest and longest, at 1.5 m per pixel.
        ratio: Least and greatest length over width.
        share: Relative frequency of the kind.
        underway: Share that moves.
        draw: Draws one.
    """

    length_px: tuple[float, float]
    ratio: tuple[float, float]
    share: float
    underway: float
    draw: Callable[[Pen, np.random.Generator, float, float], None]


# Shares follow the lengths of labelled ships: a quarter under 16 px, half under 40, a twentieth
# over 200.
FLEET: dict[Kind, KindFacts] = {
    "boat": KindFacts((7.5, 18.0), (2.6, 4.0), 26, 0.6, draw_boat),
    "fisher": KindFacts((13.0, 34.0), (3.0, 4.4), 14, 0.35, draw_fisher),
    "tug": KindFacts((14.0, 28.0), (2.6, 3.4), 6, 0.5, draw_tug),
    "barge": KindFacts((24.0, 70.0), (3.0, 5.0), 11, 0.1, draw_barge),
    "coaster": KindFacts((40.0, 85.0), (5.0, 6.6), 13, 0.3, draw_coaster),
    "bulker": KindFacts((95.0, 195.0), (5.6, 7.0), 12, 0.25, draw_bulker),
    "tanker": KindFacts((80.0, 220.0), (5.4, 6.8), 9, 0.25, draw_tanker),
    "container": KindFacts((90.0, 220.0), (6.2, 8.0), 4, 0.4, draw_container),
    "ferry": KindFacts((35.0, 150.0), (4.6, 6.8), 4, 0.5, draw_ferry),
    "navy": KindFacts((45.0, 105.0), (7.0, 8.4), 2, 0.5, draw_navy),
}
