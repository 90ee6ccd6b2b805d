"""The refiner: where the sides of a hull lie in a view of it, and how well the view frames one.

It sees one hull in a view that a rectangle has made level (`shipseg.imaging.hull_view`), so that
ships of all sizes and headings look alike. A hull's end is looked for along the view and its side
across it: the map is averaged over the other axis, and what is left is a line of scores whose soft
maximum is the place. A hull that lies a little further right moves its scores a little further
right, so that a few hundred hulls are enough to learn from; a layer that sees the whole map at once
had to learn every place anew. Sun et al., Integral Human Pose Regression, 2018, for the soft
maximum; Lin et al., Feature Pyramid Networks, 2017, for the map; Jiang et al., Acquisition of
Localization Confidence (IoU-Net), 2018, for telling how well a rectangle fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import timm
import torch
from torch import nn
from torch.nn import functional as F

from shipseg.errors import ConfigError
from shipseg.imaging.hull_view import MIDDLES_AT, VIEW_HW
from shipseg.models.encoders import check_encoder, normalize_for
from shipseg.models.pretrained import load_pretrained

STRIDES = (4, 8, 16)
"""View pixels per place of the maps that are read; the answer comes from the finest."""

# Where an untrained network says that ends and sides are: about where a segmenter's rectangle puts
# them, in shares of the view, and how far around that it looks.
_ENDS_AT, _SIDES_AT, _SPREAD, _MIDDLE_SPREAD = 0.31, 0.17, 0.06, 0.08
# Over how much of the map a line is averaged at first: across the hull for its ends, along it for
# its sides, and around the two places where its centre line is told.
_ENDS_REACH, _SIDES_REACH, _MIDDLES_REACH = 0.15, 0.2, 0.08


# Channels of the two maps, each half as fine as the one before, that say how well a view fits, and
# what is dropped of them: a few hundred hulls are known by heart soon.
_FIT_CHANNELS, _FIT_HIDDEN, _FIT_DROPPED = (48, 32), 64, 0.3


class Refiner(nn.Module):
    """Say where hulls lie in their views, and how well those frame one.

    Args:
        encoder: timm's name of the architecture; it must offer maps at strides 4, 8 and 16. What it
            has beyond those is dropped.
        pretrained: Start from ImageNet weights.
        merged: Channels of the maps while they are merged.
        width: Channels of the finest, which is read.

    Raises:
        ConfigError: timm has no such encoder, it lacks one of the maps, or its weights could not be
            had.
        MissingDependencyError: The package that carries its weights is not installed.
    """

    def __init__(
        self, encoder: str, *, pretrained: bool, merged: int = 64, width: int = 48
    ) -> None:
        super().__init__()
        check_encoder(encoder)
        self.encoder, channels = _encoder_of(encoder)
        if pretrained:
            load_pretrained(self.encoder, encoder)
        self.normalize = normalize_for(self.encoder)
        self.lateral = nn.ModuleList(nn.Conv2d(count, merged, 1) for count in channels)
        self.merge = nn.ModuleList(_block(merged, out) for out in (width, merged, merged))
        self.dropout = nn.Dropout2d(0.1)
        rows, columns = (side // STRIDES[0] for side in VIEW_HW)
        self.over_rows = _Mean(2, rows, 0.0, _ENDS_REACH)
        self.over_columns = _Mean(3, columns, 0.0, _SIDES_REACH)
        self.over_front = _Mean(3, columns, MIDDLES_AT, _MIDDLES_REACH)
        self.over_back = _Mean(3, columns, -MIDDLES_AT, _MIDDLES_REACH)
        self.ends = _Places(width, columns, (_ENDS_AT, -_ENDS_AT), _SPREAD)
        self.sides = _Places(width, rows, (_SIDES_AT, -_SIDES_AT), _SPREAD)
        self.middle = _Places(width, rows, (0.0,), _MIDDLE_SPREAD)
        self.fit = _fit_of(width, rows, columns)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return where the hulls lie, and how well each view frames one.

        Args:
            image: (N, 64, 128, 3) uint8 RGB, views of hulls.

        Returns:
            (N, 6) float, `SIDES` of `shipseg.imaging.hull_view`: shares of the view, -0.5..0.5; and
            (N,) float, log-odds: their sigmoid is the IoU, 0..1, to be expected of the rectangle
            that made the view with a ship's.
        """
        found = self._map(image)
        sides = torch.cat(
            [
                self.ends(self.over_rows(found)),
                self.sides(self.over_columns(found)),
                self.middle(self.over_front(found)),
                self.middle(self.over_back(found)),
            ],
            dim=1,
        )
        return sides, self.fit(found)[:, 0]

    def _map(self, image: torch.Tensor) -> torch.Tensor:
        """Return the encoder's maps merged, coarse to fine: (N, C, 16, 32)."""
        maps = self.encoder(self.normalize(image))
        fine, middle, coarse = (
            lateral(found) for lateral, found in zip(self.lateral, maps, strict=True)
        )
        merged = self.merge[2](coarse)
        merged = self.merge[1](middle + _doubled(merged))
        merged = self.merge[0](fine + _doubled(merged))
        out: torch.Tensor = self.dropout(merged)
        return out


class _Mean(nn.Module):
    """Average a map over one axis, by learned weights that begin as a bell curve.

    Args:
        axis: 2 for rows, 3 for columns.
        places: Of the axis.
        at: Where the curve is highest, in shares of the axis from its middle.
        reach: Its standard deviation, likewise.
    """

    def __init__(self, axis: int, places: int, at: float, reach: float) -> None:
        super().__init__()
        self._axis = axis
        self.weight = nn.Parameter(_bell(_shares(places), at, reach))

    def forward(self, found: torch.Tensor) -> torch.Tensor:
        """Return (N, C, places of the other axis) of (N, C, H, W)."""
        weight = self.weight.softmax(0)
        # Not a product of matrices: ONNX Runtime 1.32 merges one with the transposition that the
        # rows would need, and then gives other numbers.
        weight = weight[:, None] if self._axis == 2 else weight[None]
        return (found * weight).sum(self._axis)


class _Places(nn.Module):
    """Say where things lie on a line: the mean place, weighed by a softmax of scores.

    Args:
        channels: Of the line.
        places: Of the line.
        begin_at: Of each thing, where an untrained network says that it is.
        spread: Standard deviation of the scores that it begins with; all in shares of the line.
    """

    def __init__(
        self, channels: int, places: int, begin_at: Sequence[float], spread: float
    ) -> None:
        super().__init__()
        self.at: torch.Tensor
        self.register_buffer("at", _shares(places), persistent=False)
        last = nn.Conv1d(channels, len(begin_at), 5, padding=2)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        self.scores = nn.Sequential(nn.Conv1d(channels, channels, 5, padding=2), nn.ReLU(), last)
        bells = [_bell(self.at, place, spread) for place in begin_at]
        self.prior = nn.Parameter(torch.stack(bells))

    def forward(self, line: torch.Tensor) -> torch.Tensor:
        """Return (N, K) of (N, C, places)."""
        out: torch.Tensor = (self.scores(line) + self.prior).softmax(-1) @ self.at
        return out


def _doubled(found: torch.Tensor) -> torch.Tensor:
    return F.interpolate(found, scale_factor=2.0, mode="bilinear")


def _shares(places: int) -> torch.Tensor:
    """Return where the middles of places lie, in shares of the axis from its middle."""
    return (torch.arange(places) + 0.5) / places - 0.5


def _bell(at: torch.Tensor, middle: float, spread: float) -> torch.Tensor:
    """Return the logarithm of a normal density, but for a constant."""
    return -(((at - middle) / spread) ** 2) / 2


def _block(channels: int, out: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()
    )


def _fit_of(channels: int, rows: int, columns: int) -> nn.Module:
    """Return what makes (N, 1) log-odds of a map; it has to see where in the map things lie."""
    first, second = _FIT_CHANNELS
    return nn.Sequential(
        _block(channels, first, 2),
        _block(first, second, 2),
        nn.Flatten(),
        nn.Dropout(_FIT_DROPPED),
        nn.Linear(second * (rows // 4) * (columns // 4), _FIT_HIDDEN),
        nn.ReLU(),
        nn.Dropout(_FIT_DROPPED),
        nn.Linear(_FIT_HIDDEN, 1),
    )


def _encoder_of(name: str) -> tuple[nn.Module, list[int]]:
    """Return a feature extractor that ends at stride 16, and its maps' channels, fine to coarse."""
    whole = timm.create_model(name, features_only=True, pretrained=False)
    whole_maps: Any = whole.feature_info
    strides = whole_maps.reduction()
    if not set(STRIDES) <= set(strides):
        raise ConfigError(
            f"encoder: '{name}' offers maps at strides {strides}, "
            f"the refiner needs {', '.join(map(str, STRIDES))}"
        )
    wanted = tuple(strides.index(stride) for stride in STRIDES)
    encoder: nn.Module = timm.create_model(
        name, features_only=True, pretrained=False, out_indices=wanted
    )
    maps: Any = encoder.feature_info
    stage = maps.get_dicts()[-1].get("stage")
    blocks = getattr(encoder, "blocks", None)
    # timm ends most of its extractors by itself, but not those of the EfficientNets.
    if stage is not None and isinstance(blocks, nn.Sequential):
        encoder.blocks = blocks[:stage]
    return encoder, maps.channels()
