"""Windows over a picture of any size, and padding for pictures that are smaller."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A rectangle of pixels: columns x0 to x1, rows y0 to y1, both half-open."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def shape_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.y1 - self.y0, self.x1 - self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, as an index into an (H, W, ...) array."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


def windows(shape_hw: tuple[int, int], size: int, overlap: int = 0) -> list[Window]:
    """Cover a picture with square windows, row by row from the top left.

    Neighbours share `overlap` pixels; the last window of a row or column is moved inwards to end
    with the picture, and shares more. A side shorter than `size` gets one window of its own length:
    see `pad_to`.

    Args:
        shape_hw: Height and width of the picture in pixels, at least 1.
        size: Side of a window in pixels.
        overlap: Pixels that neighbours share, from 0 to below `size`.

    Returns:
        Windows inside the picture, each once, which together hold every pixel.

    Raises:
        ValueError: An argument is out of range.
    """
    height, width = shape_hw
    if height < 1 or width < 1 or size < 1 or not 0 <= overlap < size:
        raise ValueError(
            "windows need sides and a size of at least 1 and 0 <= overlap < size: "
            f"shape_hw={shape_hw}, size={size}, overlap={overlap}"
        )
    return [
        Window(x, y, min(x + size, width), min(y + size, height))
        for y in _starts(height, size, size - overlap)
        for x in _starts(width, size, size - overlap)
    ]


def _starts(length: int, size: int, stride: int) -> list[int]:
    """Return where the windows along one side begin."""
    last = max(0, length - size)
    return [*range(0, last, stride), last]


def pad_to(
    rgb: npt.NDArray[np.uint8], *, minimum: int = 1, multiple: int = 1
) -> npt.NDArray[np.uint8]:
    """Pad a picture at its right and bottom by reflection; cut the answer to (H, W) afterwards.

    Reflection shows nothing that the picture does not hold. A black rim would draw an edge that
    looks like a quay, and a repeated border pixel would draw a bright speck out into a hull.

    Args:
        rgb: (H, W, 3) uint8, at least 1 × 1 px.
        minimum: Least side of the result in pixels.
        multiple: Both sides of the result are divisible by it.

    Returns:
        (H', W', 3) uint8 whose top left is `rgb`; `rgb` itself where nothing is missing.
    """
    missing = [max(side, minimum) - side for side in rgb.shape[:2]]
    bottom, right = (
        m + -(side + m) % multiple for m, side in zip(missing, rgb.shape, strict=False)
    )
    if bottom == 0 and right == 0:
        return rgb
    return np.pad(rgb, ((0, bottom), (0, right), (0, 0)), mode="reflect")
