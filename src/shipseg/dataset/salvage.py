"""Keep a training alive when a tile turns out to be broken.

The full set holds at least one truncated file. A run of hours must not die on it, and must not
learn from half a picture: the next readable tile stands in, and the fault is told once.
"""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt
import torch

from shipseg.dataset.source import TileSource
from shipseg.errors import BadInputError

logger = logging.getLogger(__name__)

# This many broken files in a row are no accident but a wrong folder.
_MOST_IN_A_ROW = 20


class Salvage:
    """Read tiles by index, passing over broken ones.

    Which tile stands in depends on the files alone, so every worker finds the same one. A broken
    tile of a validation set makes its neighbour count twice; that is told as well.

    Args:
        source: The tiles.
    """

    def __init__(self, source: TileSource) -> None:
        self._source = source
        # In shared memory: what one worker found, the others neither try nor tell again.
        self._broken = torch.zeros(len(source), dtype=torch.bool)
        self._broken.share_memory_()  # type: ignore[no-untyped-call]

    def read(self, index: int) -> tuple[str, npt.NDArray[np.uint8]]:
        """Return ImageId and pixels of the tile at `index`, or of the next readable one.

        Args:
            index: Position in `source.image_ids`.

        Returns:
            The ImageId of the tile that was read, and its (H, W, 3) uint8 RGB.

        Raises:
            BadInputError: Twenty tiles in a row, or all there are, are broken.
        """
        ids = self._source.image_ids
        tries = min(_MOST_IN_A_ROW, len(ids))
        for place in ((index + step) % len(ids) for step in range(tries)):
            if self._broken[place]:
                continue
            try:
                return ids[place], self._source.image(ids[place])
            except (BadInputError, OSError) as error:
                self._broken[place] = True
                logger.warning("tile left out, the next one stands in: %s", error)
        raise BadInputError(
            f"{tries} tiles in a row, from '{ids[index]}' on, cannot be read",
            hint=f"the warnings above say why; check the folder '{self._source.folder}'",
        )
