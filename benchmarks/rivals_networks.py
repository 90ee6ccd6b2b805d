"""Two networks for `rivals_speed.py`, with weights at random: only their time is of interest."""

from __future__ import annotations

from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

SIDE_PX = 768


def plain_unet() -> nn.Module:
    """Give the U-Net with a ResNet34 that most of the challenge's write-ups began with."""
    return smp.Unet("resnet34", encoder_weights=None, classes=1).eval()


def export_nano(path: Path) -> float:
    """Write the nano-sized one-stage network as ONNX.

    Returns:
        Its GFLOP for one tile, a multiplication and an addition counted as two.
    """
    net, example = Nano().eval(), torch.zeros(1, 3, SIDE_PX, SIDE_PX)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        net(example)
    program = torch.onnx.export(net, (example,), dynamo=True, verbose=False, opset_version=18)
    assert program is not None
    program.save(path)
    return counter.get_total_flops() / 1e9


class Nano(nn.Module):
    """A one-stage instance segmenter of the size of the smallest YOLOs.

    A network of our own with the widths, depths and strides that YOLOv8n-seg is published with
    (3.4 million weights, 12.6 GFLOP at 640 px), because that package's licence does not fit here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 16, 3, 2), conv(16, 32, 3, 2), Split(32, 32, 1))
        self.to_8 = nn.Sequential(conv(32, 64, 3, 2), Split(64, 64, 2))
        self.to_16 = nn.Sequential(conv(64, 128, 3, 2), Split(128, 128, 2))
        self.to_32 = nn.Sequential(conv(128, 256, 3, 2), Split(256, 256, 1), Pyramid(256))
        self.up_16, self.up_8 = Split(384, 128, 1, False), Split(192, 64, 1, False)
        self.down_16, self.down_32 = conv(64, 64, 3, 2), conv(128, 128, 3, 2)
        self.out_16, self.out_32 = Split(192, 128, 1, False), Split(384, 256, 1, False)
        widths = (64, 128, 256)
        self.boxes = nn.ModuleList(head(width, 64, 64) for width in widths)
        self.classes = nn.ModuleList(head(width, 80, 80) for width in widths)
        self.masks = nn.ModuleList(head(width, 32, 32) for width in widths)
        self.prototypes = nn.Sequential(
            conv(64, 64, 3), nn.ConvTranspose2d(64, 64, 2, 2), conv(64, 64, 3), conv(64, 32, 1)
        )

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give (1, 176, boxes) and (1, 32, H/4, W/4); suppression of a few boxes would follow."""
        fine = self.to_8(self.stem(image))
        middle = self.to_16(fine)
        coarse = self.to_32(middle)
        middle = self.up_16(torch.cat([F.interpolate(coarse, scale_factor=2.0), middle], 1))
        fine = self.up_8(torch.cat([F.interpolate(middle, scale_factor=2.0), fine], 1))
        middle = self.out_16(torch.cat([self.down_16(fine), middle], 1))
        coarse = self.out_32(torch.cat([self.down_32(middle), coarse], 1))
        levels = [
            torch.cat([box(x), torch.sigmoid(kind(x)), mask(x)], 1).flatten(2)
            for x, box, kind, mask in zip(
                (fine, middle, coarse), self.boxes, self.classes, self.masks, strict=True
            )
        ]
        return torch.cat(levels, 2), self.prototypes(fine)


class Split(nn.Module):
    """Halve the channels, run one half through small blocks, and mix all that came of it."""

    def __init__(self, width: int, out: int, depth: int, shortcut: bool = True) -> None:
        super().__init__()
        self.half, self.shortcut = out // 2, shortcut
        self.first, self.last = conv(width, out, 1), conv((2 + depth) * self.half, out, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(self.half, self.half, 3), conv(self.half, self.half, 3))
            for _ in range(depth)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give (1, out, H, W)."""
        parts = list(self.first(x).split(self.half, 1))
        for block in self.blocks:
            parts.append(block(parts[-1]) + parts[-1] if self.shortcut else block(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Pyramid(nn.Module):
    """Pool three times over growing surroundings."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.last = conv(width, width // 2, 1), conv(2 * width, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give (1, width, H, W)."""
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(F.max_pool2d(parts[-1], 5, 1, 2))
        return self.last(torch.cat(parts, 1))


def conv(width: int, out: int, side: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(width, out, side, stride, side // 2, bias=False), nn.BatchNorm2d(out), nn.SiLU()
    )


def head(width: int, middle: int, out: int) -> nn.Module:
    return nn.Sequential(conv(width, middle, 3), conv(middle, middle, 3), nn.Conv2d(middle, out, 1))
