"""Run folders without a training: a configuration and weights drawn at random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml
from dataset.tiles import Tiles
from safetensors.torch import save_file
from torch import nn

from shipseg.imaging.hull_view import VIEW_HW
from shipseg.models.gate import Gate
from shipseg.models.refiner import Refiner
from shipseg.models.segmenter import Segmenter
from shipseg.training.config import AnyConfig, GateConfig, RefinerConfig, SegmenterConfig

# 82,000 weights: exported in seconds.
TINY = "test_efficientnet"
# The smallest with SAME padding.
PADDED = "tf_mobilenetv3_small_minimal_100"
_CHANNELS = (32, 16, 16, 8, 8)


def make_gate(encoder: str = TINY) -> Gate:
    torch.manual_seed(0)
    gate = Gate(encoder, pretrained=False).eval()
    # As it begins, a gate says 0.007 everywhere, and any two of them would agree.
    _stir(gate, gate.cell)
    return gate


def make_segmenter(encoder: str = TINY) -> Segmenter:
    torch.manual_seed(1)
    segmenter = Segmenter(
        encoder, decoder_channels=_CHANNELS, half_resolution=True, pretrained=False
    ).eval()
    _stir(segmenter, segmenter.unet.segmentation_head[0])
    return segmenter


@torch.no_grad()
def _stir(net: nn.Module, head: Any, shape: tuple[int, int, int, int] = (8, 64, 64, 3)) -> None:
    """Give norms statistics of their own, and the last layer something to say."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.8, 1.2)
            module.bias.normal_(0.0, 0.1)
            module.momentum = None  # the plain mean over what it has seen
    net.train()(torch.randint(0, 256, shape, dtype=torch.uint8))
    net.eval()
    nn.init.normal_(head.weight, std=0.3)
    nn.init.zeros_(head.bias)


def make_refiner(encoder: str = TINY) -> Refiner:
    torch.manual_seed(2)
    refiner = Refiner(encoder, pretrained=False).eval()
    for part in (refiner.ends, refiner.sides, refiner.middle):
        _stir(refiner, part.scores[-1], (8, *VIEW_HW, 3))
    return refiner


def write_gate_run(root: Path, tiles: Tiles, **settings: Any) -> Path:
    config = GateConfig(**_paths(tiles), encoder=PADDED, tile_size=128, input_size=64, **settings)
    return _write(root, config, make_gate(PADDED))


def write_segmenter_run(root: Path, tiles: Tiles, *, encoder: str = TINY, **settings: Any) -> Path:
    config = SegmenterConfig(
        **_paths(tiles), encoder=encoder, tile_size=128, crop_size=64,
        decoder_channels=_CHANNELS, **settings,
    )  # fmt: skip
    return _write(root, config, make_segmenter(encoder))


def write_refiner_run(root: Path, tiles: Tiles, **settings: Any) -> Path:
    config = RefinerConfig(
        **_paths(tiles), encoder=TINY, tile_size=128, truth_shift_px=0.25, **settings
    )
    return _write(root, config, make_refiner())


def _paths(tiles: Tiles) -> dict[str, Any]:
    return {"images": tiles.images, "labels": tiles.labels, "split": tiles.split}


def _write(root: Path, config: AnyConfig, net: nn.Module) -> Path:
    root.mkdir(parents=True)
    (root / "config.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")))
    save_file({k: v.contiguous() for k, v in net.state_dict().items()}, root / "best.safetensors")
    return root
