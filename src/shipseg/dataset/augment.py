"""What may happen to a picture of the sea: turned, mirrored, hazy, blurred, recompressed.

Functions of arrays and a generator; the same generator state gives the same picture. None of them
writes to its input, and the returned array may be the input itself or read-only.
"""

from __future__ import annotations

import io
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from scipy import ndimage

Rgb = npt.NDArray[np.uint8]
Scalar = TypeVar("Scalar", bound=np.generic)


def dihedral(array: npt.NDArray[Scalar], turn: int) -> npt.NDArray[Scalar]:
    """Return one of the eight turns and mirrorings of a square.

    Args:
        array: (S, S) or (S, S, C).
        turn: 0..7: quarter turns counter-clockwise, from 4 on mirrored left to right afterwards.

    Returns:
        The same shape and dtype, C-contiguous.
    """
    turned = np.rot90(array, turn % 4)
    return np.ascontiguousarray(turned[:, ::-1] if turn >= 4 else turned)


def resize_rgb(rgb: Rgb, size: int) -> Rgb:
    """Resize a square picture, averaging over pixels when it shrinks.

    Args:
        rgb: (S, S, 3) uint8.
        size: Side of the result, in pixels.

    Returns:
        (size, size, 3) uint8.
    """
    if rgb.shape[0] == rgb.shape[1] == size:
        return rgb
    exact = rgb.shape[0] == rgb.shape[1] and rgb.shape[0] % size == 0
    # A whole factor is a plain mean, as the detector takes it; rounded twice here, so that they may
    # be one level of 255 apart.
    method = Image.Resampling.BOX if exact else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(rgb).resize((size, size), method))


def resize_mask(mask: npt.NDArray[np.bool_], size: int) -> npt.NDArray[np.bool_]:
    """Resize a square mask: a pixel is ship where at least half of what it covers is.

    Args:
        mask: (S, S) bool.
        size: Side of the result, in pixels.

    Returns:
        (size, size) bool.
    """
    if mask.shape == (size, size):
        return mask
    grey = Image.fromarray(mask.astype(np.uint8) * 255)
    resized = np.asarray(grey.resize((size, size), Image.Resampling.BILINEAR))
    return resized >= 128


def distort_colour(rgb: Rgb, rng: np.random.Generator, strength: float) -> Rgb:
    """Change light and air: gain, gamma, white balance, saturation, haze.

    Args:
        rgb: (H, W, 3) uint8.
        rng: Decides what happens.
        strength: 0..1; 0 changes nothing.

    Returns:
        (H, W, 3) uint8.
    """
    if strength <= 0:
        return rgb
    levels = np.arange(256, dtype=np.float32) / 255
    gain = 1 + strength * rng.uniform(-0.3, 0.3)
    gamma = np.exp(strength * rng.uniform(-0.4, 0.4))
    haze = strength * rng.uniform(0, 0.25) if rng.random() < 0.3 else 0.0
    balance = 1 + strength * rng.uniform(-0.12, 0.12, size=3)
    # All four are functions of one channel's value, so a table of 256 entries does each.
    curve = np.clip(levels**gamma * gain, 0, 1) * (1 - haze) + 0.75 * haze
    out = np.stack([(curve * balance[c])[rgb[..., c]] for c in range(3)], axis=-1)
    if rng.random() < 0.5:
        grey = out.mean(axis=-1, keepdims=True)
        out = grey + (out - grey) * (1 + strength * rng.uniform(-0.6, 0.4))
    levels_8bit: Rgb = (np.clip(out, 0, 1) * 255 + 0.5).astype(np.uint8)
    return levels_8bit


def against_sun(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """Show a picture as if the sun shone off the water into the lens: hulls dark on a bright sea.

    Light and dark change places, colours fade, and the sea glitters. Seas like that are rare among
    tiles, and a network that has met only bright hulls on dark water sees no ship there.

    Args:
        rgb: (H, W, 3) uint8.
        rng: Decides how bright and how rough the sea is.

    Returns:
        (H, W, 3) uint8.
    """
    light = rgb.astype(np.float32)
    grey = light.mean(axis=-1, keepdims=True)
    dark = grey.mean() - grey
    # A faint ship must not fade away, nor a bright one be all there is.
    spread = max(float(np.quantile(np.abs(dark), 0.995)), 1.0)
    sea, contrast = rng.uniform(110, 215), min(rng.uniform(35, 120) / spread, 1.5)
    glitter = rng.normal(0, rng.uniform(4, 24), size=rgb.shape[:2]).astype(np.float32)
    # A wave is as wide as a few pixels; the three bands look one after the other and see others.
    waves = ndimage.gaussian_filter(glitter, rng.uniform(0, 1.2))[..., None]
    bands = rng.normal(0, rng.uniform(0, 10), size=rgb.shape).astype(np.float32)
    out = sea + contrast * dark + waves + bands + rng.uniform(0, 0.3) * (light - grey)
    levels: Rgb = np.clip(out + 0.5, 0, 255).astype(np.uint8)
    return levels


def degrade(rgb: Rgb, rng: np.random.Generator, strength: float) -> Rgb:
    """Blur, sharpen, add noise or recompress, each now and then.

    Args:
        rgb: (H, W, 3) uint8.
        rng: Decides what happens.
        strength: 0..1; how often, 0 for never. At 1, 55 of 100 pictures are touched.

    Returns:
        (H, W, 3) uint8.
    """
    draw = rng.random()
    if draw < 0.15 * strength:
        radius = rng.uniform(0.3, 1.2)
        return np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(radius)))
    if draw < 0.25 * strength:
        return np.asarray(Image.fromarray(rgb).filter(ImageFilter.UnsharpMask(1.0, 80, 0)))
    if draw < 0.40 * strength:
        noise = rng.normal(0, rng.uniform(2, 8), size=rgb.shape).astype(np.float32)
        noisy: Rgb = np.clip(rgb + noise, 0, 255).astype(np.uint8)
        return noisy
    if draw < 0.55 * strength:
        packed = io.BytesIO()
        Image.fromarray(rgb).save(packed, "JPEG", quality=int(rng.integers(50, 90)))
        return np.asarray(Image.open(packed, formats=["JPEG"]))
    return rgb
