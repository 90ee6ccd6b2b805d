"""Put a training together and run it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    ModelCheckpoint,
    RichProgressBar,
)
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.data import DataLoader, Dataset

from shipseg.dataset.crops import ShipCrops, WholeTiles
from shipseg.dataset.gate_tiles import GateTiles, GateTilesPlain
from shipseg.dataset.source import TileSource, divide, open_source
from shipseg.dataset.stream import EpochStream
from shipseg.models.gate import GATE_STRIDE
from shipseg.training.callbacks import AtomicCheckpointIO, History
from shipseg.training.config import GateConfig, SegmenterConfig, TrainConfig
from shipseg.training.folder import RunFolder, locked, record_start
from shipseg.training.modules import GateModule, SegmenterModule
from shipseg.training.samples import draw_samples


@dataclass(frozen=True, slots=True)
class Parts:
    """What one kind of training brings along."""

    module: GateModule | SegmenterModule
    train: Dataset[Any]
    val: Dataset[Any]
    samples_per_epoch: int
    val_batch_size: int


def train(config: TrainConfig, folder: RunFolder, *, progress: bool = True) -> dict[str, Any]:
    """Train a gate or a segmenter, by the type of `config`, until it ends by itself.

    A folder with a checkpoint is gone on with, from the last whole epoch.

    Args:
        config: GateConfig or SegmenterConfig.
        folder: The run folder.
        progress: Show a progress bar.

    Returns:
        The summary that also lies in the folder.
    """
    with locked(folder):
        record_start(folder, config)
        pl.seed_everything(config.seed, workers=True, verbose=False)
        if config.threads:
            torch.set_num_threads(config.threads)
        source = open_source(
            config.images, config.labels, on_bad_row=config.on_bad_row, missing=config.missing
        )
        parts = _parts(config, *divide(
            source, config.split, val_share=config.val_share, seed=config.seed
        ))  # fmt: skip
        trainer, history = _trainer(config, folder, parts.module.monitor, progress=progress)
        module = parts.module
        # Depthwise convolutions are several times faster on a CPU with channels last.
        module.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        checkpoint = str(folder.checkpoint) if folder.checkpoint.is_file() else None
        trainer.fit(
            module,
            _train_loader(config, parts, trainer),
            _val_loader(config, parts),
            ckpt_path=checkpoint,
            weights_only=True,
        )
        if trainer.interrupted:
            raise KeyboardInterrupt
        summary = history.finish(stopped_early=trainer.current_epoch < config.epochs)
        draw_samples(module.net, folder, source, config)
        return summary


def _parts(config: TrainConfig, train_tiles: TileSource, val_tiles: TileSource) -> Parts:
    if isinstance(config, GateConfig):
        view = {"input_size": config.input_size, "stride": GATE_STRIDE}
        return Parts(
            GateModule(config, positive_weight=positive_weight(config, train_tiles)),
            GateTiles(train_tiles, **view, seed=config.seed, augment=config.augment),
            GateTilesPlain(val_tiles, **view),
            config.tiles_per_epoch or len(train_tiles),
            config.batch_size,
        )
    assert isinstance(config, SegmenterConfig)
    crops = ShipCrops(
        train_tiles, size=config.crop_size, empty_share=config.empty_share,
        seed=config.seed, augment=config.augment,
    )  # fmt: skip
    # A whole tile is nine crops of 256 px; keep the memory of a step about the same.
    val_batch = max(1, config.batch_size // 8)
    whole = WholeTiles(val_tiles, limit=config.val_tiles)
    return Parts(SegmenterModule(config), crops, whole, config.crops_per_epoch, val_batch)


def positive_weight(config: GateConfig, tiles: TileSource) -> float:
    """Return the weight of tiles with ships: as configured, or the root of the imbalance."""
    if config.positive_weight != "auto":
        return config.positive_weight
    ships = sum(tiles.table.has_ships(image_id) for image_id in tiles.image_ids)
    return max(1.0, ((len(tiles) - ships) / max(1, ships)) ** 0.5)


def _trainer(
    config: TrainConfig, folder: RunFolder, monitor: str, *, progress: bool
) -> tuple[pl.Trainer, History]:
    history = History(folder, monitor)
    callbacks: list[Callback] = [history]
    if config.ema_decay:
        # After History: Lightning calls callbacks in order, and this one swaps the average out.
        callbacks.append(EMAWeightAveraging(decay=config.ema_decay))
    if config.patience:
        callbacks.append(EarlyStopping(monitor, mode="max", patience=config.patience))
    if progress:
        callbacks.append(RichProgressBar(leave=True))
    callbacks.append(
        ModelCheckpoint(
            folder.root, filename=folder.checkpoint.stem, save_top_k=1, monitor=None,
            enable_version_counter=False, save_on_train_epoch_end=True,
        )  # fmt: skip
    )
    trainer = pl.Trainer(
        accelerator=config.accelerator,
        devices=config.devices,
        precision=_precision(config),  # type: ignore[arg-type]
        max_epochs=config.epochs,
        callbacks=callbacks,
        plugins=[AtomicCheckpointIO()],
        logger=TensorBoardLogger(folder.root, name="", version="tensorboard"),
        enable_progress_bar=progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        gradient_clip_val=5.0,
        # EpochStream already deals the samples out to the processes.
        use_distributed_sampler=False,
        log_every_n_steps=10,
    )
    return trainer, history


def _precision(config: TrainConfig) -> str:
    if config.precision != "auto":
        return config.precision
    if config.accelerator == "cpu" or not torch.cuda.is_available():
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def _workers(config: TrainConfig) -> int:
    if config.workers is not None:
        return config.workers
    # On a CPU the network is the bottleneck; readers would only take its cores.
    on_gpu = config.accelerator != "cpu" and torch.cuda.is_available()
    return min(12, os.cpu_count() or 1) if on_gpu else 0


def _train_loader(config: TrainConfig, parts: Parts, trainer: pl.Trainer) -> DataLoader[Any]:
    workers = _workers(config)
    stream = EpochStream(
        parts.samples_per_epoch, rank=trainer.global_rank, world=trainer.world_size
    )
    return DataLoader(
        parts.train, batch_size=config.batch_size, sampler=stream, num_workers=workers,
        drop_last=parts.samples_per_epoch >= config.batch_size * trainer.world_size,
        pin_memory=torch.cuda.is_available(), persistent_workers=workers > 0,
    )  # fmt: skip


def _val_loader(config: TrainConfig, parts: Parts) -> DataLoader[Any]:
    workers = _workers(config)
    return DataLoader(
        parts.val, batch_size=parts.val_batch_size, num_workers=workers, shuffle=False,
        persistent_workers=workers > 0,
    )  # fmt: skip
