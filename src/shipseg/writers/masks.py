"""Masks as pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from shipseg.files import atomic_path


def write_mask(path: Path, mask: npt.NDArray[np.bool_]) -> None:
    """Write a mask as an 8-bit grey PNG: 255 where there is ship, 0 elsewhere.

    Args:
        path: The file, `.png`; one already there is replaced.
        mask: ``(H, W)`` bool.
    """
    with atomic_path(path) as beside:
        Image.fromarray(mask.astype(np.uint8) * 255).save(beside, "PNG")
