"""Where land and water meet: beaches, islands, harbours, piers, and where a ship may berth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from shipseg.imaging.synthetic.fields import Field, fractal, grid, smoothstep
from shipseg.imaging.synthetic.pen import Points


@dataclass(frozen=True, slots=True)
class Berth:
    """A straight quay.

    Attributes:
        start_xy: One end, in pixels.
        end_xy: The other.
        outward_xy: Unit vector from the quay to the water.
    """

    start_xy: tuple[float, float]
    end_xy: tuple[float, float]
    outward_xy: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Coast:
    """Where the land is.

    Attributes:
        land: ``(H, W)`` float32 share of land in each pixel, piers included.
        built: ``(H, W)`` float32 share of quays and piers.
        rubble: ``(H, W)`` float32 share of breakwaters of loose rock.
        seaward_px: ``(H, W)`` float32 distance from the natural shore, negative on land.
        heading_rad: Direction along the shore.
        port: Whether the shore is a built harbour.
        berths: Straight quays with water in front.
    """

    land: Field
    built: Field
    rubble: Field
    seaward_px: Field
    heading_rad: float
    port: bool
    berths: tuple[Berth, ...]


def plan_coast(rng: np.random.Generator, shape_hw: tuple[int, int]) -> Coast:
    """Lay out a shoreline that leaves most of the picture to the sea."""
    side = float(min(shape_hw))
    kind = str(rng.choice(["shore", "port", "island"], p=[0.5, 0.38, 0.12]))
    towards_land = float(rng.uniform(0.0, 2.0 * np.pi))
    x, y = grid(shape_hw)
    x, y = x - shape_hw[1] / 2, y - shape_hw[0] / 2
    cos, sin = np.float32(np.cos(towards_land)), np.float32(np.sin(towards_land))
    inland = x * cos + y * sin
    offset = side * float(rng.uniform(0.15, 0.4))
    heading = towards_land + np.pi / 2
    if kind == "island":
        bumps = fractal(rng, shape_hw, 3.7)
        level = float(np.quantile(bumps, rng.uniform(0.88, 0.97)))
        seaward = (level - bumps) * np.float32(0.12 * side)
    else:
        roughness = 0.0 if kind == "port" else float(rng.uniform(0.02, 0.09))
        seaward = offset - inland + np.float32(roughness * side) * fractal(rng, shape_hw, 3.3)
    land = smoothstep(seaward, 0.8, -0.8)
    frame = _Frame(shape_hw, heading, offset)
    works = {"port": _harbour, "shore": _pier, "island": _no_works}[kind](rng, frame, side)
    built = frame.draw([work.outline for work in works if not work.rubble])
    rubble = frame.draw([work.outline for work in works if work.rubble])
    return Coast(
        land=np.maximum(land, np.maximum(built, rubble)),
        built=built,
        rubble=rubble,
        seaward_px=np.asarray(seaward, np.float32),
        heading_rad=heading,
        port=kind == "port",
        berths=tuple(berth for work in works for berth in work.berths),
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """Coordinates along the shore (a) and out to sea from it (b), in pixels."""

    shape_hw: tuple[int, int]
    heading_rad: float
    offset: float

    def to_picture(self, ab: npt.ArrayLike) -> Points:
        a, b = np.asarray(ab, np.float64).reshape(-1, 2).T
        height, width = self.shape_hw
        cos, sin = np.cos(self.heading_rad), np.sin(self.heading_rad)
        inland = self.offset - b
        # "Inland" is the heading turned by -90 degrees.
        return np.column_stack(
            [width / 2 + a * cos + inland * sin, height / 2 + a * sin - inland * cos]
        )

    def berth(self, start: tuple[float, float], end: tuple[float, float]) -> Berth:
        """Return the quay from start to end, water on the left of that direction."""
        (x0, y0), (x1, y1) = self.to_picture([start, end])
        out_ab = np.array([-(end[1] - start[1]), end[0] - start[0]])
        origin, tip = self.to_picture([(0.0, 0.0), tuple(out_ab / np.hypot(*out_ab))])
        out = tip - origin
        return Berth((float(x0), float(y0)), (float(x1), float(y1)), (float(out[0]), float(out[1])))

    def draw(self, polygons: list[Points]) -> Field:
        """Return the share of each pixel under the polygons."""
        height, width = self.shape_hw
        canvas = Image.new("L", (3 * width, 3 * height), 0)
        pen = ImageDraw.Draw(canvas)
        for polygon in polygons:
            points = 3.0 * self.to_picture(polygon)
            pen.polygon([(float(x), float(y)) for x, y in points], fill=255)
        return np.asarray(canvas.reduce(3), np.float32) / 255.0


@dataclass(frozen=True, slots=True)
class _Work:
    """One thing built into the sea: its outline (a, b) and its quays."""

    outline: Points
    berths: tuple[Berth, ...] = ()
    rubble: bool = False


def _no_works(rng: np.random.Generator, frame: _Frame, side: float) -> list[_Work]:
    """Leave the shore as it is."""
    return []


def _harbour(rng: np.random.Generator, frame: _Frame, side: float) -> list[_Work]:
    """Lay out wide quays along a straight shore, and now and then a breakwater."""
    works = []
    a = side * float(rng.uniform(-0.8, -0.6))
    while a < 0.8 * side:
        b = a + side * float(rng.uniform(0.08, 0.3))
        c = b + side * float(rng.uniform(0.1, 0.4))
        out = side * float(rng.uniform(0.05, 0.35))
        quays = [
            ((a, out), (b, out)),
            ((a, 0.0), (a, out)),
            ((b, out), (b, 0.0)),
            ((b, 0.0), (c, 0.0)),
        ]
        works.append(_Work(_block(a, b, -4.0, out), tuple(frame.berth(*quay) for quay in quays)))
        a = c
    if rng.random() < 0.5:
        start = side * float(rng.uniform(-0.7, 0.0))
        far = side * float(rng.uniform(0.4, 0.6))
        length = side * float(rng.uniform(0.4, 0.9))
        thick = float(rng.uniform(5.0, 12.0))
        works.append(_Work(_block(start, start + length, far, far + thick), rubble=True))
    return works


def _pier(rng: np.random.Generator, frame: _Frame, side: float) -> list[_Work]:
    """Lay out no pier, or one or two, some with a head across."""
    works = []
    for _ in range(int(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15]))):
        a = side * float(rng.uniform(-0.35, 0.35))
        out = side * float(rng.uniform(0.1, 0.28))
        b = a + float(rng.uniform(2.5, 7.0))
        quays = [((a, 0.4 * out), (a, out)), ((b, out), (b, 0.4 * out))]
        works.append(
            _Work(_block(a, b, -0.12 * side, out), tuple(frame.berth(*quay) for quay in quays))
        )
        if rng.random() < 0.5:
            reach = 4.0 + side * float(rng.uniform(0.015, 0.04))
            far = out + 2 * (b - a)
            quay = frame.berth((a - reach, far), (b + reach, far))
            works.append(_Work(_block(a - reach, b + reach, out, far), (quay,)))
    return works


def _block(a0: float, a1: float, b0: float, b1: float) -> Points:
    return np.array([(a0, b0), (a1, b0), (a1, b1), (a0, b1)])
