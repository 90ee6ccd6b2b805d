"""The gate: the probability that a tile, and each cell of it, holds a ship.

A small encoder sees the tile at half resolution. Its two coarsest maps are fused into one logit for
every cell of 32 x 32 tile pixels; the tile's logit is the log-sum-exp of its cells, a soft "is
there a ship in any of them" that lets one small boat speak for a whole tile, where an average would
drown it. The cells also tell the detector which windows the segmenter needs to see.
"""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import nn
from torch.nn import functional as F

from shipseg.errors import ConfigError
from shipseg.models.encoders import check_encoder, normalize_for
from shipseg.models.pretrained import load_pretrained

GATE_STRIDE = 16
"""Gate input pixels per cell side."""


class Gate(nn.Module):
    """Score tiles and their cells.

    Args:
        encoder: timm's name of the architecture; it must offer maps at strides 16 and 32.
        pretrained: Start from ImageNet weights.
        width: Channels of the fused map.

    Raises:
        ConfigError: timm has no such encoder, it lacks one of the two maps, or its weights could
            not be had.
        MissingDependencyError: The package that carries its weights is not installed.
    """

    def __init__(self, encoder: str, *, pretrained: bool, width: int = 64) -> None:
        super().__init__()
        check_encoder(encoder)
        self.encoder = timm.create_model(encoder, features_only=True, pretrained=False)
        maps: Any = self.encoder.feature_info
        strides, channels = maps.reduction(), maps.channels()
        if not {GATE_STRIDE, 2 * GATE_STRIDE} <= set(strides):
            raise ConfigError(
                f"encoder: '{encoder}' offers maps at strides {strides}, "
                f"the gate needs {GATE_STRIDE} and {2 * GATE_STRIDE}"
            )
        self._fine, self._coarse = strides.index(GATE_STRIDE), strides.index(2 * GATE_STRIDE)
        if pretrained:
            load_pretrained(self.encoder, encoder)
        self.normalize = normalize_for(self.encoder)
        self.lateral_fine = nn.Conv2d(channels[self._fine], width, 1)
        self.lateral_coarse = nn.Conv2d(channels[self._coarse], width, 1)
        self.fuse = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
            nn.ReLU(), nn.Dropout(0.1),
        )  # fmt: skip
        self.cell = nn.Conv2d(width, 1, 1)
        assert self.cell.bias is not None
        # About one cell in two hundred holds a ship: start from that odds, not from one half.
        nn.init.constant_(self.cell.bias, -5.0)
        # The log-sum-exp over 576 cells starts near -5 + log 576 = 1.4; this brings it to about 0.
        self.tile_scale = nn.Parameter(torch.tensor(1.0))
        self.tile_shift = nn.Parameter(torch.tensor(-1.4))

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits.

        Args:
            image: (N, H, W, 3) uint8 RGB, the tile at half resolution; H and W multiples of 32.

        Returns:
            Tile logits (N,), and cell logits (N, H/16, W/16).
        """
        maps = self.encoder(self.normalize(image))
        coarse = F.interpolate(self.lateral_coarse(maps[self._coarse]), scale_factor=2.0)
        cells = self.cell(self.fuse(self.lateral_fine(maps[self._fine]) + coarse))[:, 0]
        pooled = torch.logsumexp(cells.flatten(1), dim=1)
        return pooled * self.tile_scale + self.tile_shift, cells
