"""What may happen to a picture of the sea: turned, mirrored, hazy, blurred, recompressed.

Functions of arrays and a generator; the same generator state gives the same picture.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Rgb = npt.NDArray[np.uint8]


def dihedral(array: npt.NDArray[np.generic], turn: int) -> npt.NDArray[np.generic]:
    """Return one of the eight turns and mirrorings of a square; `turn` in 0..7."""
    turned = np.rot90(array, turn % 4)
    return np.ascontiguousarray(turned[:, ::-1] if turn >= 4 else turned)


def resize_rgb(rgb: Rgb, size: int) -> Rgb:
    """Resize to (size, size, 3), averaging over pixels when it shrinks."""
    if rgb.shape[0] == rgb.shape[1] == size:
        return rgb
    exact = rgb.shape[0] == rgb.shape[1] and rgb.shape[0] % size == 0
    # A whole factor is the plain mean that the detector takes as well.
    method = Image.Resampling.BOX if exact else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(rgb).resize((size, size), method))


def resize_mask(mask: npt.NDArray[np.bool_], size: int) -> npt.NDArray[np.bool_]:
    """Resize to (size, size): a pixel is ship where at least half of what it covers is."""
    if mask.shape == (size, size):
        return mask
    grey = Image.fromarray(mask.astype(np.uint8) * 255)
    resized = np.asarray(grey.resize((size, size), Image.Resampling.BILINEAR))
    return resized >= 128


def distort_colour(rgb: Rgb, rng: np.random.Generator, strength: float) -> Rgb:
    """Change light and air: gain, gamma, white balance, saturation, haze; `strength` in 0..1."""
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
    return (np.clip(out, 0, 1) * 255 + 0.5).astype(np.uint8)


def degrade(rgb: Rgb, rng: np.random.Generator, strength: float) -> Rgb:
    """Blur, sharpen, add noise or recompress, each now and then; `strength` in 0..1."""
    draw = rng.random()
    if draw < 0.15 * strength:
        radius = rng.uniform(0.3, 1.2)
        return np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(radius)))
    if draw < 0.25 * strength:
        return np.asarray(Image.fromarray(rgb).filter(ImageFilter.UnsharpMask(1.0, 80, 0)))
    if draw < 0.40 * strength:
        noise = rng.normal(0, rng.uniform(2, 8), size=rgb.shape).astype(np.float32)
        return np.clip(rgb + noise, 0, 255).astype(np.uint8)
    if draw < 0.55 * strength:
        packed = io.BytesIO()
        Image.fromarray(rgb).save(packed, "JPEG", quality=int(rng.integers(50, 90)))
        return np.asarray(Image.open(packed, formats=["JPEG"]))
    return rgb
