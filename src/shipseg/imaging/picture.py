"""The value object that every door of `shipseg.imaging` hands out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shipseg.errors import ImageError

# EXIF orientation -> (transpose first, flip rows, flip columns); EXIF 2.32, tag 274.
_ORIENTATIONS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One decoded picture, upright, as the models and the writers see it.

    Attributes:
        rgb: (H, W, 3) uint8, C-contiguous; black where `valid` is False.
        valid: (H, W) bool, False under alpha 0, nodata, a mask or NaN; None when every pixel holds.
        warnings: What was done to the pixels that a reader might not expect, one sentence each.
    """

    rgb: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_] | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes and dtypes.

        Raises:
            ImageError: `rgb` or `valid` is of another shape or dtype.
        """
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.dtype != np.uint8:
            raise ImageError(
                f"rgb must be (H, W, 3) uint8, but is {self.rgb.shape} {self.rgb.dtype}"
            )
        if self.valid is None:
            return
        if self.valid.shape != self.shape_hw or self.valid.dtype != np.bool_:
            raise ImageError(
                f"valid must be {self.shape_hw} bool, but is {self.valid.shape} {self.valid.dtype}"
            )

    @property
    def shape_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]


def make_picture(
    rgb: npt.NDArray[np.uint8],
    valid: npt.NDArray[np.bool_] | None = None,
    warnings: tuple[str, ...] = (),
) -> Picture:
    """Blacken what is not valid and drop a mask that says nothing.

    Args:
        rgb: (H, W, 3) uint8; written to where `valid` is False.
        valid: (H, W) bool, or None.
        warnings: Sentences for the reader.
    """
    if valid is not None and valid.all():
        valid = None
    if valid is not None:
        rgb[~valid] = 0
    return Picture(np.ascontiguousarray(rgb), valid, warnings)


def orient(picture: Picture, orientation: int) -> Picture:
    """Turn and mirror a picture as its EXIF orientation asks, the mask with it.

    Args:
        picture: The picture as it is stored.
        orientation: EXIF tag 274, 1 to 8; any other value means that the tag is damaged, and
            leaves the picture as it is.
    """
    transpose, flip_rows, flip_columns = _ORIENTATIONS.get(orientation, _ORIENTATIONS[1])
    if not (transpose or flip_rows or flip_columns):
        return picture
    rows = slice(None, None, -1 if flip_rows else 1)
    columns = slice(None, None, -1 if flip_columns else 1)
    rgb, valid = picture.rgb, picture.valid
    if transpose:
        rgb = rgb.transpose(1, 0, 2)
        valid = None if valid is None else valid.T
    return replace(
        picture,
        rgb=np.ascontiguousarray(rgb[rows, columns]),
        valid=None if valid is None else np.ascontiguousarray(valid[rows, columns]),
    )
