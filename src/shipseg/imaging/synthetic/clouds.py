"""Clouds and their shadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.imaging.synthetic.fields import Field, fractal, shifted, smoothstep
from shipseg.imaging.synthetic.light import Light


@dataclass(frozen=True, slots=True)
class CloudLayer:
    """Clouds over one scene.

    Attributes:
        cover: ``(H, W)`` float32, how much of the ground each pixel hides, 0 to 1.
        brightness: ``(H, W)`` float32, grey levels of the cloud itself.
        shade: ``(H, W)`` float32, share of sunlight that the shadow takes, 0 to 1.
    """

    cover: Field
    brightness: Field
    shade: Field


def draw_clouds(rng: np.random.Generator, shape_hw: tuple[int, int], light: Light) -> CloudLayer:
    """Draw a layer of cumulus or thin veils over a part of the picture."""
    height, width = shape_hw
    veil = rng.random() < 0.3
    # Shadows come from clouds beyond the edge too: the sky is wider than the picture.
    drop = round(float(rng.uniform(0.05, 0.22)) * max(shape_hw))
    sky_hw = (height + 2 * drop, width + 2 * drop)
    mass = fractal(rng, sky_hw, 3.2 if veil else 2.9, coarse=2)
    share = float(rng.uniform(0.05, 0.4))
    base = float(np.quantile(mass, 1.0 - share))
    peak = max(float(mass.max()), base + 0.5)
    depth = smoothstep(mass, base - 0.15, base + 0.8 * (peak - base))
    wisps = fractal(rng, sky_hw, 2.2, coarse=2)
    thickest = float(rng.uniform(0.2, 0.5) if veil else rng.uniform(0.75, 1.0))
    ragged: Field = np.clip(depth * (1.0 + 0.3 * wisps * (1.2 - depth)), 0.0, 1.0)
    cover = np.float32(thickest) * smoothstep(ragged, 0.0, 0.6)
    sun_x, sun_y = light.to_sun_xy
    soft = ndimage.gaussian_filter(ragged, 1.5)
    relief = soft - shifted(soft, 7.0 * sun_x, 7.0 * sun_y)
    # relief > 0: the cloud is thicker here than towards the picture's far side, so it is lit.
    tops = 178.0 + 70.0 * depth - 110.0 * relief + 4.0 * wisps
    dx, dy = round(-sun_x * drop), round(-sun_y * drop)
    here = np.s_[drop : drop + height, drop : drop + width]
    moved = cover[drop - dy : drop - dy + height, drop - dx : drop - dx + width]
    shade = ndimage.gaussian_filter(moved, 2.0) * np.float32(rng.uniform(0.35, 0.6))
    return CloudLayer(
        cover=np.asarray(cover[here], np.float32),
        brightness=np.asarray(np.clip(tops[here], 120.0, 255.0), np.float32),
        shade=np.asarray(shade, np.float32),
    )


def paint_clouds(rgb: npt.NDArray[np.float32], layer: CloudLayer) -> None:
    """Darken the shadows, then lay the clouds over the picture, in place."""
    rgb *= (1.0 - layer.shade)[..., None]
    cover = layer.cover[..., None]
    rgb *= 1.0 - cover
    tint = np.array([1.0, 0.995, 0.985], np.float32)
    rgb += cover * layer.brightness[..., None] * tint
