"""What training minimises, and the geometry of rectangles for it: pure functions of tensors."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from shipseg.imaging.hull_view import MIDDLES_AT


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


def rectangles_at(sides: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return the rectangles of hulls that were found in views, as `hull_at` of `hull_view` does.

    Args:
        sides: (N, 6) float, `SIDES` of `shipseg.imaging.hull_view`, in shares of the views.
        seen: (N, 2) float, what each view shows along and across, in pixels.

    Returns:
        (N, 5) float: x, y, heading in radians from x towards y, length, width, in pixels of the
        picture, in the frame of the view: from its middle, x along it.
    """
    along, across = seen.unbind(-1)
    ends, beam = sides[:, :2] * along[:, None], sides[:, 2:4] * across[:, None]
    rise = (sides[:, 4] - sides[:, 5]) * across
    return torch.stack(
        [
            ends.mean(-1),
            beam.mean(-1),
            torch.atan2(rise, 2 * MIDDLES_AT * along),
            ends[:, 0] - ends[:, 1],
            beam[:, 0] - beam[:, 1],
        ],
        dim=-1,
    )


def refiner_loss(
    rectangles: torch.Tensor, truth: torch.Tensor, *, beta: float = 0.05
) -> torch.Tensor:
    """Return the smooth L1 of the four corners' distances from those of the true rectangles.

    A distance is parted along and across the true rectangle, as shares of its length and width: a
    pixel counts as much as it is of that side.

    Args:
        rectangles: (N, 5) float: x, y, heading_rad, length, width.
        truth: (N, 5) float, likewise.
        beta: Share of a side below which the loss is quadratic.

    Returns:
        () float, 0 or more.
    """
    off = _in_frame_of(truth, corners_of(rectangles) - corners_of(truth))
    shares = off / truth[:, None, 3:]
    return F.smooth_l1_loss(shares, torch.zeros_like(shares), beta=beta)


def fit_loss(log_odds: torch.Tensor, fit: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of the IoU that a refiner expects of rectangles.

    Args:
        log_odds: (N,) float.
        fit: (N,) float in 0..1, the true IoU.

    Returns:
        () float, 0 or more.
    """
    return F.binary_cross_entropy_with_logits(log_odds, fit)


def rectangle_iou(
    rectangles: torch.Tensor, truth: torch.Tensor, *, points: int = 48
) -> torch.Tensor:
    """Return the intersection of rectangles and true ones over their union.

    Args:
        rectangles: (N, 5) float: x, y, heading_rad, length, width.
        truth: (N, 5) float, likewise.
        points: The intersection is counted on so many points along a true rectangle and as many
            across it; the areas are exact.

    Returns:
        (N,) float in 0..1.
    """
    steps = (torch.arange(points, device=truth.device, dtype=truth.dtype) + 0.5) / points - 0.5
    grid = torch.cartesian_prod(steps, steps)[None] * truth[:, None, 3:]
    in_theirs = _in_frame_of(rectangles, _placed(truth, grid) - rectangles[:, None, :2])
    inside = (in_theirs.abs() <= rectangles[:, None, 3:] / 2).all(-1)
    area, true_area = rectangles[:, 3] * rectangles[:, 4], truth[:, 3] * truth[:, 4]
    common = torch.minimum(inside.to(truth.dtype).mean(-1) * true_area, area)
    return common / (area + true_area - common)


_CORNERS = ((0.5, 0.5), (0.5, -0.5), (-0.5, 0.5), (-0.5, -0.5))


def corners_of(rectangles: torch.Tensor) -> torch.Tensor:
    """Return where rectangles' corners lie.

    Args:
        rectangles: (N, 5) float: x, y, heading_rad, length, width.

    Returns:
        (N, 4, 2) float, x and y: first the two at the end that the heading points to, first of
        each two the one on the side of the short axis.
    """
    shares = rectangles.new_tensor(_CORNERS)
    return _placed(rectangles, shares[None] * rectangles[:, None, 3:])


def _placed(rectangles: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Return x and y of (N, K, 2) points that lie along and across from rectangles' middles."""
    cos, sin = rectangles[:, 2:3].cos(), rectangles[:, 2:3].sin()
    u, v = points.unbind(-1)
    return rectangles[:, None, :2] + torch.stack([u * cos - v * sin, u * sin + v * cos], dim=-1)


def _in_frame_of(rectangles: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Return (N, K, 2) vectors of x and y as they lie along and across rectangles."""
    cos, sin = rectangles[:, 2:3].cos(), rectangles[:, 2:3].sin()
    x, y = vectors.unbind(-1)
    return torch.stack([x * cos + y * sin, y * cos - x * sin], dim=-1)
