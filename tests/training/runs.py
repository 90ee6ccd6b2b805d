"""Tiny trainings: tiles of 128 px, an encoder of 82,000 weights, seconds on one core."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataset.tiles import Tiles

from shipseg.training.config import GateConfig, RefinerConfig, SegmenterConfig, load_config
from shipseg.training.fit import train
from shipseg.training.folder import open_run

KINDS = {"gate": GateConfig, "segmenter": SegmenterConfig, "refiner": RefinerConfig}
MONITORS = {"gate": "val_f1", "segmenter": "val_dice", "refiner": "val_iou"}
_BOTH = (
    "encoder=test_efficientnet", "pretrained=false", "tile_size=128", "threads=1",
    "accelerator=cpu", "batch_size=4", "epochs=2", "patience=0", "ema_decay=0.5",
)  # fmt: skip
TINY = {
    "gate": (*_BOTH, "input_size=64"),
    "segmenter": (
        *_BOTH, "crop_size=64", "crops_per_epoch=8", "decoder_channels=[32,16,16,8,8]",
    ),
    "refiner": (*_BOTH, "hulls_per_epoch=16"),
}  # fmt: skip


def paths_of(tiles: Tiles) -> dict[str, Path]:
    return {"images": tiles.images, "labels": tiles.labels, "split": tiles.split}


def run(
    kind: str,
    root: Path,
    tiles: Tiles,
    settings: Sequence[str] = (),
    *,
    resume: bool = False,
    overwrite: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Train in a folder, or go on there with nothing but `settings` said anew."""
    with open_run(root, resume=resume, overwrite=overwrite) as folder:
        config = load_config(
            KINDS[kind],
            None,
            {} if resume else paths_of(tiles),
            list(settings) if resume else [*TINY[kind], *settings],
            resumed=folder.config if resume else None,
        )
        return train(config, folder, resume=resume, **options)
