"""Turn uint8 pixels into what an encoder was pretrained on, inside the network.

The graph takes the bytes as decoded, so no caller can forget, double or mistype the normalisation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class Normalize(nn.Module):
    """Map uint8 RGB to normalised planes: `(x / 255 - mean) / std`.

    Args:
        mean: Of red, green and blue, in 0..1.
        std: Of red, green and blue, in 0..1.
    """

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        std_t, mean_t = torch.tensor(std), torch.tensor(mean)
        # One multiply and one add per value: (x/255 - m)/s = x * 1/(255 s) - m/s.
        self.register_buffer("scale", (1.0 / (255.0 * std_t)).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", (-mean_t / std_t).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return (N, 3, H, W) float32 for (N, H, W, 3) uint8 RGB."""
        planar = image.permute(0, 3, 1, 2).to(torch.float32)
        return planar * self.scale + self.shift
