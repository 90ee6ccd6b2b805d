"""The refiner: how the rotated rectangle around a hull has to move to fit the pixels.

It sees one hull in a view that its rectangle has made level (`shipseg.imaging.hull_view`), so that
ships of all sizes and headings look alike, and says five small numbers: where the middle goes, how
the sides change, and the turn.
"""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import nn

from shipseg.errors import ConfigError
from shipseg.imaging.hull_view import VIEW_HW
from shipseg.models.encoders import check_encoder, normalize_for
from shipseg.models.pretrained import load_pretrained

REFINER_STRIDE = 16
"""View pixels per place of the map that the moves are read from."""


class Refiner(nn.Module):
    """Say how rectangles have to move.

    Args:
        encoder: timm's name of the architecture; it must offer maps at strides 8 and 16. What it
            has beyond those is dropped.
        pretrained: Start from ImageNet weights.
        width: Channels of the two convolutions on the map.

    Raises:
        ConfigError: timm has no such encoder, it lacks one of the two maps, or its weights could
            not be had.
        MissingDependencyError: The package that carries its weights is not installed.
    """

    def __init__(self, encoder: str, *, pretrained: bool, width: int = 64) -> None:
        super().__init__()
        check_encoder(encoder)
        self.encoder, channels = _encoder_of(encoder)
        if pretrained:
            load_pretrained(self.encoder, encoder)
        self.normalize = normalize_for(self.encoder)
        self.reduce = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        )  # fmt: skip
        # Not pooled: where on the view a side lies is what the moves are made of.
        places = VIEW_HW[0] // REFINER_STRIDE * (VIEW_HW[1] // REFINER_STRIDE)
        last = nn.Linear(128, 5)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(width * places, 128), nn.ReLU(), nn.Dropout(0.3), last
        )
        # A network that has learnt nothing leaves every rectangle where it is.
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return moves, as `shipseg.models.losses.moved` takes them.

        Args:
            image: (N, 64, 128, 3) uint8 RGB, views of hulls.

        Returns:
            (N, 5) float: along in hull lengths, across in hull widths, logarithm of the length's
            ratio, logarithm of the width's ratio, turn in radians times length over width.
        """
        moves: torch.Tensor = self.head(self.reduce(self.encoder(self.normalize(image))[-1]))
        return moves


def _encoder_of(name: str) -> tuple[nn.Module, int]:
    """Return a feature extractor that ends at stride 16, and the channels of its last map."""
    whole = timm.create_model(name, features_only=True, pretrained=False)
    whole_maps: Any = whole.feature_info
    strides = whole_maps.reduction()
    if not {REFINER_STRIDE // 2, REFINER_STRIDE} <= set(strides):
        raise ConfigError(
            f"encoder: '{name}' offers maps at strides {strides}, "
            f"the refiner needs {REFINER_STRIDE // 2} and {REFINER_STRIDE}"
        )
    wanted = tuple(range(strides.index(REFINER_STRIDE) + 1))
    encoder: nn.Module = timm.create_model(
        name, features_only=True, pretrained=False, out_indices=wanted
    )
    maps: Any = encoder.feature_info
    stage = maps.get_dicts()[-1].get("stage")
    blocks = getattr(encoder, "blocks", None)
    # timm ends most of its extractors by itself, but not those of the EfficientNets.
    if stage is not None and isinstance(blocks, nn.Sequential):
        encoder.blocks = blocks[:stage]
    return encoder, int(maps.channels()[-1])
