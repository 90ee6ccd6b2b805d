"""Coasts: shallows, surf, beach and land painted over the sea."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.imaging.synthetic.fields import fractal, shifted, smoothstep
from shipseg.imaging.synthetic.land import (
    GroundPainter,
    paint_bare,
    paint_fields,
    paint_forest,
    paint_port,
    paint_town,
)
from shipseg.imaging.synthetic.light import Light
from shipseg.imaging.synthetic.shore import Coast

_GROUNDS: tuple[GroundPainter, ...] = (
    paint_forest, paint_bare, paint_fields, paint_town,
)  # fmt: skip


def paint_coast(
    rng: np.random.Generator,
    rgb: npt.NDArray[np.float32],
    coast: Coast,
    light: Light,
) -> None:
    """Paint shallows, surf, beach, land and piers over the sea, in place."""
    shape_hw = (rgb.shape[0], rgb.shape[1])
    if not coast.port:
        _paint_shallows(rng, rgb, coast, light)
    ground = _paint_ground(rng, shape_hw, coast, light)
    if coast.port:
        works = ground
    else:
        deck = np.array([150.0, 144.0, 134.0]) * rng.uniform(0.6, 1.2)
        works = deck.astype(np.float32) * (1 + 0.06 * fractal(rng, shape_hw, 1.2))[..., None]
        _paint_beach(rng, ground, coast)
    for cover, surface in ((coast.built, works), (coast.rubble, _rocks(rng, shape_hw))):
        dry = cover[..., None]
        ground = ground * (1 - dry) + dry * surface
    # Quays and low cliffs throw a little shade on the water, and stand out by a pale edge.
    dx, dy = (5.0 * part for part in light.shadow_xy)
    shade = np.maximum(shifted(coast.land, dx, dy), shifted(coast.land, dx / 2, dy / 2))
    rgb *= (1.0 - (0.45 if coast.port else 0.2) * shade)[..., None]
    if coast.port:
        edge = coast.land - ndimage.grey_erosion(coast.land, size=(3, 3))
        ground += edge[..., None] * np.float32(rng.uniform(0.0, 40.0))
    cover = coast.land[..., None]
    rgb *= 1.0 - cover
    rgb += cover * light.through_air(np.asarray(ground, np.float32))


def _rocks(rng: np.random.Generator, shape_hw: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return heaps of boulders: hard light and shade at the size of a pixel or two."""
    tone = np.clip(1.0 + 0.35 * fractal(rng, shape_hw, 0.8), 0.2, 2.0)
    return np.asarray(np.array([132.0, 122.0, 108.0], np.float32) * tone[..., None], np.float32)


def _paint_ground(
    rng: np.random.Generator, shape_hw: tuple[int, int], coast: Coast, light: Light
) -> npt.NDArray[np.float32]:
    if coast.port:
        first = paint_port(rng, shape_hw, light, coast.heading_rad)
        share = smoothstep(coast.seaward_px, -60.0, -64.0)
        second = paint_town(rng, shape_hw, light)
    else:
        kinds = rng.choice(len(_GROUNDS), size=2, replace=False)
        first = _GROUNDS[int(kinds[0])](rng, shape_hw, light)
        second = _GROUNDS[int(kinds[1])](rng, shape_hw, light)
        border = fractal(rng, shape_hw, 3.1)
        share = smoothstep(border, 0.0, 0.15)
    return first * (1 - share)[..., None] + second * share[..., None]


def _paint_shallows(
    rng: np.random.Generator, rgb: npt.NDArray[np.float32], coast: Coast, light: Light
) -> None:
    reach = float(rng.uniform(6.0, 90.0))
    seabed = fractal(rng, coast.land.shape, 2.6, coarse=2)
    water = np.maximum(coast.seaward_px, 0.0)
    depth = np.exp(-water * np.exp(0.35 * seabed) / np.float32(reach)) * np.float32(
        rng.uniform(0.2, 0.75)
    )
    shoal = np.array([70, 128, 124] if rng.random() < 0.6 else [112, 112, 88], np.float32)
    rgb += depth[..., None] * (light.through_air(shoal) - rgb)
    if rng.random() < 0.7:
        wave = np.sin((water + 3.0 * seabed) * np.float32(2 * np.pi / rng.uniform(8.0, 16.0)))
        ragged = fractal(rng, coast.land.shape, 1.5)
        line = wave + 0.5 * ragged + 0.6 * fractal(rng, coast.land.shape, 3.0, coarse=4)
        foam = smoothstep(line, 0.9, 1.5) * smoothstep(water, float(rng.uniform(8.0, 34.0)), 2.0)
        foam *= np.float32(rng.uniform(0.3, 0.9)) * (coast.seaward_px > 0)
        white = light.through_air(np.array([226.0, 230.0, 228.0], np.float32))
        rgb += foam[..., None] * (white - rgb)


def _paint_beach(rng: np.random.Generator, ground: npt.NDArray[np.float32], coast: Coast) -> None:
    width = float(rng.uniform(2.0, 26.0))
    wobble = fractal(rng, coast.land.shape, 3.0)
    back = -coast.seaward_px - 0.3 * width * wobble
    sandy = smoothstep(back, width, 0.7 * width)[..., None]
    sand = np.array([204, 190, 160] if rng.random() < 0.7 else [112, 100, 86], np.float32)
    wet = 1.0 - 0.3 * smoothstep(back, 3.5, 0.0)
    beach = sand * (wet * (1 + 0.03 * wobble))[..., None]
    ground *= 1.0 - sandy
    ground += sandy * beach
