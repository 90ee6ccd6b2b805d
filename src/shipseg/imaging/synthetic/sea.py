"""Open water: colour, waves, gusts, slicks, glint and whitecaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.imaging.synthetic.fields import (
    Field,
    Spectrum,
    fractal,
    grid,
    resize,
    shaped_noise,
    smoothstep,
)
from shipseg.imaging.synthetic.light import Colour

# Mean colour, share among scenes, and the usual contrast of waves (standard deviation, grey
# levels), from statistics over tiles of open water. The pale ones mirror the sun.
_SEAS: tuple[tuple[Colour, float, tuple[float, float], float], ...] = (
    ((4, 15, 38), 8, (1.2, 12.0), 0.0),
    ((5, 26, 48), 11, (1.2, 12.0), 0.0),
    ((6, 40, 54), 12, (1.2, 8.0), 0.0),
    ((10, 52, 50), 7, (1.2, 5.0), 0.0),
    ((28, 45, 58), 8, (2.5, 22.0), 0.1),
    ((20, 58, 68), 9, (1.4, 7.0), 0.0),
    ((42, 60, 52), 4, (2.5, 22.0), 0.1),
    ((36, 67, 77), 11, (1.4, 11.0), 0.1),
    ((56, 75, 84), 8, (1.8, 20.0), 0.3),
    ((14, 92, 112), 4, (1.5, 5.0), 0.0),
    ((96, 88, 62), 2, (1.5, 6.0), 0.1),
    ((75, 92, 95), 8, (2.0, 20.0), 0.4),
    ((88, 116, 121), 6, (2.0, 18.0), 0.6),
    ((118, 128, 131), 6, (5.0, 22.0), 0.8),
    ((148, 155, 149), 4, (5.0, 18.0), 1.0),
)

# The sensor's blur takes about this much of the finest waves.
_LOST_TO_BLUR = 1.45


@dataclass(frozen=True, slots=True)
class SeaLook:
    """One sea.

    Attributes:
        colour: Mean colour, grey levels.
        contrast: Standard deviation of the wave texture, grey levels.
        glint: Share of mirrored sun in the colour, 0 to 1.
        wave_px: Peak wavelength of the wind sea, pixels.
        wind_rad: Direction in which its waves run.
        whitecaps: Share of the surface under breaking crests.
    """

    colour: Colour
    contrast: float
    glint: float
    wave_px: float
    wind_rad: float
    whitecaps: float


def choose_sea(rng: np.random.Generator) -> SeaLook:
    """Choose the sea of a scene."""
    shares = np.array([sea[1] for sea in _SEAS], np.float64)
    colour, _, (low, high), glint = _SEAS[int(rng.choice(len(_SEAS), p=shares / shares.sum()))]
    brightness = rng.uniform(0.85, 1.2)
    tinted = np.asarray(colour) * brightness + rng.normal(0.0, 3.0, 3)
    # Calm seas are the common ones.
    contrast = low + (high - low) * float(rng.beta(1.0, 2.0))
    windy = contrast > 4.0
    return SeaLook(
        colour=(float(tinted[0]), float(tinted[1]), float(tinted[2])),
        contrast=contrast,
        glint=glint,
        wave_px=float(rng.uniform(7.0, 14.0 + contrast) if windy else rng.uniform(5.0, 12.0)),
        wind_rad=float(rng.uniform(0.0, 2.0 * np.pi)),
        whitecaps=float(10.0 ** rng.uniform(-4.5, -2.9)) if windy and rng.random() < 0.4 else 0.0,
    )


def paint_sea(
    rng: np.random.Generator,
    look: SeaLook,
    shape_hw: tuple[int, int],
    to_sun_xy: tuple[float, float],
) -> npt.NDArray[np.float32]:
    """Paint open water.

    Args:
        rng: Source of randomness.
        look: The sea.
        shape_hw: Height and width, in pixels.
        to_sun_xy: Unit vector towards the sun: slopes that face it are bright.

    Returns:
        ``(H, W, 3)`` float32, 0 to 255.
    """
    calm_patches = fractal(rng, shape_hw, 3.0, coarse=8)
    waves = _wave_texture(rng, look, shape_hw, to_sun_xy)
    strength = np.clip(1.0 + 0.25 * calm_patches, 0.35, 1.8) * np.float32(
        _LOST_TO_BLUR * look.contrast
    )
    base = _water_colour(rng, look, shape_hw)
    grey = strength * waves
    if look.glint > 0.25:
        grey += _slicks(rng, look, shape_hw)
    if look.whitecaps:
        grey += _whitecaps(rng, look, shape_hw)
    # Bands see the waves at slightly different moments: strong glint has coloured grains.
    rainbow = 0.12 * look.glint * min(look.contrast / 12.0, 1.0)
    for band, tint in enumerate((0.9, 1.0, 1.03)):
        base[..., band] += grey * np.float32(tint)
        if rainbow > 0.02:
            grain = np.roll(waves, (band - 1, 1 - band), axis=(0, 1)) - waves
            base[..., band] += np.float32(rainbow) * strength * grain
    return base


def _wave_texture(
    rng: np.random.Generator,
    look: SeaLook,
    shape_hw: tuple[int, int],
    to_sun_xy: tuple[float, float],
) -> Field:
    """Return the brightness of sloping water: mean 0, deviation 1, crests sharper than troughs."""
    chop_share = float(rng.uniform(0.5, 0.9))
    swell_rad = look.wind_rad + float(rng.uniform(-1.2, 1.2))
    swell_px = float(rng.uniform(2.0, 5.0)) * look.wave_px
    swell = float(rng.uniform(0.1, 0.7))

    def gain(kx: Field, ky: Field) -> Spectrum:
        k = np.hypot(kx, ky) + np.float32(1e-6)
        angle = np.arctan2(ky, kx)
        spread = (1.0 - chop_share) + chop_share * np.cos(angle - look.wind_rad) ** 2
        # Slope amplitude of a wind sea falls above its peak; below it there is little.
        wind_sea = spread * np.exp(-1.2 / (k * look.wave_px) ** 2) / np.sqrt(k)
        narrow = np.exp(-(((k * swell_px - 1.0) / 0.35) ** 2)) * np.cos(angle - swell_rad) ** 12
        toward = 0.25 + np.abs(np.cos(angle - np.arctan2(to_sun_xy[1], to_sun_xy[0])))
        amplitude = (wind_sea + swell * 3.0 * np.sqrt(look.wave_px) * narrow) * toward
        quadrature: Spectrum = (amplitude * np.complex64(1j)).astype(np.complex64)
        return quadrature

    slope = shaped_noise(rng, shape_hw, gain)
    # Dark seas show rare bright facets, pale ones rare dark troughs.
    skew = float(rng.uniform(0.25, 0.6)) * (1.0 - 1.5 * look.glint)
    bent = np.exp(np.float32(skew) * slope) if abs(skew) > 0.02 else slope
    bent -= bent.mean()
    if skew < 0:
        bent = -bent
    return np.asarray(bent / max(float(bent.std()), 1e-6), np.float32)


def _water_colour(
    rng: np.random.Generator, look: SeaLook, shape_hw: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Return the colour without waves: a gradient over the tile and soft turbid patches."""
    x, y = grid(shape_hw)
    lean = rng.normal(0.0, 1.0, 2)
    side = float(max(shape_hw))
    gradient = np.asarray(lean[0] * (x / side - 0.5) + lean[1] * (y / side - 0.5), np.float32)
    turbid = fractal(rng, shape_hw, 3.4, coarse=8)
    colour = np.asarray(look.colour, np.float32)
    tone = 0.5 + 0.012 * float(colour.mean())
    drift = np.array([0.9, 1.0, 0.95], np.float32) * np.float32(3.0 * tone)
    # Turbid water is greener or browner; mirrored sun has no colour.
    plume = np.array([rng.uniform(0.0, 1.0), 1.0, rng.uniform(0.2, 1.0)], np.float32)
    plume = (plume * (1.0 - look.glint) + look.glint) * np.float32(rng.uniform(0.5, 2.5) * tone)
    base: npt.NDArray[np.float32] = colour + gradient[..., None] * drift + turbid[..., None] * plume
    return np.maximum(base, np.float32(1.0))


def _slicks(rng: np.random.Generator, look: SeaLook, shape_hw: tuple[int, int]) -> Field:
    """Return bands of smoother water, which mirror less sun or more."""
    field = fractal(rng, shape_hw, 3.6, coarse=4)
    level = float(rng.uniform(-0.8, 0.8))
    if rng.random() < 0.3:
        shape = smoothstep(np.abs(field - np.float32(level)), 0.3, 0.0)
    else:
        shape = smoothstep(field, level, level + float(rng.uniform(0.2, 2.0)))
    sign = -1.0 if rng.random() < 0.6 else 0.6
    return shape * np.float32(sign * look.glint * rng.uniform(1.0, 12.0))


def _whitecaps(rng: np.random.Generator, look: SeaLook, shape_hw: tuple[int, int]) -> Field:
    """Return breaking crests: ragged specks of a few pixels, in clusters."""

    def gain(kx: Field, ky: Field) -> Field:
        along = kx * np.cos(look.wind_rad) + ky * np.sin(look.wind_rad)
        across = kx * np.sin(look.wind_rad) - ky * np.cos(look.wind_rad)
        crests: Field = np.exp(-((along * 5.0) ** 2) - (across * 8.0) ** 2)
        return crests

    field = shaped_noise(rng, shape_hw, gain)
    field += 0.3 * resize(fractal(rng, (shape_hw[0] // 8 + 1, shape_hw[1] // 8 + 1), 2.0), shape_hw)
    level = float(np.quantile(field, 1.0 - look.whitecaps))
    ragged = rng.uniform(0.2, 1.0, shape_hw).astype(np.float32)
    return smoothstep(field, level, level + 0.6) * ragged * np.float32(200.0)
