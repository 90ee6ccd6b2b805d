"""Land seen from above: forest, fields, towns, bare ground and quays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shipseg.imaging.synthetic.fields import Field, fractal, grid, shaped_noise, shifted, smoothstep
from shipseg.imaging.synthetic.light import Colour, Light

Rgb: TypeAlias = npt.NDArray[np.float32]
"""``(H, W, 3)`` float32, 0 to 255."""

GroundPainter: TypeAlias = Callable[[np.random.Generator, tuple[int, int], Light], Rgb]

_ROOFS: tuple[Colour, ...] = (
    (150, 144, 136), (168, 160, 148), (196, 192, 184), (128, 122, 116), (150, 116, 98),
    (142, 106, 90), (120, 108, 98), (120, 128, 140), (176, 164, 144),
)  # fmt: skip
_CROPS: tuple[Colour, ...] = (
    (92, 100, 62), (120, 112, 76), (74, 92, 56), (150, 132, 100), (132, 112, 84), (62, 80, 50),
    (166, 150, 116),
)  # fmt: skip
_STACKS: tuple[Colour, ...] = (
    (142, 92, 78), (86, 100, 130), (168, 168, 166), (100, 114, 106), (168, 150, 116), (80, 82, 84),
)  # fmt: skip


def paint_forest(rng: np.random.Generator, shape_hw: tuple[int, int], light: Light) -> Rgb:
    """Paint tree crowns with clearings."""
    clump_px = float(rng.uniform(5.0, 10.0))
    crowns = shaped_noise(rng, shape_hw, lambda kx, ky: _ring(kx, ky, clump_px))
    sun_x, sun_y = light.to_sun_xy
    lit = crowns - shifted(crowns, 1.6 * sun_x, 1.6 * sun_y)
    stand = fractal(rng, shape_hw, 2.6, coarse=4)
    clearing = smoothstep(stand, 0.9, 1.7)[..., None]
    tone = 1.0 - 0.2 * lit + 0.12 * crowns + 0.1 * stand
    trees = np.asarray(_varied(rng, (46, 66, 42)), np.float32) * np.clip(tone, 0.3, 1.9)[..., None]
    bare = np.asarray(_varied(rng, (128, 112, 86)), np.float32) * (1 + 0.06 * crowns)[..., None]
    return np.asarray(trees * (1 - clearing) + bare * clearing, np.float32)


def paint_bare(rng: np.random.Generator, shape_hw: tuple[int, int], light: Light) -> Rgb:
    """Paint sand, rock and scrub."""
    relief = fractal(rng, shape_hw, 2.4)
    wash = fractal(rng, shape_hw, 3.2, coarse=4)
    sun_x, sun_y = light.to_sun_xy
    lit = relief - shifted(relief, 2.0 * sun_x, 2.0 * sun_y)
    ground = _varied(rng, (168, 148, 118)) if rng.random() < 0.6 else _varied(rng, (122, 104, 82))
    tone = 1.0 + 0.05 * relief + 0.09 * wash - 0.16 * lit
    rgb = np.asarray(ground, np.float32) * np.clip(tone, 0.5, 1.3)[..., None]
    scrub = shaped_noise(rng, shape_hw, lambda kx, ky: _ring(kx, ky, 7.0))
    dots = (smoothstep(scrub + 0.5 * relief, 1.9, 2.4) * 0.7)[..., None]
    return np.asarray(rgb * (1 - dots) + dots * np.array([62, 70, 46], np.float32), np.float32)


def paint_fields(rng: np.random.Generator, shape_hw: tuple[int, int], light: Light) -> Rgb:
    """Paint crops in lots of one direction, with hedges and tracks between them."""
    u, v = _turned(rng, shape_hw)
    iu, du = _cells(
        rng, u + 4.0 * fractal(rng, shape_hw, 3.4, coarse=8), float(rng.uniform(28, 70))
    )
    iv, dv = _cells(
        rng, v + 4.0 * fractal(rng, shape_hw, 3.4, coarse=8), float(rng.uniform(18, 45))
    )
    rgb = _palette(rng, _CROPS)[_mix(iu, iv)]
    furrow = 1.0 + 0.05 * np.sin(u * np.float32(2 * np.pi / rng.uniform(3.0, 6.0)))
    rough = fractal(rng, shape_hw, 1.6)
    rgb = rgb * (furrow + 0.07 * rough)[..., None]
    hedge = (smoothstep(np.minimum(du, dv) + 0.5 * rough, 1.6, 0.6) * 0.8)[..., None]
    edge = np.array([58, 66, 44] if rng.random() < 0.6 else [160, 146, 120], np.float32)
    return np.asarray(rgb * (1 - hedge) + hedge * edge, np.float32)


def paint_town(rng: np.random.Generator, shape_hw: tuple[int, int], light: Light) -> Rgb:
    """Paint blocks of houses with their shadows, yards, trees and streets."""
    u, v = _turned(rng, shape_hw)
    _, block_du = _cells(rng, u, float(rng.uniform(50, 90)))
    _, block_dv = _cells(rng, v, float(rng.uniform(30, 60)))
    lot = float(rng.uniform(8, 15))
    lu, du = _cells(rng, u, lot)
    lv, dv = _cells(rng, v, lot * float(rng.uniform(0.8, 1.5)))
    lot_id = _mix(lu, lv)
    street = np.minimum(block_du, block_dv)
    yard_px = rng.uniform(0.3, 2.2, 4096).astype(np.float32)[lot_id]
    roof = np.minimum(du, dv) > yard_px
    roof &= street > 4.0
    roof &= (rng.random(4096) < rng.uniform(0.6, 0.92))[lot_id]
    rough = fractal(rng, shape_hw, 1.4)
    soil = np.asarray(_varied(rng, (132, 122, 104)), np.float32)
    rgb = soil * (1 + 0.12 * rough)[..., None]
    trees = (smoothstep(rough + 0.6 * fractal(rng, shape_hw, 3.0, coarse=4), 0.7, 1.3))[..., None]
    rgb = rgb * (1 - trees) + trees * np.array([54, 68, 44], np.float32)
    asphalt = smoothstep(street, 3.4, 2.4)[..., None]
    rgb = rgb * (1 - asphalt) + asphalt * np.asarray(_varied(rng, (112, 110, 108)), np.float32)
    rgb *= 1.0 - 0.62 * (_thrown(roof, light, 6.0) & ~roof)[..., None]
    slope = 1.0 + 0.1 * np.sign(np.sin(u * np.float32(2 * np.pi / lot)))
    tops = _palette(rng, _ROOFS)[lot_id] * (slope + 0.05 * rough)[..., None]
    return np.asarray(np.where(roof[..., None], tops, rgb), np.float32)


def paint_port(
    rng: np.random.Generator, shape_hw: tuple[int, int], light: Light, heading_rad: float = 0.0
) -> Rgb:
    """Paint concrete aprons with sheds, stacked containers and lanes, aligned to the quays."""
    u, v = _turned(rng, shape_hw, heading_rad)
    yard_u, du = _cells(rng, u, float(rng.uniform(60, 120)))
    yard_v, dv = _cells(rng, v, float(rng.uniform(36, 80)))
    yard = _mix(yard_u, yard_v)
    use = rng.random(4096)
    inside = np.minimum(du, dv)
    rough = fractal(rng, shape_hw, 1.8)
    concrete = np.asarray(_varied(rng, (146, 140, 130)), np.float32)
    rgb = concrete * (1 + 0.05 * rough + 0.04 * fractal(rng, shape_hw, 3.0, coarse=8))[..., None]
    shed = (inside > 9.0) & (use[yard] < 0.3)
    lu, box_du = _cells(rng, u, 9.0)
    lv, box_dv = _cells(rng, v, 3.2)
    boxes = (inside > 7.0) & (use[yard] > 0.68) & (box_du > 0.6) & (box_dv > 0.35)
    boxes &= (rng.random(4096) < 0.7)[_mix(lu, lv)]
    lane = smoothstep(inside, 2.2, 1.4)[..., None] * 0.5
    rgb = rgb * (1 - lane) + lane * np.array([104, 102, 100], np.float32)
    raised = shed | boxes
    rgb *= 1.0 - 0.6 * (_thrown(raised, light, 9.0) & ~raised)[..., None]
    ridge = 1.0 + 0.08 * np.sign(np.sin(v * np.float32(2 * np.pi / 16.0))) + 0.03 * rough
    rgb = np.where(shed[..., None], _palette(rng, _ROOFS)[yard] * ridge[..., None], rgb)
    rgb = np.where(boxes[..., None], _palette(rng, _STACKS)[_mix(lu, lv)], rgb)
    return np.asarray(rgb, np.float32)


def _turned(
    rng: np.random.Generator, shape_hw: tuple[int, int], heading_rad: float | None = None
) -> tuple[Field, Field]:
    """Return pixel coordinates in a frame turned at random, or by `heading_rad`."""
    angle = float(rng.uniform(0.0, np.pi)) if heading_rad is None else heading_rad
    x, y = grid(shape_hw)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return x * cos + y * sin, y * cos - x * sin


def _cells(
    rng: np.random.Generator, along: Field, mean_px: float
) -> tuple[npt.NDArray[np.intp], Field]:
    """Cut a coordinate into cells of uneven length: index, and distance to the nearest cut."""
    # A table at a quarter pixel answers for every pixel; a search for each is ten times slower.
    low = float(along.min()) - 1.0
    span = float(along.max()) - low + 1.0
    cuts = np.cumsum(rng.uniform(0.6, 1.4, int(span / (0.6 * mean_px)) + 3) * mean_px)
    places = np.arange(int(4 * span) + 2) / 4.0
    index = np.searchsorted(cuts, places)
    before = np.concatenate([[0.0], cuts])[index]
    gap = np.minimum(places - before, cuts[np.minimum(index, len(cuts) - 1)] - places)
    where = ((along - np.float32(low)) * 4.0).astype(np.intp)
    return index[where], gap.astype(np.float32)[where]


def _mix(first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Give each pair of cell indices one of 4096 numbers."""
    return (first * 73 + second * 1009) % 4096


def _palette(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Rgb:
    """Return 4096 varied colours from a few."""
    chosen = np.asarray(colours, np.float64)[rng.integers(len(colours), size=4096)]
    return (chosen * rng.uniform(0.8, 1.15, (4096, 1))).astype(np.float32)


def _thrown(raised: npt.NDArray[np.bool_], light: Light, height_m: float) -> npt.NDArray[np.bool_]:
    """Return where things of the given height throw their shadow."""
    dx, dy = (height_m * part for part in light.shadow_xy)
    steps = max(int(np.ceil(np.hypot(dx, dy) / 2.0)), 1)
    shadow = np.zeros_like(raised)
    for step in range(1, steps + 1):
        shadow |= shifted(raised, dx * step / steps, dy * step / steps)
    return shadow


def _ring(kx: Field, ky: Field, period_px: float) -> Field:
    """Return a spectrum around one period: blobs of about that spacing."""
    k = np.hypot(kx, ky) * np.float32(period_px)
    ring: Field = np.exp(-(((k - 1.0) / 0.5) ** 2))
    return ring


def _varied(rng: np.random.Generator, colour: Colour) -> Colour:
    base = np.asarray(colour) * rng.uniform(0.85, 1.12) + rng.normal(0.0, 3.0, 3)
    return float(base[0]), float(base[1]), float(base[2])
