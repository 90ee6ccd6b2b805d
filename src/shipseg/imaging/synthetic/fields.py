"""Random fields: the noise that seas, shores, fields and clouds are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft

Field: TypeAlias = npt.NDArray[np.float32]
"""``(H, W)`` float32."""

Spectrum: TypeAlias = npt.NDArray[np.complex64]

ScalarT = TypeVar("ScalarT", bound=np.generic)

# Anything slower than this is one brightness step over a whole tile; it only hides the rest.
_LONGEST_WAVE_PX = 2048.0


def grid(shape_hw: tuple[int, int]) -> tuple[Field, Field]:
    """Return the x and y of every pixel centre, each broadcastable to `shape_hw`, in pixels."""
    height, width = shape_hw
    x = (np.arange(width, dtype=np.float32) + 0.5)[None, :]
    y = (np.arange(height, dtype=np.float32) + 0.5)[:, None]
    return x, y


def wave_numbers(shape_hw: tuple[int, int]) -> tuple[Field, Field]:
    """Return kx and ky of a real FFT of `shape_hw`, in cycles per pixel."""
    kx = fft.rfftfreq(shape_hw[1]).astype(np.float32)[None, :]
    ky = fft.fftfreq(shape_hw[0]).astype(np.float32)[:, None]
    return kx, ky


def shaped_noise(
    rng: np.random.Generator,
    shape_hw: tuple[int, int],
    gain: Callable[[Field, Field], Field | Spectrum],
) -> Field:
    """Draw Gaussian noise whose spectrum has the given amplitude.

    Args:
        rng: Source of randomness.
        shape_hw: Height and width, in pixels.
        gain: Amplitude, real or complex, as a function of kx and ky in cycles per pixel.

    Returns:
        ``(H, W)`` float32 with mean 0 and standard deviation 1.
    """
    kx, ky = wave_numbers(shape_hw)
    half_hw = (shape_hw[0], shape_hw[1] // 2 + 1)
    white = rng.standard_normal((*half_hw, 2), dtype=np.float32).view(np.complex64)[..., 0]
    spectrum = white * gain(kx, ky)
    spectrum[0, 0] = 0
    field: Field = fft.irfft2(spectrum, s=shape_hw).astype(np.float32, copy=False)
    field -= field.mean()
    return field / max(float(field.std()), 1e-9)


def fractal(
    rng: np.random.Generator, shape_hw: tuple[int, int], slope: float, *, coarse: int = 1
) -> Field:
    """Draw fractal noise: power falls as ``k ** -slope``.

    Args:
        rng: Source of randomness.
        shape_hw: Height and width, in pixels.
        slope: 2 is rough as a shoreline, 3 soft as a cloud, 4 a gentle gradient.
        coarse: Draw on a grid this many times coarser and interpolate: for soft fields only.

    Returns:
        ``(H, W)`` float32 with mean about 0 and standard deviation about 1.
    """
    small_hw = (-(-shape_hw[0] // coarse), -(-shape_hw[1] // coarse))
    # Noise from an FFT is periodic: a quarter more is drawn, so that opposite edges do not match.
    padded_hw = tuple(fft.next_fast_len(side + side // 4 + 2, real=True) for side in small_hw)

    def gain(kx: Field, ky: Field) -> Field:
        k2 = np.maximum(kx * kx + ky * ky, (coarse / _LONGEST_WAVE_PX) ** 2)
        return np.power(k2, np.float32(-slope / 4))

    small = shaped_noise(rng, (padded_hw[0], padded_hw[1]), gain)[: small_hw[0], : small_hw[1]]
    return resize(small, shape_hw) if coarse > 1 else small


def resize(field: Field, shape_hw: tuple[int, int]) -> Field:
    """Interpolate a field to another size, bicubic."""
    picture = Image.fromarray(np.ascontiguousarray(field, np.float32))
    return np.asarray(
        picture.resize((shape_hw[1], shape_hw[0]), Image.Resampling.BICUBIC), np.float32
    )


def smoothstep(field: Field, low: float, high: float) -> Field:
    """Rise smoothly from 0 at `low` to 1 at `high`; `low` may be the larger one."""
    t = np.clip((field - low) / (high - low), 0.0, 1.0)
    result: Field = t * t * (3.0 - 2.0 * t)
    return result


def shifted(field: npt.NDArray[ScalarT], dx_px: float, dy_px: float) -> npt.NDArray[ScalarT]:
    """Move a field by whole pixels; what comes in over the edge is its mirror image."""
    height, width = field.shape
    rows = _mirrored(np.arange(height) - round(dy_px), height)
    columns = _mirrored(np.arange(width) - round(dx_px), width)
    return field[rows][:, columns]


def _mirrored(index: npt.NDArray[np.int_], size: int) -> npt.NDArray[np.int_]:
    """Fold indices back into 0 … size - 1."""
    folded = np.mod(index, 2 * size)
    mirrored: npt.NDArray[np.int_] = np.minimum(folded, 2 * size - 1 - folded)
    return mirrored
