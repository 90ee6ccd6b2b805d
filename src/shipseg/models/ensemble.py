"""Several segmenters as one: the mean of what they say."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from shipseg.models.segmenter import Segmenter


class SegmenterMean(nn.Module):
    """Average the probabilities of segmenters, which may be of different encoders.

    Networks that were trained apart err in different places; the time is that of all together.

    Args:
        members: One or more.
    """

    def __init__(self, members: Sequence[Segmenter]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def probabilities(self, image: torch.Tensor) -> torch.Tensor:
        """Return the mean of the members' probabilities.

        Args:
            image: (N, H, W, 3) uint8 RGB; H and W multiples of 32.

        Returns:
            (N, 2, H, W) float in 0..1: ship, core.
        """
        first, *others = (torch.sigmoid(member(image)) for member in self.members)
        return sum(others, first) / len(self.members)
