"""The gate, which looks twice where its first answer leaves doubt.

The mean of what a network says of a picture and of its mirror image orders tiles a little better
than either answer (Simonyan and Zisserman, 2015, averaged flips at test time). It takes the time of
both, so only tiles whose first answer is no clear one are looked at again.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shipseg.bundle.manifest import DoubtSpec
from shipseg.inference.runtime import GateSession


class Gate:
    """Ask the gate's graph, once or twice. Safe to call from several threads.

    Args:
        session: The bundle's graph.
        doubt: Between which first answers it is asked again; None asks once.
    """

    def __init__(self, session: GateSession, doubt: DoubtSpec | None) -> None:
        self._session, self._doubt = session, doubt

    def __call__(self, image: npt.NDArray[np.uint8]) -> tuple[float, npt.NDArray[np.float32]]:
        """Score one picture.

        Args:
            image: (S, S, 3) uint8 RGB, S the manifest's `input_size`.

        Returns:
            The tile's probability, 0..1, and (S/stride, S/stride) float32 of its cells: the means
            of two answers where the first leaves doubt.

        Raises:
            BundleError: The graph fails, or answers in another shape.
        """
        tile, cells = self._session(image)
        doubt = self._doubt
        if doubt is None or not doubt.above < tile < doubt.below:
            return tile, cells
        mirrored, mirrored_cells = self._session(np.ascontiguousarray(image[:, ::-1]))
        both: npt.NDArray[np.float32] = (cells + mirrored_cells[:, ::-1]) / np.float32(2)
        return (tile + mirrored) / 2, both

    def once(self) -> Gate:
        """Give the same gate without a second look."""
        return Gate(self._session, None)
