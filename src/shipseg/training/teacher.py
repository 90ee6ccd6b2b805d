"""Segmenters that teach another: what they say of each crop, mixed with the labels.

People drew each label once, by a pixel or three, and some ships not at all. What trained networks
agree on is no worse a truth, and says how sure one can be of each pixel. Several of them see more
than one does; a small one that learns from all of them costs no more than a small one.
Hinton et al., Distilling the Knowledge in a Neural Network, 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from shipseg.bundle.format import load_bundle
from shipseg.dataset.crops import CropSample
from shipseg.inference.devices import Device
from shipseg.inference.runtime import SegmenterSession


class Teacher:
    """The mean of the segmenters of one or more bundles.

    Args:
        bundles: Folders or .zips.
        share: What the teachers' word counts beside the labels, 0..1.
        threads: Of one call of a graph.
        device: What runs the graphs.

    Raises:
        UsageError: There is no such bundle.
        BundleError: A bundle is incomplete, altered or of another shape than it says.
    """

    def __init__(
        self,
        bundles: Sequence[Path],
        *,
        share: float,
        threads: int = 1,
        device: Device = Device.cpu,
    ) -> None:
        self._share = share
        self._segmenters = [
            SegmenterSession(load_bundle(path), threads=threads, device=device) for path in bundles
        ]

    def __deepcopy__(self, memo: dict[int, Any]) -> Teacher:
        """Return the same teacher: who copies a training's weights does not learn them."""
        return self

    def maps_of(self, images: torch.Tensor) -> torch.Tensor:
        """Say of every pixel what the teachers think.

        Args:
            images: (N, S, S, 3) uint8 RGB, anywhere; S a multiple of 32.

        Returns:
            (N, 2, S, S) float32 probabilities, of ship and of a ship's core, on the same device.
        """
        maps = [
            np.mean([segmenter(picture) for segmenter in self._segmenters], axis=0)
            for picture in images.cpu().numpy()
        ]
        return torch.from_numpy(np.stack(maps)).to(images.device)

    def taught(self, batch: CropSample) -> CropSample:
        """Give crops with targets between the labels and what the teachers think."""
        ship, core = self.maps_of(batch.image).unbind(1)
        return batch._replace(
            mask=torch.lerp(batch.mask, ship, self._share),
            core=torch.lerp(batch.core, core, self._share),
        )
