"""Sun, air and sensor: how the drawn world becomes grey levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.imaging.synthetic.fields import Field, resize

Colour = tuple[float, float, float]

GSD_M = 1.5
"""Metres per pixel of a drawn scene: that of the Airbus tiles."""

# Measured on real tiles: power drops by 1.7 decades between periods of 5 and 3 px. A Gaussian of
# this width with the sharpening below does the same.
_PSF_SIGMA_PX = 0.85
# Real products are restored after the sensor: bright hulls carry a thin dark ring.
_SHARPEN_SIGMA_PX = 1.5
# Colour comes from bands four times coarser than the panchromatic one: reddish rims on dark seas.
_CHROMA_SIGMA_PX = 1.8


@dataclass(frozen=True, slots=True)
class Light:
    """Sun and air over one scene.

    Attributes:
        shadow_xy: Shift of the shadow of an object 1 m high, in pixels.
        exposure: Factor on the colours of land and ships.
        haze: Share of light that the air adds, 0 to 1.
        haze_rgb: Colour of that light.
        sharpen: Strength of the product's edge restoration.
        noise: Standard deviation of the sensor's noise, in grey levels.
    """

    shadow_xy: tuple[float, float]
    exposure: float
    haze: float
    haze_rgb: Colour
    sharpen: float
    noise: float

    def through_air(self, rgb: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Turn surface colours into colours at the sensor."""
        air = np.asarray(self.haze_rgb, np.float32) * np.float32(self.haze)
        # Even clear air mixes some of the surroundings' light into every colour.
        grey = rgb.mean(axis=-1, keepdims=True)
        dulled = grey + (rgb - grey) * np.float32(0.85)
        seen: npt.NDArray[np.float32] = dulled * np.float32(self.exposure * (1 - self.haze)) + air
        return seen

    @property
    def to_sun_xy(self) -> tuple[float, float]:
        """Unit vector in the picture towards the sun."""
        x, y = self.shadow_xy
        length = max(float(np.hypot(x, y)), 1e-6)
        return -x / length, -y / length


def choose_light(rng: np.random.Generator, sea_rgb: Colour, glint: float) -> Light:
    """Choose sun and air that go with a sea.

    Args:
        rng: Source of randomness.
        sea_rgb: The sea's mean colour.
        glint: How much of that colour is reflected sun, 0 to 1; the exposure is lower then.
    """
    azimuth = rng.uniform(0.0, 2.0 * np.pi)
    metres = rng.uniform(0.25, 1.1) / GSD_M
    haze = float(rng.beta(1.3, 6.0))
    haze_grey = np.array([140.0, 152.0, 158.0])
    return Light(
        shadow_xy=(float(metres * np.cos(azimuth)), float(metres * np.sin(azimuth))),
        exposure=float(rng.uniform(0.65, 1.1) * (1.0 - 0.4 * glint)),
        haze=min(haze + 0.15 * glint, 0.5),
        haze_rgb=_rgb(0.6 * haze_grey + 0.4 * np.asarray(sea_rgb)),
        sharpen=float(rng.uniform(0.5, 1.3)),
        noise=float(rng.uniform(2.5, 4.5)),
    )


def observe(
    rng: np.random.Generator, rgb: npt.NDArray[np.float32], light: Light
) -> npt.NDArray[np.uint8]:
    """Take the picture: noise, point spread, coarse colour, edge restoration, 8 bits.

    Args:
        rng: Source of randomness.
        rgb: ``(H, W, 3)`` float32 colours at the sensor, 0 to 255.
        light: Gives noise and sharpening.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    height, width = rgb.shape[:2]
    # What the sensor cannot hold is lost before restoration, or white hulls would ring.
    rgb = np.clip(rgb, 0.0, 262.0)
    grey = rgb.mean(axis=2)
    noise = rng.standard_normal(grey.shape, dtype=np.float32) * np.float32(light.noise)
    sharp = ndimage.gaussian_filter(grey + noise, _PSF_SIGMA_PX, truncate=3.0)
    soft = ndimage.gaussian_filter(sharp, _SHARPEN_SIGMA_PX, truncate=2.5)
    sharp += np.float32(light.sharpen) * (sharp - soft)
    out = np.empty(rgb.shape, np.float32)
    half_hw = ((height + 1) // 2, (width + 1) // 2)
    for band in range(3):
        chroma = _halved(rgb[..., band] - grey)
        chroma += rng.standard_normal(half_hw, dtype=np.float32) * np.float32(light.noise)
        chroma = ndimage.gaussian_filter(chroma, _CHROMA_SIGMA_PX / 2, truncate=3.0)
        out[..., band] = sharp + resize(chroma, (2 * half_hw[0], 2 * half_hw[1]))[:height, :width]
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def _halved(field: Field) -> Field:
    """Average 2 × 2 pixels; an odd side repeats its last line."""
    height, width = field.shape
    if height % 2 or width % 2:
        field = np.pad(field, ((0, height % 2), (0, width % 2)), mode="edge")
    return 0.25 * (field[::2, ::2] + field[1::2, ::2] + field[::2, 1::2] + field[1::2, 1::2])


def _rgb(values: npt.NDArray[np.float64]) -> Colour:
    return float(values[0]), float(values[1]), float(values[2])
