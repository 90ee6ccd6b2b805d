"""How a picture looks as a whole: bright or dark, sharp or blurred."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# ITU-R BT.601, in 256ths, as JPEG has it.
_LUMA = (77, 150, 29)


@dataclass(frozen=True, slots=True)
class Look:
    """Measures of one picture.

    Attributes:
        brightness: Mean grey value, 0 to 255.
        sharpness: Variance of the grey values' Laplacian; near 0 for a flat or blurred picture.
    """

    brightness: float
    sharpness: float


def look_at(rgb: npt.NDArray[np.uint8]) -> Look:
    """Measure brightness and sharpness.

    The Laplacian is that of four neighbours, 4 g(y, x) - g(y±1, x) - g(y, x±1), over all inner
    pixels; its variance as a measure of focus is from Pech-Pacheco et al., "Diatom autofocusing in
    brightfield microscopy", ICPR 2000. Calm sea has few edges and counts as blurred.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        The measures; the sharpness of a picture under 3 × 3 px is 0.
    """
    grey = to_grey(rgb)
    brightness = float(grey.mean())
    if min(grey.shape) < 3:
        return Look(brightness, 0.0)
    inner = grey[1:-1, 1:-1]
    edges = 4 * inner - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    # In whole numbers the sums are exact, and twice as fast as the variance of floats.
    flat = edges.ravel().astype(np.int32)
    mean = int(flat.sum(dtype=np.int64)) / flat.size
    square = int(np.square(flat).sum(dtype=np.int64)) / flat.size
    return Look(brightness, max(square - mean**2, 0.0))


def to_grey(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """Turn RGB into grey values of 0 to 255.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (H, W) int16, with room for differences.
    """
    red, green, blue = (rgb[..., i].astype(np.uint16) for i in range(3))
    grey = (red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2] + 128) >> 8
    return grey.astype(np.int16)
