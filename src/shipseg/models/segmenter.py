"""The segmenter: a U-Net from segmentation-models-pytorch over any timm encoder."""

from __future__ import annotations

from collections.abc import Sequence

import segmentation_models_pytorch as smp
import torch
from torch import nn

from shipseg.models.encoders import check_encoder, normalize_for
from shipseg.models.pretrained import load_pretrained

PLANES = ("ship", "core")
"""What the network tells of each pixel. Cores (`shipseg.dataset.cores`) part ships that touch."""


class Segmenter(nn.Module):
    """Predict for every pixel whether it is ship, and whether it is the core of one, as logits.

    Args:
        encoder: timm's name of the architecture.
        decoder_channels: Widths of the decoder's five blocks, coarse to fine.
        half_resolution: Leave out the decoder's last block, the only one at full resolution and
            without a skip connection, and upsample the logits by two instead. It is the most
            expensive block and the outline hardly needs it.
        pretrained: Start from ImageNet weights.

    Raises:
        ConfigError: timm has no such encoder, or its weights could not be had.
        MissingDependencyError: The package that carries its weights is not installed.
    """

    def __init__(
        self,
        encoder: str,
        *,
        decoder_channels: Sequence[int],
        half_resolution: bool,
        pretrained: bool,
    ) -> None:
        super().__init__()
        check_encoder(encoder)
        unet = smp.Unet(
            f"tu-{encoder}",
            encoder_weights=None,
            encoder_depth=5,
            decoder_channels=tuple(decoder_channels),
            classes=len(PLANES),
        )
        if half_resolution:
            unet.decoder.blocks = unet.decoder.blocks[:-1]
            unet.segmentation_head = smp.base.SegmentationHead(
                decoder_channels[-2], len(PLANES), kernel_size=3, upsampling=2
            )
        if pretrained:
            load_pretrained(unet.encoder.model, encoder)
        # Ships are a thousandth of all pixels, and a tenth of a crop's: start from low odds.
        nn.init.constant_(unet.segmentation_head[0].bias, -3.0)
        self.unet = unet
        self.normalize = normalize_for(unet.encoder.model)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return logits.

        Args:
            image: (N, H, W, 3) uint8 RGB; H and W multiples of 32.

        Returns:
            (N, 2, H, W) float: ship, core.
        """
        logits: torch.Tensor = self.unet(self.normalize(image))
        return logits

    def probabilities(self, image: torch.Tensor) -> torch.Tensor:
        """Return (N, 2, H, W) float in 0..1: ship, core; takes what `forward` takes."""
        return torch.sigmoid(self(image))
