"""What training minimises: pure functions of logits and targets, each a scalar mean."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def dice_loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    *,
    weight: torch.Tensor | None = None,
    eps: float = 1.0,
) -> torch.Tensor:
    """Return one minus the soft Dice coefficient over the whole batch.

    `1 - (2 sum(p t) + eps) / (sum(p) + sum(t) + eps)` with `p = sigmoid(logits)`. The sums run over
    the batch, not over each crop: an empty crop alone has no overlap to grow and so no useful
    gradient, while in the batch's sums its false pixels count. Milletari et al., V-Net, 2016, with
    p and t unsquared.

    Args:
        logits: (N, H, W) float.
        target: (N, H, W) float in 0..1.
        weight: (N, H, W) float, what each pixel counts in the sums; None counts all alike.
        eps: Pixels added to both sums; keeps a batch without ships finite.

    Returns:
        () float in 0..1.
    """
    probability = torch.sigmoid(logits)
    count = torch.ones_like(target) if weight is None else weight
    overlap = (count * probability * target).sum()
    sizes = (count * (probability + target)).sum()
    return 1 - (2 * overlap + eps) / (sizes + eps)


def segmenter_loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    *,
    dice_weight: float,
    pixel_positive_weight: float,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return binary cross-entropy plus `dice_weight` times the batch Dice loss.

    Args:
        logits: (N, H, W) float.
        target: (N, H, W) float in 0..1.
        dice_weight: Weight of the Dice term; the cross-entropy has weight 1.
        pixel_positive_weight: Weight of ship pixels in the cross-entropy.
        weight: (N, H, W) float, above 0: what each pixel counts; None counts all alike.

    Returns:
        () float, 0 or more.
    """
    pixel = F.binary_cross_entropy_with_logits(
        logits, target, weight=weight, pos_weight=logits.new_tensor(pixel_positive_weight)
    )
    return pixel + dice_weight * dice_loss(logits, target, weight=weight)


def gate_loss(
    tile_logits: torch.Tensor,
    cell_logits: torch.Tensor,
    tile_target: torch.Tensor,
    cell_target: torch.Tensor,
    *,
    positive_weight: float,
    cell_weight: float,
) -> torch.Tensor:
    """Return the tile's cross-entropy plus `cell_weight` times that of its cells.

    Args:
        tile_logits: (N,) float.
        cell_logits: (N, h, w) float.
        tile_target: (N,) float, 1 where the tile holds a ship.
        cell_target: (N, h, w) float, 1 where the cell holds a ship pixel.
        positive_weight: Weight of tiles with ships, against the imbalance of the two classes.
        cell_weight: Weight of the cells' term. Cells are so unbalanced that their mean loss is a
            few hundredths; the weight brings both terms to the same size.

    Returns:
        () float, 0 or more.
    """
    tile = F.binary_cross_entropy_with_logits(
        tile_logits, tile_target, pos_weight=tile_logits.new_tensor(positive_weight)
    )
    cell = F.binary_cross_entropy_with_logits(cell_logits, cell_target)
    return tile + cell_weight * cell
