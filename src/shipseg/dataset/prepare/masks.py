"""Pictures and masks under the same name: `train/image`, `train/mask`."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from shipseg.dataset.prepare.classes import LONG_NAMES
from shipseg.dataset.prepare.layout import Labelled, ShipsOfTile
from shipseg.rle import runs_to_mask, union


class Masks:
    """`PART/image/NAME.jpg` and `PART/mask/NAME.png`."""

    def __init__(self, bits: Literal[1, 8]) -> None:
        """Choose masks of 0 and 255 in 8 bits, or of one bit."""
        self._bits = bits

    def place(self, part: str, file_name: str, stem: str, *, has_ships: bool) -> tuple[str, ...]:
        """Put picture and mask side by side."""
        folder = LONG_NAMES.get(part, part)
        return f"{folder}/image/{file_name}", f"{folder}/mask/{stem}.png"

    def label(self, ships: ShipsOfTile, side: int) -> bytes:
        """Encode a mask as PNG: white where there is ship; a tile without one is black."""
        mask = runs_to_mask(union(ships), (side, side))
        # Pillow keeps one bit per pixel for an array of bool.
        image = Image.fromarray(mask if self._bits == 1 else mask.astype(np.uint8) * 255)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        return buffer.getvalue()

    def extras(self, parts: Iterable[str]) -> tuple[str, ...]:
        """Name no files."""
        return ()

    def write_extras(self, root: Path, parts: Mapping[str, Sequence[Labelled]], side: int) -> None:
        """Write nothing."""
