"""Keep a training alive when a tile turns out to be broken.

The full set holds at least one truncated file. A run of hours must not die on it, and must not learn
from half a picture: the next readable tile stands in, and the fault is told once.
"""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt

from shipseg.dataset.source import TileSource
from shipseg.errors import BadInputError

logger = logging.getLogger(__name__)

# This many broken files in a row are no accident but a wrong folder.
_MOST_IN_A_ROW = 20


class Salvage:
    """Read tiles by index, passing over broken ones."""

    def __init__(self, source: TileSource) -> None:
        self._source = source
        self._broken: set[str] = set()

    def read(self, index: int) -> tuple[str, npt.NDArray[np.uint8]]:
        """Return ImageId and pixels of the tile at `index`, or of the next readable one.

        Raises:
            BadInputError: Twenty tiles in a row are broken.
        """
        ids = self._source.image_ids
        for step in range(_MOST_IN_A_ROW):
            image_id = ids[(index + step) % len(ids)]
            if image_id in self._broken:
                continue
            try:
                return image_id, self._source.image(image_id)
            except (BadInputError, OSError) as error:
                self._broken.add(image_id)
                logger.warning("tile left out of the training: %s", error)
        raise BadInputError(
            f"{_MOST_IN_A_ROW} tiles in a row from '{ids[index]}' on cannot be read",
            hint=f"check the folder '{self._source.folder}'",
        )
